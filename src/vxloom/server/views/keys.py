"""SSH key pairs."""

from __future__ import annotations

from collections.abc import Sequence

from vxloom.server.command import fields
from vxloom.server.responses import Fields
from vxloom.server.views.values import owners
from vxloom.store import ReadTransaction, records

KEY_PAIR = fields("""
id string the pair's id
name string its name
fingerprint string MD5 of its public key
account string the owner
domainid string the owner's domain
domain string that domain's name
""")
MADE_KEY_PAIR = (*KEY_PAIR, *fields("privatekey string the private key, PEM; in this answer only"))


def key_pair_views(rx: ReadTransaction, pairs: Sequence[records.SshKeyPair]) -> list[Fields]:
    """Return key pairs, without their keys."""
    whose = owners(rx, (pair.account for pair in pairs))
    return [{"id": pair.id, "name": pair.name, "fingerprint": pair.fingerprint, **whose[pair.account]} for pair in pairs]
