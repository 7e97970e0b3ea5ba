"""createProject."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import projects
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.projects import PROJECT, project_views


class CreateProject(Command):
    """Makes a project: accounts of one domain that share networks and machines. Its owner is its first admin."""

    name = "createProject"
    asynchronous = True
    for_users = True
    parameters = (
        Parameter("name", Kind.STRING, "its name", required=True),
        Parameter("displaytext", Kind.STRING, "what people read; default: its name"),
        Parameter("account", Kind.STRING, "its first admin; default: the caller's account"),
        Parameter("domainid", Kind.UUID, "that account's domain", related="listDomains"),
    )
    answer = PROJECT
    example = "createProject name=website displaytext=website"

    def run(self, call: Call) -> Fields:
        """Return the project's id and the job's."""
        given = call.arguments
        with call.write() as tx:
            admin = owners.owner(call, tx)
            name = given.need("name").strip()
            project = projects.create(tx, name, given.filled("displaytext") or name, admin)
            call.event(tx, "PROJECT.CREATE", f"Created project {name}", "Project", project.id)
            result = one("project", project_views(tx, [project])[0])
            return {"id": project.id, **call.finished_job(tx, "Project", project.id, result)}
