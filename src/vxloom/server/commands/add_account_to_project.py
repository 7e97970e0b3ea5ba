"""addAccountToProject."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import projects
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, success
from vxloom.store import records


class AddAccountToProject(Command):
    """Makes an account of the project's domain a member: it then shares what the project owns. For the project's admins."""

    name = "addAccountToProject"
    asynchronous = True
    for_users = True
    parameters = (
        Parameter("projectid", Kind.UUID, "the project", required=True, related="listProjects"),
        Parameter("account", Kind.STRING, "the account's name", required=True),
        Parameter("roletype", Kind.STRING, "Regular (the default) or Admin"),
    )
    example = "addAccountToProject projectid=ID account=tenant-b"

    def run(self, call: Call) -> Fields:
        """Return the job's id; raises 431 for an account that is one already."""
        given = call.arguments
        with call.write() as tx:
            project = projects.managed(call, tx, given.need("projectid"), "projectid")
            account = projects.account_named(tx, project, given.need("account").strip())
            if tx.count(records.ProjectMember, project=project.id, account=account.id):
                raise RequestError(f"Account {account.name} is a member of project {project.name} already")
            tx.add(records.ProjectMember(project=project.id, account=account.id, role=projects.role_of(given.filled("roletype"))))
            call.event(tx, "PROJECT.ACCOUNT.ADD", f"Added account {account.name} to project {project.name}", "Project", project.id)
            return call.finished_job(tx, "Project", project.id, success())
