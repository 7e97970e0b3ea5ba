"""createSSHKeyPair."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import keys
from vxloom.server.parameters import OWNER
from vxloom.server.responses import Fields, one
from vxloom.server.views.keys import MADE_KEY_PAIR, key_pair_views
from vxloom.store import records


class CreateSSHKeyPair(Command):
    """Makes an SSH key pair (RSA, 2048 bits). The private key is in the answer, and nowhere else: it is not kept."""

    name = "createSSHKeyPair"
    for_users = True
    answers_secret = True
    parameters = (keys.KEY_NAME, *OWNER)
    answer = MADE_KEY_PAIR
    example = "createSSHKeyPair name=mine"

    def run(self, call: Call) -> Fields:
        """Return the pair with its private key."""
        name = call.arguments.need("name").strip()
        with call.read() as rx:
            keys.refuse_taken(rx, owners.owner(call, rx), name)
        made = keys.make()
        with call.write() as tx:
            account = owners.owner(call, tx)
            keys.refuse_taken(tx, account, name)
            row = records.SshKeyPair(account=account.id, name=name, fingerprint=keys.fingerprint(made.public), public_key=made.public)
            tx.add(row)
            call.event(tx, "REGISTER.SSH.KEYPAIR", f"Made SSH key pair {name}", "SSHKeyPair", row.id)
            return one("keypair", {**key_pair_views(tx, [row])[0], "privatekey": made.private})
