"""logout."""

from __future__ import annotations

from vxloom.server import sessions
from vxloom.server.call import Call
from vxloom.server.command import Command, fields
from vxloom.server.responses import Fields


class Logout(Command):
    """Ends the session of the cookies, if there is one; it needs no sessionkey."""

    name = "logout"
    unsigned = True
    for_users = True
    answer = fields("description string success")
    example = "logout"

    def run(self, call: Call) -> Fields:
        """Return success, whoever asks."""
        sessions.leave(call.store, call.visit.cookies)
        call.visit.answered += sessions.taken_cookies()
        return {"description": "success"}
