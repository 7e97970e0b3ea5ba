"""Users as they are made."""

from __future__ import annotations

import base64
import hashlib
import os

from vxloom.errors import RequestError
from vxloom.server.parameters import Arguments
from vxloom.store import Fold, ReadTransaction, records

_COST = 1 << 14
"""scrypt's N: about 50 ms and 16 MiB a guess (RFC 7914 section 2)."""


def hashed(password: str) -> str:
    """Return a salted hash: ``scrypt$N$salt$hash``."""
    salt = os.urandom(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=_COST, r=8, p=1)
    return f"scrypt${_COST}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def refuse_user(rx: ReadTransaction, username: str, domain: str) -> None:
    """Raise 431 when a domain has a user of that name already, in any case."""
    for user in rx.all(records.User, username=Fold(username)):
        account = rx.get(records.Account, user.account)
        if account is not None and account.domain == domain:
            raise RequestError(f"The user {username} already exists in the domain", remedy="choose another name")


def user_of(given: Arguments, account: str, username: str, password: str) -> records.User:
    """Return the user of a createAccount or createUser; it has no keys yet."""
    return records.User(
        username=username,
        account=account,
        first_name=given.need("firstname"),
        last_name=given.need("lastname"),
        email=given.need("email"),
        timezone=given.filled("timezone"),
        password_hash=password,
    )
