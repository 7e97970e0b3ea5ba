"""createAccount."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import people
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.people import ACCOUNT, account_views
from vxloom.store import Fold, records

_TYPES = {int(kind) for kind in records.AccountType}


class CreateAccount(Command):
    """Makes an account (a tenant) with its first user. Its keys are made with registerUserKeys."""

    name = "createAccount"
    parameters = (
        Parameter("username", Kind.STRING, "name of its first user", required=True),
        Parameter("password", Kind.STRING, "that user's password; kept as a salted hash", required=True),
        Parameter("firstname", Kind.STRING, "that user's first name", required=True),
        Parameter("lastname", Kind.STRING, "that user's last name", required=True),
        Parameter("email", Kind.STRING, "that user's mail address", required=True),
        Parameter("account", Kind.STRING, "its name; default: the user's"),
        Parameter("accounttype", Kind.INTEGER, "0 user (the default), 1 root admin, 2 domain admin"),
        Parameter("roleid", Kind.STRING, "taken and ignored: accounttype decides"),
        Parameter("domainid", Kind.UUID, "its domain; default: ROOT", related="listDomains"),
        Parameter("networkdomain", Kind.STRING, "network domain of its guests"),
        Parameter("timezone", Kind.STRING, "that user's time zone"),
    )
    answer = ACCOUNT
    example = "createAccount username=alice password=SECRET firstname=Alice lastname=A email=alice@example.org account=tenant-a"

    def run(self, call: Call) -> Fields:
        """Return the account."""
        given = call.arguments
        kind = given.number("accounttype") or 0
        if kind not in _TYPES:
            raise RequestError(f"Invalid accounttype {kind}", remedy="give 0, 1 or 2")
        username = given.need("username").strip()
        name = given.filled("account") or username
        password = people.hashed(given.need("password"))  # before the transaction: it takes a while on purpose
        with call.write() as tx:
            wanted = given.filled("domainid")
            domain = owners.fetch_domain(call, tx, wanted) if wanted else call.caller.domain
            if tx.one(records.Account, domain=domain.id, name=Fold(name)):
                raise RequestError(f"The account {name} already exists in domain {domain.path}", remedy="choose another name")
            people.refuse_user(tx, username, domain.id)
            account = tx.add(
                records.Account(name=name, domain=domain.id, type=records.AccountType(kind), network_domain=given.filled("networkdomain"))
            )
            tx.add(people.user_of(given, account.id, username, password))
            call.event(tx, "ACCOUNT.CREATE", f"Created account {name} in domain {domain.path}", "Account", account.id)
            return one("account", account_views(tx, [account])[0])
