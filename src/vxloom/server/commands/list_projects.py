"""listProjects."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.listing import alike, keyword, listed, tagged
from vxloom.server.parameters import LISTING, TAGS, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.projects import PROJECT, project_views
from vxloom.store import records


class ListProjects(Command):
    """Lists the projects the caller is a member of, or with ``listall`` all it may see."""

    name = "listProjects"
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "only this project", related="listProjects"),
        Parameter("name", Kind.STRING, "only projects of this name"),
        Parameter("displaytext", Kind.STRING, "only projects of this text"),
        Parameter("state", Kind.STRING, "Active or Suspended"),
        Parameter("account", Kind.STRING, "only projects this account is a member of"),
        Parameter("domainid", Kind.UUID, "only projects of this domain; with account: the account's", related="listDomains"),
        Parameter("listall", Kind.BOOLEAN, "all projects the caller may see"),
        Parameter("isrecursive", Kind.BOOLEAN, "with domainid: sub-domains too"),
        TAGS,
        *LISTING,
    )
    answer = PROJECT
    example = "listProjects listall=true"

    def run(self, call: Call) -> Fields:
        """Return a page of projects."""
        given = call.arguments
        with call.read() as rx:
            where = alike(given, name="name", displaytext="display_text", state="state") | keyword(given, "name", "display_text")
            where |= tagged(given)
            accounts = owners.visible_projects(call, rx)
            if wanted := given.filled("id"):
                where["id"] = owners.fetch_project(call, rx, wanted, "id").id
            if accounts is not None:
                where["account"] = accounts
            return listed(rx, given, records.Project, "project", lambda rows: project_views(rx, rows), where)
