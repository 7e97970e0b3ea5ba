"""What is known of a host when the checks look: gathered once, never changed. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from vxloom.model.hardware import Hardware
from vxloom.model.path import Path
from vxloom.model.state import HostState
from vxloom.planner.plan import Plan


@dataclass(frozen=True, slots=True)
class Device:
    """A network device, ours or not."""

    name: str
    mtu: int
    up: bool
    kind: str
    index: int = 0
    mac: str = "00:00:00:00:00:00"
    master: str = ""
    vni: int | None = None
    """Of a VXLAN device, with ``udp_port``, ``group`` (multicast; "": none), ``local`` address, ``lower`` device and mark."""
    udp_port: int = 0
    group: str = ""
    local: str = ""
    lower: str = ""
    ours: bool = False
    peer: str = ""
    """Of a veth: its other end, where that is on this host."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A MAC that a bridge believes behind one of its ports."""

    bridge: str
    port: str
    mac: str
    learnt: bool
    """Else somebody wrote it."""


@dataclass(frozen=True, slots=True)
class Double:
    """A MAC that a bridge has behind a local port, and its VXLAN device behind a remote host."""

    mac: str
    port: str
    tunnel: str
    remote: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """VXLAN networks that others made."""

    remotes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Device → hosts it sends to, by its FDB; the multicast group left out."""
    doubles: tuple[Double, ...] = ()
    stopped: Mapping[tuple[str, int], str] = field(default_factory=dict)
    """(underlay device, UDP port) → the rule of this host's own firewall that stops tunnels' packets."""


@dataclass(frozen=True, slots=True)
class Route:
    """How this host reaches a VTEP. ``device`` "": it does not."""

    device: str = ""
    source: str = ""
    mtu: int = 0
    """What a router said is the most on the way (ICMP), or a route's own; 0: nobody said."""


@dataclass(frozen=True, slots=True)
class Wall:
    """A chain of the host's own rules that stops tunnel packets, or may."""

    where: str
    because: str
    outward: bool
    stops: bool
    """False: it cannot be told from the rules."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """What tunnel packets meet between this host's link and its tunnels."""

    walls: tuple[Wall, ...] = ()
    """Of the tunnels' port."""
    claimants: tuple[str, ...] = ()
    """MACs of others that answer for this host's VTEP on its own link."""
    reverse_path: int = 0
    """``rp_filter`` as it works on the device that has the VTEP: 0 off, 1 strict, 2 loose."""
    reverse_path_drops: int = 0
    """Packets that it dropped on any device since the boot."""


class Process(StrEnum):
    """How the agent's process stands."""

    RUNS = "runs"
    FROZEN = "frozen"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Port:
    """Whose a tap is."""

    nic: str
    mac: str
    vm: str
    vm_name: str
    vni: int
    network: str = ""


@dataclass(frozen=True, slots=True)
class Word:
    """What the server last said to this host, from the agent's state on disk."""

    vtep: str
    udp_port: int
    remotes: frozenset[str] = frozenset()
    """Other hosts' VTEPs in the segments of this one."""
    ports: Mapping[str, Port] = field(default_factory=dict)
    """Tap → whose. An external guest's tap may have another name on this host: its port is told by its MAC then."""


@dataclass(frozen=True, slots=True)
class SegmentDigest:
    """What a host holds of a segment, each kind of row with the host's own rows added: so that all hosts' are the same. 32 bits each."""

    table: int
    """Of the segment as the server told it: hosts that were told different things are not compared."""
    fdb: int
    bridged: int
    flood: int
    neighbours: int


@dataclass(frozen=True, slots=True)
class HostEvidence:
    """One host. What could not be gathered is absent, and ``unknown`` says why."""

    host: str
    word: Word | None = None
    """None: no server has told this host anything, so there is nothing to compare with."""
    desired: HostState = field(default_factory=HostState)
    observed: HostState = field(default_factory=HostState)
    plan: Plan = field(default_factory=Plan)
    """What would make observed as desired."""
    doubt: str = ""
    """What is wrong with the agent's state on disk."""
    holding: str = ""
    agent: Process | None = None
    """None: this host is not one of vxloom's."""
    no_stream: str = ""
    """Why the agent has no stream to a server, as it left word of; "": it has one."""
    devices: Mapping[str, Device] = field(default_factory=dict)
    sightings: tuple[Sighting, ...] = ()
    """On bridges of ours, behind ports that are no VXLAN devices of ours; only where something is not as desired."""
    addresses: Mapping[str, str] = field(default_factory=dict)
    """Address of this host → the device that has it."""
    crossing: Crossing = field(default_factory=Crossing)
    routes: Mapping[str, Route] = field(default_factory=dict)
    """VTEP → route."""
    sysctls: Mapping[str, int] = field(default_factory=dict)
    multicast_groups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Device → groups it has joined."""
    neighbours: int = 0
    """Entries of the IPv4 neighbour table that garbage collection counts."""
    conntrack: tuple[int, int] | None = None
    """Entries, and most that are allowed; None: no connection tracking."""
    state_dir: str = "the agent's state"
    storms: Mapping[str, float] = field(default_factory=dict)
    """Tap → frames a second dropped at this moment because they are over its limit."""
    echoes: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(tap, MAC) → frames that came in lately at the tap under that MAC, which is not its own."""
    state_free: int | None = None
    """Bytes free where the agent keeps its state."""
    foreign: Foreign | None = None
    """None: an agent of ours is here, and tunnels of others are not its business."""
    segments: Mapping[int, SegmentDigest] = field(default_factory=dict)
    """VNI → digests of what the kernel holds."""
    hardware: Hardware | None = None
    """What sensors, cards and bonds say in a single look."""
    unknown: Mapping[str, str] = field(default_factory=dict)
    """What could not be gathered → why."""


@dataclass(frozen=True, slots=True)
class HostAnswer:
    """What the management side knows of one host when it has asked it for its findings."""

    name: str
    connected: bool
    vtep: str = ""
    silence: str = ""
    """Why a connected host gave no answer; "": it gave one."""
    skew: float = 0.0
    """Seconds its clock is ahead of this one's, behind if negative: at least so much, whatever the answer took on its way."""
    listens: bool = False
    """It answered probes when paths were measured."""
    heard: frozenset[str] | None = None
    """VTEPs whose probes arrived here; None: not known."""
    paths: tuple[Path, ...] = ()
    """What it measured; empty where paths were not asked for."""
    segments: Mapping[int, SegmentDigest] = field(default_factory=dict)
    """VNI → digests of what its kernel holds; empty while it finds itself that something there is not as it should be."""


@dataclass(frozen=True, slots=True)
class CloudEvidence:
    """All hosts, seen from the management side."""

    hosts: tuple[HostAnswer, ...] = ()

    @property
    def vteps(self) -> Mapping[str, str]:
        """Host → its VTEP, of those that have one."""
        return {host.name: host.vtep for host in self.hosts if host.vtep}
