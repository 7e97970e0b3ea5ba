"""What is given out, and who may still believe in it (law 7)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from vxloom.store.records.words import (
    AllocationState,
    BeliefKind,
    new_id,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VniAllocation:
    id: str = field(default_factory=new_id)
    zone: str
    vni: int
    physical_network: str | None = None
    network: str | None = None
    """Whose it is or was; None: a host says it holds it, and we do not know for whom."""
    account: str | None = None
    state: AllocationState = AllocationState.USED
    release_revision: int | None = None
    taken: float | None = field(default_factory=time.time)
    """When it was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MacAllocation:
    id: str = field(default_factory=new_id)
    zone: str
    mac: str
    nic: str
    vni: int | None = None
    """The segment it was last known in; None: never published."""
    state: AllocationState = AllocationState.USED
    release_revision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IpAllocation:
    id: str = field(default_factory=new_id)
    zone: str
    network: str
    address: str
    offset: int | None = None
    """Distance from the prefix's first address, where it fits 63 bits: gaps are found by it."""
    family: int = 4
    nic: str
    vni: int | None = None
    state: AllocationState = AllocationState.USED
    release_revision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """Something a host was sent and may still hold. With ``gone_revision`` it is a tombstone."""

    id: str = field(default_factory=new_id)
    zone: str
    host: str
    kind: BeliefKind
    key: str
    since: int = 0
    gone_revision: int | None = None
    acked: int = 0
    """Segments: the highest table revision acknowledged while an allocation of it was draining. Ports: likewise the host document's."""
