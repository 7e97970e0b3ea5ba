"""deleteAccountFromProject."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import projects
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, success
from vxloom.store import records


class DeleteAccountFromProject(Command):
    """Ends an account's membership of a project. For the project's admins."""

    name = "deleteAccountFromProject"
    asynchronous = True
    for_users = True
    parameters = (
        Parameter("projectid", Kind.UUID, "the project", required=True, related="listProjects"),
        Parameter("account", Kind.STRING, "the account's name", required=True),
    )
    example = "deleteAccountFromProject projectid=ID account=tenant-b"

    def run(self, call: Call) -> Fields:
        """Return the job's id; raises 431 for an account that is no member, or the only admin."""
        given = call.arguments
        with call.write() as tx:
            project = projects.managed(call, tx, given.need("projectid"), "projectid")
            account, member = projects.member_named(tx, project, given.need("account").strip())
            tx.delete(records.ProjectMember, member.id)
            projects.refuse_adminless(tx, project)
            call.event(tx, "PROJECT.ACCOUNT.REMOVE", f"Removed account {account.name} from project {project.name}", "Project", project.id)
            return call.finished_job(tx, "Project", project.id, success())
