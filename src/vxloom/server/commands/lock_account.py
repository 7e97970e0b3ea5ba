"""lockAccount."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import people
from vxloom.server.responses import Fields, one
from vxloom.server.views.people import ACCOUNT, account_views
from vxloom.store import records


class LockAccount(Command):
    """Locks an account: its keys and sessions stop at once, its machines go on."""

    name = "lockAccount"
    for_domain_admins = True
    parameters = people.ACCOUNT_NAMED
    answer = ACCOUNT
    example = "lockAccount id=ID"

    def run(self, call: Call) -> Fields:
        """Return the account."""
        with call.write() as tx:
            account = people.account_named(call, tx)
            people.refuse_own_end(call, account, "lock")
            account = tx.update(records.Account, account.id, state="locked")
            people.end_sessions(tx, {"account": account.id})
            call.event(tx, "ACCOUNT.LOCK", f"Locked account {account.name}", "Account", account.id)
            return one("account", account_views(tx, [account])[0])
