"""listAccounts."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.listing import alike, keyword, listed
from vxloom.server.parameters import LISTING, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.people import ACCOUNT, account_views
from vxloom.store import records


class ListAccounts(Command):
    """Lists accounts with their users: the caller's own, or with ``listall`` all it may see."""

    name = "listAccounts"
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "only this account", related="listAccounts"),
        Parameter("name", Kind.STRING, "only the account of this name"),
        Parameter("domainid", Kind.UUID, "only accounts of this domain", related="listDomains"),
        Parameter("accounttype", Kind.INTEGER, "0 user, 1 root admin, 2 domain admin"),
        Parameter("state", Kind.STRING, "enabled, disabled or locked"),
        Parameter("listall", Kind.BOOLEAN, "all accounts the caller may see"),
        Parameter("isrecursive", Kind.BOOLEAN, "with domainid: sub-domains too"),
        *LISTING,
    )
    answer = ACCOUNT
    example = "listAccounts listall=true"

    def run(self, call: Call) -> Fields:
        """Return a page of accounts."""
        given = call.arguments
        with call.read() as rx:
            where = alike(given, name="name", state="state") | keyword(given, "name")
            visible = owners.visible(call, rx)
            if wanted := given.filled("id"):
                where["id"] = owners.fetch_account(call, rx, wanted).id
            elif visible is not None:
                where["id"] = visible
            kind = given.number("accounttype")
            where["type"] = [known for known in owners.PEOPLE if kind in {None, int(known)}]
            return listed(rx, given, records.Account, "account", lambda rows: account_views(rx, rows), where)
