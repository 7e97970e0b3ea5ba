"""What root does to a server's store from beside it, whether the server runs or not."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from vxloom.errors import ConfigError
from vxloom.server.lifecycle import people
from vxloom.store import beside, records

LONGEST = 255
"""Characters of a password, as in the API."""


def set_password(data: Path, database: str, username: str, domain: str, password: str) -> None:
    """Give a user of a domain (a path) a password and end its sessions; an event says so.

    Raises :class:`ConfigError` for a user or password that is none, :class:`StateError` where there is no store of this version.
    """
    if not password.strip() or len(password) > LONGEST or not password.isprintable():
        raise ConfigError("that is no password", remedy=f"give 1 to {LONGEST} printable characters")
    digest = people.hashed(password)
    with closing(beside(data, database)) as store, store.write("password") as tx:
        found = people.person(tx, username, domain, None)
        if found is None:
            raise ConfigError(f"there is no user {username} in domain {domain}", remedy="see listUsers; give --domain PATH")
        user, account, _ = found
        tx.update(records.User, user.id, password_hash=digest)
        people.end_sessions(tx, {"id": user.id})
        text = "password set from the command line"
        tx.event("USER.UPDATE", text, account=account.id, user=user.id, resource_type=records.User.__name__, resource=user.id)
