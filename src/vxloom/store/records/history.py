"""Jobs, audit trail, alerts, settings, revisions."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from vxloom.store.records.words import (
    JobStatus,
    WaitKind,
    WaitRole,
    new_id,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    id: str = field(default_factory=new_id)
    command: str
    account: str
    user: str
    status: JobStatus = JobStatus.PENDING
    result_code: int = 0
    result: dict[str, object] | None = None
    """The ``jobresult`` object."""
    instance_type: str | None = None
    instance: str | None = None
    phase: str = ""
    context: dict[str, object] = field(default_factory=dict)
    deadline: float | None = None
    created: float = field(default_factory=time.time)
    completed: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobWait:
    id: str = field(default_factory=new_id)
    job: str
    host: str
    role: WaitRole
    kind: WaitKind
    key: str
    revision: int
    acked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The audit trail: who did what to which object."""

    id: str = field(default_factory=new_id)
    type: str
    """Such as ``VM.CREATE``."""
    level: str = "INFO"
    """INFO, WARN, ERROR."""
    description: str
    account: str | None = None
    user: str | None = None
    resource_type: str | None = None
    resource: str | None = None
    state: str = "Completed"
    """Created, Scheduled, Started, Completed."""
    job: str | None = None
    archived: bool = False
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    id: str = field(default_factory=new_id)
    type: int
    name: str
    """Stable code, such as ``host.silent``."""
    subject: str
    """The object it concerns: id or name. One open alert per (name, subject)."""
    description: str
    sent: float = field(default_factory=time.time)
    resolved: float | None = None
    archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A setting given a value: a zone's, an account's, or with neither the global one."""

    id: str = field(default_factory=new_id)
    name: str
    zone: str | None = None
    account: str | None = None
    value: str
    updated: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    id: str = field(default_factory=new_id)
    zone: str
    revision: int
    nonce: str
    actor: str
    created: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One object of one revision. ``kind`` "segment": ``key`` is the network id; "host": the host id. ``op``: "put" or "gone"."""

    id: str = field(default_factory=new_id)
    zone: str
    revision: int
    kind: str
    key: str
    vni: int | None = None
    """Segments only."""
    op: str = "put"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    id: str
    """``epoch``, ``created``, ``next_host_number``."""
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The answer to a write that named a key: a repetition gets it again instead of doing it twice."""

    id: str = field(default_factory=new_id)
    user: str
    key: str
    """The ``idempotencykey`` or ``customid``."""
    command: str
    digest: str
    """Hex SHA-256 of the arguments: the same key with others is refused."""
    answer: dict[str, object]
    created: float = field(default_factory=time.time)
