"""lockUser."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import people
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.people import USER, user_views
from vxloom.store import records


class LockUser(Command):
    """Locks a user: its keys and sessions stop at once."""

    name = "lockUser"
    for_domain_admins = True
    parameters = (Parameter("id", Kind.UUID, "the user", required=True, related="listUsers"),)
    answer = USER
    example = "lockUser id=ID"

    def run(self, call: Call) -> Fields:
        """Return the user."""
        with call.write() as tx:
            user = people.user_named(call, tx, call.arguments.need("id"))
            people.refuse_own_user(call, user, "lock")
            user = tx.update(records.User, user.id, state="locked")
            people.end_sessions(tx, {"id": user.id})
            call.event(tx, "USER.LOCK", f"Locked user {user.username}", "User", user.id)
            return one("user", user_views(tx, [user])[0])
