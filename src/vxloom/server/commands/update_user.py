"""updateUser."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import people
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.people import USER, user_views
from vxloom.store import records


class UpdateUser(Command):
    """Changes a user: names, mail address, time zone, password. Its sessions end with a new password."""

    name = "updateUser"
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "the user", required=True, related="listUsers"),
        Parameter("username", Kind.STRING, "its new name"),
        Parameter("firstname", Kind.STRING, "first name"),
        Parameter("lastname", Kind.STRING, "last name"),
        Parameter("email", Kind.STRING, "mail address"),
        Parameter("timezone", Kind.STRING, "time zone"),
        Parameter("password", Kind.STRING, "its new password; kept as a salted hash"),
        Parameter("currentpassword", Kind.STRING, "its password so far: needed unless an admin sets the new one"),
        Parameter("userapikey", Kind.STRING, "a new API key of the caller's choice; with usersecretkey, by admins"),
        Parameter("usersecretkey", Kind.STRING, "its secret"),
    )
    answer = USER
    example = "updateUser id=ID password=SECRET"

    def run(self, call: Call) -> Fields:
        """Return the user."""
        given = call.arguments
        fresh = given.filled("password")
        hashed = people.hashed(given.need("password")) if fresh else None
        with call.write() as tx:
            user = people.user_named(call, tx, given.need("id"))
            if fresh:
                people.refuse_wrong_password(call, user)
            changes = people.changes_of(call, tx, user) | ({"password_hash": hashed} if fresh else {})
            user = tx.update(records.User, user.id, **changes)
            if fresh:
                people.end_sessions(tx, {"id": user.id})
            call.event(tx, "USER.UPDATE", f"Changed user {user.username}", "User", user.id)
            return one("user", user_views(tx, [user])[0])
