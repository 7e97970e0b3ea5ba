"""What ``vxloom show`` asks a host for, and what a host answers: rows of one of six views. Values only.

A host's answer is bounded: at most :data:`MOST` rows of some 200 bytes, far below the 64 MiB of a message. What differs from what is
wanted is never among the rows left off, as long as it fits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

MOST = 20_000
"""Rows of an answer."""


class View(StrEnum):
    """What to show."""

    VTEPS = "vteps"
    VNIS = "vnis"
    FDB = "fdb"
    PORTS = "ports"
    BRIDGES = "bridges"
    BUM = "bum"


class Drift(StrEnum):
    """How a row stands to what the server wants."""

    NONE = ""
    """As wanted; or there is nothing to compare with."""
    MISSING = "missing"
    """Wanted and not there."""
    EXTRA = "extra"
    """Ours by its mark, and not wanted."""
    WRONG = "wrong"
    """There, but not as wanted."""
    FOREIGN = "foreign"
    """Not ours: somebody else's, or learnt."""


DIFFERS = frozenset({Drift.MISSING, Drift.EXTRA, Drift.WRONG})
"""What an agent at work puts right."""


class Query(msgspec.Struct, frozen=True, omit_defaults=True):
    """What of a view is wanted. None: no matter which."""

    view: View
    vnis: tuple[int, ...] | None = None
    macs: tuple[str, ...] | None = None
    limit: int = MOST


class Row(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A row of any view; each fills the fields it has. The last group only a server knows."""

    host: str = ""
    vni: int | None = None
    device: str = ""
    bridge: str = ""
    kind: str = ""
    """Of a device its kind; of an FDB entry static, permanent, learnt or local (the port's own); of a VTEP own, remote or group."""
    mac: str = ""
    vtep: str = ""
    udp_port: int = 0
    mtu: int = 0
    up: bool | None = None
    tables: str = ""
    """Where an FDB entry stands: in the VXLAN device's, in the bridge's, or in both."""
    flags: tuple[str, ...] = ()
    ports: int | None = None
    macs: int | None = None
    vteps: int | None = None
    vnis: int | None = None
    neighbours: int | None = None
    nic: str = ""
    drift: Drift = Drift.NONE
    detail: str = ""
    """What is wanted instead, or who it is."""

    network: str = ""
    account: str = ""
    project: str = ""
    domain: str = ""
    vm: str = ""
    remote_host: str = ""


class Shown(msgspec.Struct, frozen=True):
    """An answer: rows, and what they are of."""

    host: str
    rows: list[Row]
    total: int
    """Rows there are, those left off included."""
    drift: dict[Drift, int]
    """How many of all are not simply as wanted."""
    note: str = ""
    """Why nothing could be compared, or is withdrawn."""


def counted(drifts: Iterable[Drift]) -> dict[Drift, int]:
    """Return how many there are of each, without those that are as wanted."""
    counts = Counter(drifts)
    return {each: counts[each] for each in Drift if each and counts[each]}


def kept(rows: Sequence[Row], limit: int) -> list[Row]:
    """Return at most ``limit`` rows in their order: what differs first of all is kept."""
    if len(rows) <= limit:
        return list(rows)
    places = sorted(sorted(range(len(rows)), key=lambda place: rows[place].drift not in DIFFERS)[:limit])
    return [rows[place] for place in places]


class Folding:
    """Answers of many hosts as one: at most ``limit`` rows are held for long, however many hosts there are."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rows: list[Row] = []
        self._drift: Counter[Drift] = Counter()
        self.total = 0

    def add(self, shown: Shown, host: str) -> None:
        """Take a host's answer; the cloud's name for it counts, whatever it calls itself."""
        self.total += shown.total
        self._drift.update(shown.drift)
        self._rows += [msgspec.structs.replace(row, host=host) for row in shown.rows]
        if len(self._rows) > 2 * self._limit:
            self._rows = kept(self._rows, self._limit)

    @property
    def rows(self) -> list[Row]:
        """The rows that are kept, host by host."""
        return kept(self._rows, self._limit)

    @property
    def drift(self) -> dict[Drift, int]:
        """How many of all rows are not simply as wanted."""
        return {each: self._drift[each] for each in Drift if self._drift[each]}
