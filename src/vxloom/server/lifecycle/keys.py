"""SSH key pairs: made, named, told apart by the fingerprint of their public half. Private keys are answered once and never kept."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_ssh_public_key

from vxloom.errors import RequestError
from vxloom.server.parameters import Arguments, Kind, Parameter
from vxloom.store import ReadTransaction, records

_BITS = 2048
KEY_NAME = Parameter("name", Kind.STRING, "its name, one of its kind in the account", required=True)


@dataclass(frozen=True, slots=True)
class Made:
    """A fresh pair."""

    public: str
    """As in ``authorized_keys``."""
    private: str
    """PEM, PKCS 1 (``BEGIN RSA PRIVATE KEY``): what clients that speak SSH read, old ones too."""


def make() -> Made:
    """Return a fresh RSA pair. Takes a tenth of a second or more: never inside a transaction."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return Made(public, key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode())


def checked(text: str) -> str:
    """Return a public key in one line; raises :class:`RequestError` 431 for what is none."""
    line = " ".join(text.split())
    try:
        load_ssh_public_key(line.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise RequestError(
            "Invalid publickey: it is no SSH public key", remedy="give the content of a file such as id_ed25519.pub"
        ) from None
    return line


def fingerprint(public: str) -> str:
    """Return the MD5 fingerprint of a public key, as CloudStack shows it: ``43:51:…``. It names a key, and secures nothing."""
    try:
        blob = base64.b64decode(public.split()[1], validate=True)
    except (IndexError, binascii.Error):
        raise RequestError("Invalid publickey: it is no SSH public key") from None
    return ":".join(f"{byte:02x}" for byte in hashlib.md5(blob, usedforsecurity=False).digest())


def refuse_taken(rx: ReadTransaction, account: records.Account, name: str) -> None:
    """Raise 431 when an account has a key pair of that name."""
    if rx.one(records.SshKeyPair, account=account.id, name=name) is not None:
        raise RequestError(f"A key pair with name '{name[:80]}' already exists.", remedy="choose another name, or delete that one")


def find(rx: ReadTransaction, account: records.Account, name: str) -> records.SshKeyPair:
    """Return an account's key pair; raises 431 when it has none of that name."""
    found = rx.one(records.SshKeyPair, account=account.id, name=name)
    if found is None:
        raise RequestError(f"A key pair with name '{name[:80]}' was not found.", remedy="see listSSHKeyPairs")
    return found


def named(rx: ReadTransaction, account: records.Account, given: Arguments) -> str | None:
    """Return the name of the key pair of ``keypair`` or ``keypairs``, None for none; raises 431 for an unknown one, or for several."""
    single = given.filled("keypair")
    names = (single,) if single else given.items("keypairs")
    if len(names) > 1:
        raise RequestError("A machine has one key pair", remedy="give keypair=NAME")
    return find(rx, account, names[0]).name if names else None
