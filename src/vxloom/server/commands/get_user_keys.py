"""getUserKeys."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import people
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.people import KEYS


class GetUserKeys(Command):
    """Shows a user's keys: its own to everybody, others' to admins."""

    name = "getUserKeys"
    for_users = True
    parameters = (Parameter("id", Kind.UUID, "the user", required=True, related="listUsers"),)
    answer = KEYS
    example = "getUserKeys id=ID"

    def run(self, call: Call) -> Fields:
        """Return the keys; raises 431 for a user without any."""
        with call.read() as rx:
            user = people.user_named(call, rx, call.arguments.need("id"))
        if not user.api_key:
            raise RequestError(f"User {user.username} has no keys", remedy="make them with registerUserKeys")
        return one("userkeys", {"apikey": user.api_key, "secretkey": user.secret_key})
