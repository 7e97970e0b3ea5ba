"""deleteSSHKeyPair."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import SUCCESS, Command
from vxloom.server.lifecycle import keys
from vxloom.server.parameters import OWNER
from vxloom.server.responses import Fields, success
from vxloom.store import records


class DeleteSSHKeyPair(Command):
    """Deletes an SSH key pair; machines deployed with it go on naming it."""

    name = "deleteSSHKeyPair"
    for_users = True
    parameters = (keys.KEY_NAME, *OWNER)
    answer = SUCCESS
    example = "deleteSSHKeyPair name=mine"

    def run(self, call: Call) -> Fields:
        """Return success; raises 431 where the account has none of that name."""
        with call.write() as tx:
            row = keys.find(tx, owners.owner(call, tx), call.arguments.need("name").strip())
            tx.delete(records.SshKeyPair, row.id)
            call.event(tx, "SSH.KEYPAIR.DELETE", f"Deleted SSH key pair {row.name}", "SSHKeyPair", row.id)
        return success()
