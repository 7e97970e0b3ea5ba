"""deleteAccount."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, success
from vxloom.store import records


class DeleteAccount(Command):
    """Removes an account that owns nothing, and its users.

    The real server deletes everything the account owns; here what is in use must be deleted first, by name.
    """

    name = "deleteAccount"
    asynchronous = True
    parameters = (Parameter("id", Kind.UUID, "the account", required=True, related="listAccounts"),)
    example = "deleteAccount id=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id; raises 536 while it owns networks or machines."""
        with call.write() as tx:
            account = owners.fetch_account(call, tx, call.arguments.need("id"))
            if account.id == call.caller.account.id:
                raise RequestError("An account cannot delete itself", code=531, cs_code=4365)
            if account.name == "admin" and account.domain == call.caller.domain.id and account.type is records.AccountType.ROOT_ADMIN:
                raise RequestError("The system's own admin account can't be deleted", code=531, cs_code=4365)
            networks, machines = tx.count(records.Network, account=account.id), tx.count(records.Vm, account=account.id)
            if networks or machines:
                raise RequestError(
                    f"The account {account.name} owns {networks} networks and {machines} instances",
                    code=536,
                    cs_code=4375,
                    remedy="delete those first",
                )
            tx.delete_where(records.User, account=account.id)
            tx.delete(records.Account, account.id)
            call.event(tx, "ACCOUNT.DELETE", f"Deleted account {account.name}", "Account", account.id)
            return call.finished_job(tx, "Account", account.id, success())
