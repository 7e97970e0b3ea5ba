"""enableAccount."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import people
from vxloom.server.responses import Fields, one
from vxloom.server.views.people import ACCOUNT, account_views
from vxloom.store import records


class EnableAccount(Command):
    """Enables an account again that was disabled or locked."""

    name = "enableAccount"
    for_domain_admins = True
    parameters = people.ACCOUNT_NAMED
    answer = ACCOUNT
    example = "enableAccount id=ID"

    def run(self, call: Call) -> Fields:
        """Return the account."""
        with call.write() as tx:
            account = people.account_named(call, tx)
            account = tx.update(records.Account, account.id, state="enabled")
            call.event(tx, "ACCOUNT.ENABLE", f"Enabled account {account.name}", "Account", account.id)
            return one("account", account_views(tx, [account])[0])
