"""deleteProject."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import closing, projects
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.waiting import Step


class DeleteProject(Command):
    """Removes a project; with ``cleanup=true`` also what it owns. The job waits until the hosts have nothing of it left."""

    name = "deleteProject"
    asynchronous = True
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "the project", required=True, related="listProjects"),
        Parameter("cleanup", Kind.BOOLEAN, "whether what it owns is deleted, too"),
    )
    example = "deleteProject id=ID cleanup=true"

    def run(self, call: Call) -> Fields:
        """Return the job's id; raises 536 while it owns something, or machines of others are on its networks."""
        with call.write() as tx:
            project = projects.managed(call, tx, call.arguments.need("id"))
            if not call.arguments.flag("cleanup"):
                projects.refuse_used(tx, project)
            job = closing.begin(call, tx, "Project", project.id)
            closing.remove_project(call, tx, job, project)
            call.event(tx, "PROJECT.DELETE", f"Deleted project {project.name}", "Project", project.id, job=job.id)
        return {"jobid": job.id}

    def advance(self, step: Step) -> None:
        """Done, once the hosts said so."""
        closing.finish_removal(step)
