"""listUsers."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.listing import alike, keyword, listed, select
from vxloom.server.parameters import LISTING, OWNED, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.people import USER, user_views
from vxloom.store import records


class ListUsers(Command):
    """Lists users."""

    name = "listUsers"
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "only this user", related="listUsers"),
        Parameter("username", Kind.STRING, "only users of this name"),
        Parameter("accounttype", Kind.INTEGER, "only users of accounts of this type: 0 user, 1 root admin, 2 domain admin"),
        Parameter("state", Kind.STRING, "enabled, disabled or locked"),
        *OWNED,
        *LISTING,
    )
    answer = USER
    example = "listUsers listall=true"

    def run(self, call: Call) -> Fields:
        """Return a page of users."""
        given = call.arguments
        with call.read() as rx:
            where = alike(given, username="username", state="state") | keyword(given, "username")
            accounts = owners.visible(call, rx)
            if wanted := given.filled("id"):
                user = owners.fetch_owned(call, rx, records.User, wanted)
                where["id"] = user.id
            elif accounts is not None:
                where["account"] = accounts
            if (kind := given.number("accounttype")) is not None:
                accounts_of_it = {row.id for row in rx.all(records.Account) if row.type == kind}
                where["id"] = [row.id for row in select(rx, records.User, where) if row.account in accounts_of_it]
            return listed(rx, given, records.User, "user", lambda rows: user_views(rx, rows), where)
