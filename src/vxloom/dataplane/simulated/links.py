"""The simulated kernel's objects: mutable, unlike everything else that carries these names."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from vxloom.model.addresses import IpPair
from vxloom.model.state import Bridge, Slot, VxlanDevice


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
    def slots(self) -> frozenset[Slot]:
        """What it holds."""
        return frozenset({("name", self.name)})

    def loose(self) -> None:
        """Leave the bridge."""
        self.bridge, self.locked, self.learning, self.flood = "", False, True, True


Link = BridgeLink | VxlanLink | TapLink
