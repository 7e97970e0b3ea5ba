"""What a host tells of one segment, cut down to what two NICs in it need of each other. JSON on the wire; pure."""

from __future__ import annotations

import msgspec
import numpy as np

from vxloom.doctor.evidence import Process, Route, Wall
from vxloom.model.addresses import format_mac, pack_ip, parse_mac, unpack_ip
from vxloom.model.pair import Pair
from vxloom.model.state import AllowList, AllowTable, Bridge, FilterTable, HostState, PortFilter, SegmentRows, Tap, VxlanDevice


class Allowed(msgspec.Struct, frozen=True):
    """The list of who is heard in the segment, as far as it concerns the two."""

    vteps: tuple[str, ...]
    enforced: bool


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """A host's state, wanted or as the kernel has it."""

    bridge: Bridge | None = None
    vxlan: VxlanDevice | None = None
    taps: dict[str, Tap] = {}
    filters: dict[str, PortFilter] = {}
    rules: str = ""
    """Identity of the filters' rules; "": there are none."""
    lists: str = ""
    """The same of the allow lists' rules."""
    allowed: Allowed | None = None
    fdb: dict[str, str] = {}
    """MAC → VTEP."""
    bridged: tuple[str, ...] = ()
    """MACs that the bridge knows behind the VXLAN device."""
    neighbours: dict[str, str] = {}
    """IP → MAC: what the bridge answers for."""
    flood: tuple[str, ...] = ()
    """Those VTEPs of the two that get copies of broadcast."""


class Device(msgspec.Struct, frozen=True):
    """A link as it stands."""

    up: bool
    carrier: bool
    """Somebody is at its other end, as far as the kernel can tell."""
    mtu: int
    bridge: str = ""
    """What it is a port of."""


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """One host's answer."""

    host: str
    seen: Slice
    wanted: Slice
    """By what the host was told."""
    taps: dict[int, str] = {}
    """Place in the pair → tap, of those who live here."""
    udp_port: int = 4789
    devices: dict[str, Device] = {}
    vtep_here: bool = True
    """The host has the address its tunnels end at."""
    route: Route = Route()
    """To the other's VTEP; empty when both live here."""
    walls: tuple[Wall, ...] = ()
    obstacles: dict[str, str] = {}
    """Name of a link or table of ours → what stands in its way."""
    agent: Process = Process.RUNS
    holding: str = ""
    unknown: dict[str, str] = {}
    """What could not be looked at → why."""


def cut(state: HostState, pair: Pair, taps: dict[int, str]) -> Slice:
    """Return of a state what concerns two NICs."""
    of_vni = [each for each in state.resources.values() if getattr(each, "vni", None) == pair.vni]
    allowed = next((each for each in of_vni if isinstance(each, AllowList)), None)
    rows = state.rows.get(pair.vni, SegmentRows())
    macs = {end.mac: np.uint64(parse_mac(end.mac)) for end in pair.ends}
    vteps = {end.vtep: pack_ip(end.vtep) for end in pair.ends if end.vtep}
    return Slice(
        bridge=next((each for each in of_vni if isinstance(each, Bridge)), None),
        vxlan=next((each for each in of_vni if isinstance(each, VxlanDevice)), None),
        taps={name: tap for name in taps.values() if isinstance(tap := state.resources.get((Tap.kind, name)), Tap)},
        filters={name: one for name in taps.values() if isinstance(one := state.resources.get((PortFilter.kind, name)), PortFilter)},
        rules=next((each.ruleset for each in state.resources.values() if isinstance(each, FilterTable)), ""),
        lists=next((each.ruleset for each in state.resources.values() if isinstance(each, AllowTable)), ""),
        allowed=None
        if allowed is None or allowed.vteps is None
        else Allowed(tuple(text for text, vtep in vteps.items() if vtep in allowed.vteps), allowed.enforced),
        fdb={
            mac: str(unpack_ip(int(row["hi"]), int(row["lo"])))
            for mac, number in macs.items()
            for row in rows.fdb[rows.fdb["mac"] == number]
        },
        bridged=tuple(mac for mac, number in macs.items() if number in rows.bridged["mac"]),
        neighbours={ip: mac for end in pair.ends for ip in end.ips if (mac := _neighbour(rows, ip))},
        flood=tuple(text for text, (high, low) in vteps.items() if ((rows.flood["hi"] == high) & (rows.flood["lo"] == low)).any()),
    )


def _neighbour(rows: SegmentRows, ip: str) -> str:
    high, low = (np.uint64(half) for half in pack_ip(ip))
    found = rows.neighbours[(rows.neighbours["hi"] == high) & (rows.neighbours["lo"] == low)]
    return format_mac(int(found["mac"][0])) if len(found) else ""
