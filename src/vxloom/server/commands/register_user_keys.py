"""registerUserKeys."""

from __future__ import annotations

import secrets

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import people
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.people import KEYS
from vxloom.store import records


class RegisterUserKeys(Command):
    """Makes a new pair of keys for a user; the old pair stops working."""

    name = "registerUserKeys"
    for_users = True
    answers_secret = True
    parameters = (Parameter("id", Kind.UUID, "the user", required=True, related="listUsers"),)
    answer = KEYS
    example = "registerUserKeys id=ID"

    def run(self, call: Call) -> Fields:
        """Return the keys."""
        with call.write() as tx:
            user = people.user_named(call, tx, call.arguments.need("id"))
            key, secret = secrets.token_urlsafe(64), secrets.token_urlsafe(64)
            tx.update(records.User, user.id, api_key=key, secret_key=secret)
            call.event(tx, "REGISTER.USER.KEY", f"Made new keys for user {user.username}", "User", user.id)
        return one("userkeys", {"apikey": key, "secretkey": secret})
