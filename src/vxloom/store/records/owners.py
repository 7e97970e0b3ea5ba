"""Who owns things: domains, accounts, users."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from vxloom.store.records.words import (
    AccountType,
    new_id,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    id: str = field(default_factory=new_id)
    name: str
    parent: str | None = None
    path: str
    """``ROOT``, ``ROOT/a``, ``ROOT/a/b``."""
    level: int = 0
    network_domain: str | None = None
    state: str = "Active"
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    id: str = field(default_factory=new_id)
    name: str
    domain: str
    type: AccountType = AccountType.USER
    state: str = "enabled"
    network_domain: str | None = None
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    id: str = field(default_factory=new_id)
    username: str
    account: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    timezone: str | None = None
    state: str = "enabled"
    api_key: str | None = None
    secret_key: str | None = None
    password_hash: str | None = None
    created: float = field(default_factory=time.time)
