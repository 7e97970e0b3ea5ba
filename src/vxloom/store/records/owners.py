"""Who owns things and who may do what: domains, accounts, users, projects, roles, sessions, keys."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from vxloom.store.records.words import (
    AccountType,
    ProjectRole,
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
    role: str | None = None
    """Its role; None: the default one of its type."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """Accounts that share what belongs to ``account``, an account of type PROJECT made with it."""

    id: str = field(default_factory=new_id)
    name: str
    display_text: str
    domain: str
    account: str
    state: str = "Active"
    """Active, Suspended."""
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectMember:
    id: str = field(default_factory=new_id)
    project: str
    account: str
    role: ProjectRole = ProjectRole.REGULAR
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    id: str = field(default_factory=new_id)
    name: str
    type: AccountType
    """What accounts of this role are otherwise: it bounds what the rules may allow."""
    description: str | None = None
    is_default: bool = False
    """Default roles have no rules: their type says what they may do. They cannot be changed."""
    is_public: bool = True
    state: str = "enabled"
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class RolePermission:
    """One rule of a role; the first that fits a command decides, and without one it is refused."""

    id: str = field(default_factory=new_id)
    role: str
    position: int
    rule: str
    """A command's name, ``*`` for any characters."""
    permission: str
    """allow, deny."""
    description: str | None = None
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A signed-in user. Both secrets are kept as hex SHA-256, never themselves."""

    id: str
    """Hash of the cookie ``JSESSIONID``."""
    user: str
    key_hash: str
    """Hash of the ``sessionkey``."""
    used: float
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class SshKeyPair:
    id: str = field(default_factory=new_id)
    account: str
    name: str
    fingerprint: str
    public_key: str
    created: float = field(default_factory=time.time)
