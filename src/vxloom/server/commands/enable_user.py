"""enableUser."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import people
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.people import USER, user_views
from vxloom.store import records


class EnableUser(Command):
    """Enables a user again that was disabled or locked."""

    name = "enableUser"
    for_domain_admins = True
    parameters = (Parameter("id", Kind.UUID, "the user", required=True, related="listUsers"),)
    answer = USER
    example = "enableUser id=ID"

    def run(self, call: Call) -> Fields:
        """Return the user."""
        with call.write() as tx:
            user = people.user_named(call, tx, call.arguments.need("id"))
            user = tx.update(records.User, user.id, state="enabled")
            call.event(tx, "USER.ENABLE", f"Enabled user {user.username}", "User", user.id)
            return one("user", user_views(tx, [user])[0])
