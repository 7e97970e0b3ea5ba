"""disableUser."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import people
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.people import USER, user_views
from vxloom.store import records


class DisableUser(Command):
    """Disables a user: its keys and sessions stop at once."""

    name = "disableUser"
    asynchronous = True
    for_domain_admins = True
    parameters = (Parameter("id", Kind.UUID, "the user", required=True, related="listUsers"),)
    answer = USER
    example = "disableUser id=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id."""
        with call.write() as tx:
            user = people.user_named(call, tx, call.arguments.need("id"))
            people.refuse_own_user(call, user, "disable")
            user = tx.update(records.User, user.id, state="disabled")
            people.end_sessions(tx, {"id": user.id})
            call.event(tx, "USER.DISABLE", f"Disabled user {user.username}", "User", user.id)
            return call.finished_job(tx, "User", user.id, one("user", user_views(tx, [user])[0]))
