"""createAccount."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import people, roles
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.people import ACCOUNT, account_views
from vxloom.store import records


class CreateAccount(Command):
    """Makes an account (a tenant) with its first user. Its keys are made with registerUserKeys.

    Domain admins make accounts in their domain and below. Nobody makes one that may do more than it may itself.
    """

    name = "createAccount"
    for_domain_admins = True
    parameters = (
        Parameter("username", Kind.STRING, "name of its first user", required=True),
        Parameter("password", Kind.STRING, "that user's password; kept as a salted hash", required=True),
        Parameter("firstname", Kind.STRING, "that user's first name", required=True),
        Parameter("lastname", Kind.STRING, "that user's last name", required=True),
        Parameter("email", Kind.STRING, "that user's mail address", required=True),
        Parameter("account", Kind.STRING, "its name; default: the user's"),
        Parameter("accounttype", Kind.INTEGER, "0 user (the default), 1 root admin, 2 domain admin"),
        Parameter("roleid", Kind.UUID, "its role, in place of accounttype", related="listRoles"),
        Parameter("domainid", Kind.UUID, "its domain; default: the caller's", related="listDomains"),
        Parameter("networkdomain", Kind.STRING, "network domain of its guests"),
        Parameter("timezone", Kind.STRING, "that user's time zone"),
        Parameter("accountid", Kind.STRING, "its id, where a root admin chooses one"),
        Parameter("userid", Kind.STRING, "that user's id, where a root admin chooses one"),
    )
    answer = ACCOUNT
    example = "createAccount username=alice password=SECRET firstname=Alice lastname=A email=alice@example.org account=tenant-a"

    def run(self, call: Call) -> Fields:
        """Return the account."""
        given = call.arguments
        username = given.need("username").strip()
        name = given.filled("account") or username
        password = people.hashed(given.need("password"))  # before the transaction: it takes a while on purpose
        with call.write() as tx:
            wanted = given.filled("domainid")
            domain = owners.fetch_domain(call, tx, wanted) if wanted else call.caller.domain
            kind, role = roles.of_account(call, tx)
            people.refuse_account(tx, name, domain)
            people.refuse_user(tx, username, domain.id)
            row = records.Account(
                id=people.chosen_id(call, tx, "accountid", records.Account),
                name=name,
                domain=domain.id,
                type=kind,
                role=role,
                network_domain=given.filled("networkdomain"),
            )
            account = tx.add(row)
            tx.add(people.user_of(call, tx, account.id, username, password))
            call.event(tx, "ACCOUNT.CREATE", f"Created account {name} in domain {domain.path}", "Account", account.id)
            return one("account", account_views(tx, [account])[0])
