"""listProjectAccounts."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.listing import alike, listed
from vxloom.server.parameters import LISTING, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.projects import MEMBER, member_views
from vxloom.store import Contains, Fold, records


class ListProjectAccounts(Command):
    """Lists the members of a project."""

    name = "listProjectAccounts"
    for_users = True
    parameters = (
        Parameter("projectid", Kind.UUID, "the project", required=True, related="listProjects"),
        Parameter("account", Kind.STRING, "only the member of this name"),
        Parameter("role", Kind.STRING, "Admin or Regular"),
        *LISTING,
    )
    answer = MEMBER
    example = "listProjectAccounts projectid=ID"

    def run(self, call: Call) -> Fields:
        """Return a page of members."""
        given = call.arguments
        with call.read() as rx:
            project = owners.fetch_project(call, rx, given.need("projectid"), "projectid")
            where: dict[str, object] = {"project": project.id} | alike(given, role="role")
            if name := given.filled("account"):
                where["account"] = [row.id for row in rx.all(records.Account, domain=project.domain, name=Fold(name))]
            if word := given.filled("keyword"):
                where["account"] = [row.id for row in rx.all(records.Account, domain=project.domain, name=Contains(word))]
            return listed(rx, given, records.ProjectMember, "projectaccount", lambda rows: member_views(rx, rows), where)
