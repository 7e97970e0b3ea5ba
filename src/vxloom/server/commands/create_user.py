"""createUser."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import people, roles
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.people import USER, user_views


class CreateUser(Command):
    """Makes a user of an account that exists."""

    name = "createUser"
    for_domain_admins = True
    parameters = (
        Parameter("username", Kind.STRING, "its name", required=True),
        Parameter("password", Kind.STRING, "its password; kept as a salted hash", required=True),
        Parameter("firstname", Kind.STRING, "first name", required=True),
        Parameter("lastname", Kind.STRING, "last name", required=True),
        Parameter("email", Kind.STRING, "mail address", required=True),
        Parameter("account", Kind.STRING, "its account", required=True),
        Parameter("domainid", Kind.UUID, "the account's domain; default: the caller's", related="listDomains"),
        Parameter("timezone", Kind.STRING, "time zone"),
        Parameter("userid", Kind.STRING, "its id, where a root admin chooses one"),
    )
    answer = USER
    example = "createUser username=bob password=SECRET firstname=Bob lastname=B email=bob@example.org account=tenant-a"

    def run(self, call: Call) -> Fields:
        """Return the user."""
        given = call.arguments
        username = given.need("username").strip()
        password = people.hashed(given.need("password"))
        with call.write() as tx:
            account = owners.named_account(call, tx, given.need("account").strip(), given.filled("domainid"))
            roles.refuse_stronger(call, tx, account)
            people.refuse_user(tx, username, account.domain)
            user = tx.add(people.user_of(call, tx, account.id, username, password))
            call.event(tx, "USER.CREATE", f"Created user {username} of account {account.name}", "User", user.id)
            return one("user", user_views(tx, [user])[0])
