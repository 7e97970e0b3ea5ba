"""updateAccount."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import people, roles
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.people import ACCOUNT, account_views
from vxloom.store import records


class UpdateAccount(Command):
    """Changes an account: its name, its role, its network domain."""

    name = "updateAccount"
    for_domain_admins = True
    parameters = (
        *people.ACCOUNT_NAMED,
        Parameter("newname", Kind.STRING, "its new name"),
        Parameter("roleid", Kind.UUID, "its new role", related="listRoles"),
        Parameter("networkdomain", Kind.STRING, "network domain of its guests"),
    )
    answer = ACCOUNT
    example = "updateAccount id=ID newname=tenant-b"

    def run(self, call: Call) -> Fields:
        """Return the account."""
        given = call.arguments
        with call.write() as tx:
            account = people.account_named(call, tx)
            changes: dict[str, object] = {}
            if name := given.filled("newname"):
                if name.lower() != account.name.lower():
                    people.refuse_account(tx, name, owners.fetch(tx, records.Domain, account.domain))
                changes["name"] = name
            if given.filled("roleid"):
                people.refuse_own_end(call, account, "change")
                kind, role = roles.of_account(call, tx)
                changes |= {"type": kind, "role": role}
            if "networkdomain" in given:
                changes["network_domain"] = given.filled("networkdomain")
            account = tx.update(records.Account, account.id, **changes)
            call.event(tx, "ACCOUNT.UPDATE", f"Changed account {account.name}", "Account", account.id)
            return one("account", account_views(tx, [account])[0])
