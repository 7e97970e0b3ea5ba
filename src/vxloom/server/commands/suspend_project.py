"""suspendProject."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import closing, projects
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.projects import PROJECT, project_views
from vxloom.server.waiting import Step
from vxloom.store import records


class SuspendProject(Command):
    """Suspends a project: its machines are stopped, and nothing is added to it.

    The job fails where a host does not say in time that its machines stopped; they are in Error then, and the project is suspended.
    """

    name = "suspendProject"
    asynchronous = True
    for_users = True
    parameters = (Parameter("id", Kind.UUID, "the project", required=True, related="listProjects"),)
    answer = PROJECT
    example = "suspendProject id=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id."""
        with call.write() as tx:
            project = projects.managed(call, tx, call.arguments.need("id"))
            tx.update(records.Project, project.id, state="Suspended")
            call.event(tx, "PROJECT.SUSPEND", f"Suspended project {project.name}", "Project", project.id)
            return {"jobid": closing.begin_stop(call, tx, [project.account], "Project", project.id).id}

    def advance(self, step: Step) -> None:
        """Done, once its machines' hosts said so."""
        project = step.tx.get(records.Project, step.job.instance or "")
        result = one("project", project_views(step.tx, [project])[0]) if project else {}
        closing.finish_stop(step, result, f"The project {project.name if project else 'that was removed meanwhile'} is suspended")
