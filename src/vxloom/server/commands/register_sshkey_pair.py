"""registerSSHKeyPair."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import keys
from vxloom.server.parameters import OWNER, Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.keys import KEY_PAIR, key_pair_views
from vxloom.store import records


class RegisterSSHKeyPair(Command):
    """Keeps the public half of an SSH key pair that somebody has already."""

    name = "registerSSHKeyPair"
    for_users = True
    parameters = (
        keys.KEY_NAME,
        Parameter("publickey", Kind.STRING, "as in a file such as id_ed25519.pub", required=True, length=16384),
        *OWNER,
    )
    answer = KEY_PAIR
    example = "registerSSHKeyPair name=mine publickey='ssh-ed25519 AAAA…'"

    def run(self, call: Call) -> Fields:
        """Return the pair; raises 431 where the account has one of that name, or that key."""
        given = call.arguments
        name, public = given.need("name").strip(), keys.checked(given.need("publickey"))
        fingerprint = keys.fingerprint(public)
        with call.write() as tx:
            account = owners.owner(call, tx)
            keys.refuse_taken(tx, account, name)
            if tx.one(records.SshKeyPair, account=account.id, fingerprint=fingerprint) is not None:
                raise RequestError(f"A key pair with fingerprint '{fingerprint}' already exists.", remedy="see listSSHKeyPairs")
            row = tx.add(records.SshKeyPair(account=account.id, name=name, fingerprint=fingerprint, public_key=public))
            call.event(tx, "REGISTER.SSH.KEYPAIR", f"Registered SSH key pair {name}", "SSHKeyPair", row.id)
            return one("keypair", key_pair_views(tx, [row])[0])
