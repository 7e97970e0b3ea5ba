"""deleteUser."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import people
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, success
from vxloom.store import records


class DeleteUser(Command):
    """Removes a user; its keys and sessions stop at once."""

    name = "deleteUser"
    for_domain_admins = True
    parameters = (Parameter("id", Kind.UUID, "the user", required=True, related="listUsers"),)
    example = "deleteUser id=ID"

    def run(self, call: Call) -> Fields:
        """Return success."""
        with call.write() as tx:
            user = people.user_named(call, tx, call.arguments.need("id"))
            people.refuse_own_user(call, user, "delete")
            tx.delete(records.User, user.id)
            call.event(tx, "USER.DELETE", f"Deleted user {user.username}", "User", user.id)
        return success()
