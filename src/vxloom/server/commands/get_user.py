"""getUser."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.people import USER, user_views
from vxloom.store import records


class GetUser(Command):
    """Finds the user an API key belongs to."""

    name = "getUser"
    for_domain_admins = True
    parameters = (Parameter("userapikey", Kind.STRING, "the API key", required=True),)
    answer = USER
    example = "getUser userapikey=KEY"

    def run(self, call: Call) -> Fields:
        """Return the user; raises 431 when the key is nobody's the caller reaches."""
        key = call.arguments.need("userapikey").strip()
        with call.read() as rx:
            user = rx.one(records.User, api_key=key)
            if user is None or not owners.reaches(rx, call.caller, user.account):
                raise RequestError("User with provided API key does not exist")
            return one("user", user_views(rx, [user])[0])
