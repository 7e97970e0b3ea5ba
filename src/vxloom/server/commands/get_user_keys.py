"""getUserKeys."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.people import KEYS
from vxloom.store import records


class GetUserKeys(Command):
    """Shows a user's keys."""

    name = "getUserKeys"
    for_users = True
    parameters = (Parameter("id", Kind.UUID, "the user", required=True, related="listUsers"),)
    answer = KEYS
    example = "getUserKeys id=ID"

    def run(self, call: Call) -> Fields:
        """Return the keys; raises 431 for a user without any."""
        with call.read() as rx:
            user = owners.fetch_owned(call, rx, records.User, call.arguments.need("id"))
        if not user.api_key:
            raise RequestError(f"User {user.username} has no keys", remedy="make them with registerUserKeys")
        return one("userkeys", {"apikey": user.api_key, "secretkey": user.secret_key})
