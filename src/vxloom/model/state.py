"""Host state: desired and observed in one form, so that they can be compared.

Few things (links, filters) are frozen dataclasses; many things (rows) are tables per VNI. A resource says of
itself what the planner needs to know; the planner knows nothing else about kinds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol

import numpy as np

from vxloom.model.rows import FDB, FLOOD, NEIGHBOUR, Rows, empty
from vxloom.model.vteps import Vteps

Key = tuple[str, str]
"""(kind, name)."""
Slot = tuple[str, str]
"""Something only one may hold on a host: ("name", link name) or ("vni", "VNI:UDP port")."""

MARK = "vxloom"
"""Prefix of the altname every link of ours carries: ``vxloom-<link name>`` cut to 127 characters."""
NEIGHBOUR_PROTOCOL = 118
"""rtnetlink protocol number of our neighbour rows ('v'); unassigned in Linux's rt_protos."""


OVERLAY_GROUP = 0x76786C6D
"""Link group of our VXLAN devices ("vxlm"): by it the filters tell the overlay from other devices without a set of names."""
TAP_GROUP = OVERLAY_GROUP ^ 1
"""Link group of bound taps. It differs in the last bit, so that one masked comparison tells whether a link is either."""


def vxlan_name(vni: int) -> str:
    """Return the VXLAN device's name, as CloudStack's KVM agent makes it."""
    return f"vxlan{vni}"


def bridge_name(vni: int) -> str:
    """Return the bridge's name, as CloudStack's KVM agent makes it."""
    return f"brvx-{vni}"


def altname(link: str) -> str:
    """Return the altname that marks a link as ours. Altnames share one name space with names, so it differs."""
    return f"{MARK}-{link}"


class Resource(Protocol):
    """What the planner may ask of a resource."""

    kind: ClassVar[str]
    recreate_on: ClassVar[frozenset[str]]
    """Fields that cannot change in place."""

    @property
    def key(self) -> Key:
        """Identity."""
        ...

    @property
    def needs(self) -> tuple[Key, ...]:
        """What must stand first, and outlive this one."""
        ...

    @property
    def parent(self) -> Key | None:
        """What this one dies with (not merely is detached from)."""
        ...

    @property
    def exclusive(self) -> frozenset[Slot]:
        """Slots only one on this host may hold."""
        ...

    @property
    def clears(self) -> Mapping[str, tuple[str, ...]]:
        """Field → row tables (of this VNI) that changing it destroys."""
        ...

    def stages(self, before: Resource) -> tuple[Resource, Resource]:
        """What it becomes while rows are written, and what after that. They differ where ``before`` lets pass what some rows still need."""
        ...


class _Alone:
    """What most resources say: nothing needed, nothing held, nothing destroyed, dies with no other."""

    __slots__ = ()

    @property
    def needs(self) -> tuple[Key, ...]:
        """Nothing."""
        return ()

    @property
    def parent(self) -> Key | None:
        """None: deleting a bridge only detaches its ports (measured), so not even a port dies with it."""
        return None

    @property
    def exclusive(self) -> frozenset[Slot]:
        """Nothing."""
        return frozenset()

    @property
    def clears(self) -> Mapping[str, tuple[str, ...]]:
        """Nothing."""
        return {}

    def stages(self, before: Resource) -> tuple[Resource, Resource]:
        """At once what is wanted."""
        return self, self  # type: ignore[return-value]  # its subclasses are resources


class _Named(_Alone):
    """A resource known by its name."""

    __slots__ = ()
    kind: ClassVar[str]
    name: str

    @property
    def key(self) -> Key:
        """Identity."""
        return (self.kind, self.name)


@dataclass(frozen=True, slots=True)
class Bridge(_Named):
    """A segment's bridge. The MAC is explicit: else enslaving a tap may change it and wipe its neighbours (measured)."""

    name: str
    vni: int
    mac: str
    mtu: int
    up: bool = True
    addr_gen_none: bool = True
    quiet_ipv6: bool = True
    """``accept_ra 0``, ``autoconf 0`` and IPv6 itself enabled, which ND suppression needs."""
    plain: bool = True
    """Multicast snooping, spanning tree, VLAN filtering and the forwarding of link-local groups are off."""
    kind: ClassVar[str] = "bridge"
    recreate_on: ClassVar[frozenset[str]] = frozenset({"vni"})

    @property
    def exclusive(self) -> frozenset[Slot]:
        """The name."""
        return frozenset({("name", self.name)})

    @property
    def clears(self) -> Mapping[str, tuple[str, ...]]:
        """A changed MAC or a down bridge flushes its neighbours (measured)."""
        return {"mac": ("neighbours",), "up": ("neighbours",)}


@dataclass(frozen=True, slots=True)
class VxlanDevice(_Named):
    """A segment's VXLAN device, enslaved to its bridge, with its bridge port's flags."""

    name: str
    vni: int
    local: str
    udp_port: int
    mtu: int
    bridge: str
    df: bool = True
    up: bool = True
    device_learning: bool = False
    port_learning: bool = False
    neigh_suppress: bool = True
    flood: bool = False
    """Unknown unicast to this port."""
    mcast_flood: bool = True
    bcast_flood: bool = True
    ipv6_off: bool = True
    plain: bool = True
    """Unicast head-end replication and nothing else: neither locked nor isolated, no default remote, not external."""
    group: int = OVERLAY_GROUP
    kind: ClassVar[str] = "vxlan"
    recreate_on: ClassVar[frozenset[str]] = frozenset({"vni", "udp_port", "df", "device_learning"})

    @property
    def needs(self) -> tuple[Key, ...]:
        """Its bridge, and the list of who may send to it."""
        return (("bridge", self.bridge), ("allow-list", str(self.vni)))

    @property
    def exclusive(self) -> frozenset[Slot]:
        """The name, and VNI + UDP port (the kernel refuses a second holder)."""
        return frozenset({("name", self.name), ("vni", f"{self.vni}:{self.udp_port}")})

    @property
    def clears(self) -> Mapping[str, tuple[str, ...]]:
        """Leaving a bridge drops the bridge's rows for this port."""
        return {"bridge": ("fdb",)}


@dataclass(frozen=True, slots=True)
class FilterTable(_Named):
    """Our nftables table: its chains and empty sets, everything but the elements of ports."""

    name: str = "vxloom"
    ruleset: str = ""
    """Identity of the rules (a version); observed: the same only if every rule is as we made it, else its text's digest."""
    kind: ClassVar[str] = "filter-table"
    recreate_on: ClassVar[frozenset[str]] = frozenset()

    @property
    def exclusive(self) -> frozenset[Slot]:
        """The table's name."""
        return frozenset({("nft", self.name)})


@dataclass(frozen=True, slots=True)
class PortFilter(_Alone):
    """What one tap may send: rows of the filter table's sets."""

    tap: str
    macs: frozenset[str]
    ips: frozenset[str]
    """Bare addresses, IPv4 and IPv6."""
    checked: bool = True
    storm_limit: int = 0
    """Frames a second it may send to all or to a group, and as many at once; 0: any number."""
    kind: ClassVar[str] = "filter"
    recreate_on: ClassVar[frozenset[str]] = frozenset()

    @property
    def key(self) -> Key:
        """Identity."""
        return (self.kind, self.tap)

    @property
    def needs(self) -> tuple[Key, ...]:
        """The table."""
        return (("filter-table", "vxloom"),)

    @property
    def parent(self) -> Key | None:
        """The table: without it there are no elements."""
        return ("filter-table", "vxloom")


@dataclass(frozen=True, slots=True)
class AllowTable(_Named):
    """Our table of who may exchange VXLAN packets with us: its rules and empty sets."""

    udp_port: int
    name: str = "vxloom"
    ruleset: str = ""
    """As in :class:`FilterTable`."""
    kind: ClassVar[str] = "allow-table"
    recreate_on: ClassVar[frozenset[str]] = frozenset()

    @property
    def exclusive(self) -> frozenset[Slot]:
        """The table's name."""
        return frozenset({("nft", f"inet {self.name}")})


@dataclass(frozen=True, slots=True)
class AllowList(_Alone):
    """The VTEPs that may send packets of one VNI to this host, and get some: all others' are dropped."""

    vni: int
    udp_port: int
    vteps: Vteps | None
    """None: not known yet; those that are there stay."""
    enforced: bool = True
    kind: ClassVar[str] = "allow-list"
    recreate_on: ClassVar[frozenset[str]] = frozenset()

    @property
    def key(self) -> Key:
        """Identity."""
        return (self.kind, str(self.vni))

    @property
    def needs(self) -> tuple[Key, ...]:
        """The table."""
        return (("allow-table", "vxloom"),)

    @property
    def parent(self) -> Key | None:
        """The table: without it there are no elements."""
        return ("allow-table", "vxloom")

    @property
    def exclusive(self) -> frozenset[Slot]:
        """The VNI with its UDP port, like its VXLAN device: a foreign device there keeps its peers."""
        return frozenset({("vni", f"{self.vni}:{self.udp_port}")})

    def stages(self, before: Resource) -> tuple[Resource, Resource]:
        """A VTEP is let in before the rows that lead to it, and shut out after they are gone."""
        known = before.vteps if isinstance(before, AllowList) and before.vteps is not None else Vteps()
        wanted = known if self.vteps is None else self.vteps
        return replace(self, vteps=known | wanted), replace(self, vteps=wanted)


@dataclass(frozen=True, slots=True)
class Tap(_Named):
    """A bound tap: its attachment to the bridge, the port's flags, its link group and the MACs fixed to it.

    The device itself belongs to the hypervisor source; we attach and detach it. Deleting this resource
    detaches the tap, gives it back group 0, and never deletes the device.
    """

    name: str
    bridge: str
    """Observed: "" if it was taken off our bridges by other hands and still has our group."""
    macs: frozenset[str]
    """Static, sticky bridge rows on this port: a locked port lets no other source in."""
    mtu: int
    up: bool = True
    locked: bool = True
    learning: bool = False
    flood: bool = False
    """Unknown unicast to this port."""
    plain: bool = True
    """Broadcast and multicast reach it, it is not isolated, and its peers' ARP and ND reach it (no ``neigh_suppress``)."""
    group: int = TAP_GROUP
    kind: ClassVar[str] = "tap"
    recreate_on: ClassVar[frozenset[str]] = frozenset()

    @property
    def needs(self) -> tuple[Key, ...]:
        """Bridge and filters: a port never sends before its filters stand."""
        return (("bridge", self.bridge), ("filter", self.name))


@dataclass(frozen=True, slots=True, eq=False)
class SegmentRows:
    """The bulk rows of one VNI. Observed rows are only those that are ours by law 5."""

    fdb: Rows = field(default_factory=lambda: empty(FDB))
    """On the VXLAN device (``self``): remote MAC → VTEP."""
    bridged: Rows = field(default_factory=lambda: empty(np.dtype([("mac", "<u8")])))
    """MACs with the static bridge row on the VXLAN port (``master``): the other half. Desired: ``fdb``'s MACs."""
    flood: Rows = field(default_factory=lambda: empty(FLOOD))
    neighbours: Rows = field(default_factory=lambda: empty(NEIGHBOUR))
    """On the bridge: every unshared IP of the segment, local guests too (their ARP stays home as well)."""

    def __eq__(self, other: object) -> bool:
        """Equal tables."""
        if not isinstance(other, SegmentRows):
            return NotImplemented
        return all(np.array_equal(getattr(self, n), getattr(other, n)) for n in ROW_TABLES)

    __hash__ = None  # type: ignore[assignment]  # holds arrays; never a key


ROW_TABLES = ("fdb", "bridged", "flood", "neighbours")


@dataclass(frozen=True, slots=True)
class Foreign:
    """A link or table without our mark that holds a slot. Reported when we need the slot; never touched."""

    name: str
    kind: str
    slots: frozenset[Slot]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Stray:
    """A port on a bridge of ours that is neither our VXLAN device nor bound. Quarantined: locked, no learning, no flood."""

    name: str
    bridge: str
    quarantined: bool


@dataclass(frozen=True, slots=True)
class HostState:
    """All of one host's overlay. Desired has no ``foreign`` and no ``strays``."""

    resources: Mapping[Key, Resource] = field(default_factory=dict)
    rows: Mapping[int, SegmentRows] = field(default_factory=dict)
    foreign: tuple[Foreign, ...] = ()
    strays: tuple[Stray, ...] = ()
    present_taps: frozenset[str] = frozenset()
    """Observed: links that exist and could be bound, whether attached or not."""
