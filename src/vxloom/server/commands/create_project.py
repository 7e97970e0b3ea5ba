"""createProject."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import projects
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.projects import PROJECT, project_views
from vxloom.store import Transaction, records


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
        Parameter("accountid", Kind.UUID, "its first admin by id, in place of account", related="listAccounts"),
    )
    answer = PROJECT
    example = "createProject name=website displaytext=website"

    def run(self, call: Call) -> Fields:
        """Return the project's id and the job's."""
        given = call.arguments
        with call.write() as tx:
            admin = _admin(call, tx)
            name = given.need("name").strip()
            project = projects.create(tx, name, given.filled("displaytext") or name, admin)
            call.event(tx, "PROJECT.CREATE", f"Created project {name}", "Project", project.id)
            result = one("project", project_views(tx, [project])[0])
            return {"id": project.id, **call.finished_job(tx, "Project", project.id, result)}


def _admin(call: Call, tx: Transaction) -> records.Account:
    """Return the account that is to be the first admin; raises 431 where two are named."""
    wanted = call.arguments.filled("accountid")
    if wanted is None:
        return owners.owner(call, tx)
    if call.arguments.filled("account"):
        raise RequestError("account and accountid can't be specified together", remedy="give one or the other")
    return owners.fetch_account(call, tx, wanted, "accountid")
