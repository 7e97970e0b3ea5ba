"""The segment table: who is in a layer-2 segment and where. EVPN in spirit, compiled by the server.

``apply(changes(a, b), a) == b`` for any two tables of one segment; the keyed digest proves it on the wire.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

import numpy as np

from vxloom.errors import StateError
from vxloom.model.rows import ADDRESS, MEMBER, PORT, Rows, difference, digest, empty, union

_TABLES = ("members", "ports", "addresses")


@dataclass(frozen=True, slots=True)
class SegmentHead:
    """What a segment is, apart from who is in it."""

    vni: int
    network: str
    """Network id (UUID)."""
    name: str
    tenant: str
    mtu: int
    """Inner MTU, bytes."""
    udp_port: int = 4789


@dataclass(frozen=True, slots=True, eq=False)
class SegmentTable:
    """All hosts of one segment need to know of it. Tables are canonical (:mod:`vxloom.model.rows`)."""

    head: SegmentHead
    revision: int
    members: Rows = field(default_factory=lambda: empty(MEMBER))
    ports: Rows = field(default_factory=lambda: empty(PORT))
    addresses: Rows = field(default_factory=lambda: empty(ADDRESS))

    @property
    def vni(self) -> int:
        """The segment's identity within its zone."""
        return self.head.vni

    def __eq__(self, other: object) -> bool:
        """Equal content and revision."""
        if not isinstance(other, SegmentTable):
            return NotImplemented
        return self.revision == other.revision and self.same_content(other)

    __hash__ = None  # type: ignore[assignment]  # holds arrays; never a key

    def same_content(self, other: SegmentTable) -> bool:
        """Tell whether both say the same, whatever their revisions."""
        return self.head == other.head and all(np.array_equal(getattr(self, t), getattr(other, t)) for t in _TABLES)

    def digest(self, epoch: str) -> int:
        """Return the keyed digest of the whole content, without the revision (64 bits)."""
        key = _key(epoch, repr(self.head))
        return sum(digest(getattr(self, t), key + i) for i, t in enumerate(_TABLES)) % 2**64 ^ key


@dataclass(frozen=True, slots=True, eq=False)
class SegmentChanges:
    """What turns the table of ``from_revision`` into that of ``to_revision``. Removed rows are explicit."""

    head: SegmentHead
    from_revision: int
    to_revision: int
    digest: int
    """Of the resulting table, under the epoch it was made for."""
    removed: tuple[Rows, Rows, Rows]
    added: tuple[Rows, Rows, Rows]


def changes(old: SegmentTable, new: SegmentTable, epoch: str) -> SegmentChanges:
    """Return what turns ``old`` into ``new``; both must be tables of one VNI."""
    if old.vni != new.vni:
        raise ValueError(f"tables of two segments: {old.vni} and {new.vni}")
    pairs = [(getattr(old, t), getattr(new, t)) for t in _TABLES]
    removed = tuple(difference(a, b) for a, b in pairs)
    added = tuple(difference(b, a) for a, b in pairs)
    return SegmentChanges(
        new.head,
        old.revision,
        new.revision,
        new.digest(epoch),
        (removed[0], removed[1], removed[2]),
        (added[0], added[1], added[2]),
    )


def apply(delta: SegmentChanges, table: SegmentTable, epoch: str) -> SegmentTable:
    """Return the table after ``delta``.

    Raises :class:`StateError` when the delta starts elsewhere or the digest disagrees; the caller then asks
    for a snapshot of that segment and keeps what it has meanwhile.
    """
    if delta.from_revision != table.revision or delta.head.vni != table.vni:
        raise StateError(
            f"segment {table.vni}: changes start at revision {delta.from_revision}, held is {table.revision}",
            remedy="a snapshot is asked for",
        )
    members, ports, addresses = (
        union(difference(getattr(table, t), gone), new) for t, gone, new in zip(_TABLES, delta.removed, delta.added, strict=True)
    )
    result = replace(table, head=delta.head, revision=delta.to_revision, members=members, ports=ports, addresses=addresses)
    if result.digest(epoch) != delta.digest:
        raise StateError(f"segment {table.vni}: digest differs after revision {delta.to_revision}", remedy="a snapshot is asked for")
    return result


def _key(epoch: str, text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), key=epoch.encode()[:64], digest_size=8).digest(), "little")
