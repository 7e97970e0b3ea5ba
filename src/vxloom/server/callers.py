"""Whose key is it? The one place that turns an API key into a caller."""

from __future__ import annotations

from dataclasses import dataclass, field

from vxloom.server.call import Caller
from vxloom.server.roles import rules_of
from vxloom.store import ReadTransaction, Store, records

ENABLED = "enabled"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A caller and the secret that signs for it; the secret never shows in a log."""

    caller: Caller
    secret: str = field(repr=False)
    strict: bool = False
    """The setting ``enforce.post.requests.and.timestamps``."""


def credentials_of(store: Store, key: str) -> Credentials | None:
    """Return whose API key it is; None when nobody's, or when its user, account or domain may not act."""
    with store.read() as rx:
        found = rx.user_by_key(key)
        strict = rx.setting_bool("enforce.post.requests.and.timestamps")
        caller = caller_of(rx, *found) if found else None
    if caller is None or not caller.user.secret_key:
        return None
    return Credentials(caller, caller.user.secret_key, strict)


def caller_of(rx: ReadTransaction, user: records.User, account: records.Account, domain: records.Domain) -> Caller | None:
    """Return a user as a caller; None when user, account or domain may not act."""
    if not may_enter(user, account, domain):
        return None
    return Caller(user, account, domain, rules_of(rx, account.role) if account.role else None)


def may_enter(user: records.User, account: records.Account, domain: records.Domain) -> bool:
    """Tell whether somebody may act at all: neither user nor account are disabled or locked, and the domain is active."""
    return user.state.lower() == ENABLED and account.state.lower() == ENABLED and domain.state == "Active"
