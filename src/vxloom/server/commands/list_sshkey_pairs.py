"""listSSHKeyPairs."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.listing import alike, keyword, listed, same
from vxloom.server.parameters import LISTING, OWNED, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.keys import KEY_PAIR, key_pair_views
from vxloom.store import records


class ListSSHKeyPairs(Command):
    """Lists SSH key pairs; never their private keys."""

    name = "listSSHKeyPairs"
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "only this pair", related="listSSHKeyPairs"),
        Parameter("name", Kind.STRING, "only pairs of this name"),
        Parameter("fingerprint", Kind.STRING, "only pairs of this fingerprint"),
        *OWNED,
        *LISTING,
    )
    answer = KEY_PAIR
    example = "listSSHKeyPairs"

    def run(self, call: Call) -> Fields:
        """Return a page of pairs."""
        given = call.arguments
        with call.read() as rx:
            if wanted := given.filled("id"):
                owners.fetch_owned(call, rx, records.SshKeyPair, wanted)
            where = same(given, id="id") | alike(given, name="name", fingerprint="fingerprint") | keyword(given, "name")
            accounts = owners.visible(call, rx)
            if accounts is not None:
                where["account"] = accounts
            return listed(rx, given, records.SshKeyPair, "sshkeypair", lambda rows: key_pair_views(rx, rows), where)
