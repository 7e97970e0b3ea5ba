"""The simulated kernel's objects: mutable, unlike everything else that carries these names."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field, replace

import numpy as np

from vxloom.errors import DataplaneError
from vxloom.model.addresses import IpPair, format_mac
from vxloom.model.rows import FDB, FLOOD, NEIGHBOUR, table
from vxloom.model.state import Bridge, Foreign, Key, SegmentRows, Slot, Stray, Tap, VxlanDevice


@dataclass(slots=True)
class BridgeLink:
    """A bridge and what lives in it."""

    is_now: Bridge
    ours: bool = True
    fdb: dict[int, str] = field(default_factory=dict)
    """MAC → port. One row per MAC: putting it elsewhere takes it away here."""
    neighbours: dict[IpPair, int] = field(default_factory=dict)
    foreign_neighbours: dict[IpPair, int] = field(default_factory=dict)
    """Of another protocol: neither seen nor touched by the driver, flushed with the others."""

    @property
    def key(self) -> Key:
        """Identity."""
        return self.is_now.key

    @property
    def slots(self) -> frozenset[Slot]:
        """What it holds."""
        return self.is_now.exclusive


@dataclass(slots=True)
class VxlanLink:
    """A VXLAN device, its own FDB and its port's flags."""

    is_now: VxlanDevice
    ours: bool = True
    fdb: dict[int, IpPair] = field(default_factory=dict)
    flood: set[IpPair] = field(default_factory=set)

    @property
    def key(self) -> Key:
        """Identity."""
        return self.is_now.key

    @property
    def slots(self) -> frozenset[Slot]:
        """What it holds."""
        return self.is_now.exclusive

    def loose(self) -> None:
        """Leave the bridge: a port's flags are the bridge's, the next bridge starts with its defaults."""
        self.is_now = replace(self.is_now, bridge="", port_learning=True, neigh_suppress=False, flood=True)


@dataclass(slots=True)
class TapLink:
    """A device somebody else made and may take away."""

    name: str
    ours: bool = False
    """Bound by us, so marked."""
    bridge: str = ""
    mtu: int = 1500
    up: bool = True
    locked: bool = False
    learning: bool = True
    flood: bool = True

    @property
    def key(self) -> Key:
        """Identity."""
        return (Tap.kind, self.name)

    @property
    def slots(self) -> frozenset[Slot]:
        """What it holds."""
        return frozenset({("name", self.name)})

    def loose(self) -> None:
        """Leave the bridge."""
        self.bridge, self.locked, self.learning, self.flood = "", False, True, True


Link = BridgeLink | VxlanLink | TapLink


@dataclass(slots=True)
class Fault:
    """What an injected failure does to the next writes of a key."""

    errno: int
    times: int
    after: int
    """Rows that still get through."""
    lie: bool
    """Answer "done" and do nothing."""


def refusal(key: Key, operation: str, number: int) -> DataplaneError:
    """Return the error the kernel gives."""
    return DataplaneError(" ".join(key), operation, number, retryable=number in {errno.EIO, errno.ENOBUFS, errno.EBUSY})


def bridge_of(link: TapLink | VxlanLink) -> str:
    """Return the name of the bridge a port is on, empty for none."""
    return link.bridge if isinstance(link, TapLink) else link.is_now.bridge


def foreign(link: BridgeLink | VxlanLink) -> Foreign:
    """Return how a link without our mark is seen."""
    return Foreign(link.is_now.name, link.is_now.kind, link.slots, "without our mark")


def stray(tap: TapLink) -> Stray:
    """Return how a port nobody bound is seen."""
    return Stray(tap.name, tap.bridge, tap.locked and not tap.learning and not tap.flood)


def tap_as_seen(tap: TapLink, bridge: BridgeLink) -> Tap:
    """Return a bound tap with the MACs that have a row on it."""
    macs = frozenset(format_mac(mac) for mac, port in bridge.fdb.items() if port == tap.name)
    return Tap(tap.name, tap.bridge, macs, tap.mtu, up=tap.up, locked=tap.locked, learning=tap.learning, flood=tap.flood)


def rows_in(name: str, vxlan: VxlanLink | None, bridge: BridgeLink | None) -> SegmentRows:
    """Return the rows that live in our two devices of a VNI; ``name`` is the VXLAN device's, of which the bridge has rows."""
    ports = bridge.fdb.items() if bridge is not None else ()
    neighbours = bridge.neighbours.items() if bridge is not None else ()
    return SegmentRows(
        table(FDB, ((mac, *vtep) for mac, vtep in (vxlan.fdb.items() if vxlan is not None else ()))),
        table(np.dtype([("mac", "<u8")]), ((mac,) for mac, port in ports if port == name)),
        table(FLOOD, vxlan.flood if vxlan is not None else ()),
        table(NEIGHBOUR, ((*ip, mac) for ip, mac in neighbours)),
    )
