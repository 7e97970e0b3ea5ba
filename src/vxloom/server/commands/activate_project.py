"""activateProject."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import projects
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.projects import PROJECT, project_views
from vxloom.store import records


class ActivateProject(Command):
    """Activates a project again that was suspended."""

    name = "activateProject"
    asynchronous = True
    for_users = True
    parameters = (Parameter("id", Kind.UUID, "the project", required=True, related="listProjects"),)
    answer = PROJECT
    example = "activateProject id=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id."""
        with call.write() as tx:
            project = projects.managed(call, tx, call.arguments.need("id"))
            project = tx.update(records.Project, project.id, state="Active")
            call.event(tx, "PROJECT.ACTIVATE", f"Activated project {project.name}", "Project", project.id)
            return call.finished_job(tx, "Project", project.id, one("project", project_views(tx, [project])[0]))
