"""Views of links: VXLAN devices, bridges, ports. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from vxloom.dataplane.linuxbridge.links import is_ours
from vxloom.dataplane.netlink import Link, PortInfo
from vxloom.doctor.show.marks import NONE, Mark
from vxloom.doctor.show.sight import Sight
from vxloom.model.addresses import format_mac, unpack_ip
from vxloom.model.rows import Rows
from vxloom.model.show import Drift, Row
from vxloom.model.state import Bridge, Resource, SegmentRows, Tap, VxlanDevice
from vxloom.planner.rows import diff_rows

_STATES = ("disabled", "listening", "learning", "", "blocking")
"""States of a bridge port; forwarding goes without saying."""


def vnis(sight: Sight, entries: Rows) -> Iterator[Row]:
    """Yield a row for each VXLAN device, and for each that is missing; ``entries`` to count."""
    own = entries[entries["tables"] & 1 != 0]
    remotes = Counter(own["index"][own["mac"] == 0].tolist())
    macs = Counter(own["index"][own["mac"] != 0].tolist())
    on = Counter(link.master for link in sight.kernel.links if link.master and link.vxlan is None)
    for link in sight.kernel.links:
        info = link.vxlan
        if info is None:
            continue
        flags = [name for name, on_ in (("external", info.external), ("learning", info.learning), ("df", info.df == 1)) if on_]
        drift, detail = _mark(sight, link, VxlanDevice.kind)
        yield Row(
            vni=None if info.external else info.vni,
            device=link.name,
            bridge=_master(sight, link),
            vtep=_address(info.local_hi, info.local_lo),
            udp_port=info.port,
            mtu=link.mtu,
            up=link.up,
            flags=(*flags, *([f"group {_address(info.remote_hi, info.remote_lo)}"] if info.remote_hi or info.remote_lo else [])),
            ports=on[link.master] if link.master else 0,
            macs=macs[link.index],
            vteps=remotes[link.index],
            drift=drift,
            detail=detail,
        )
    for wanted, detail in _missing(sight, VxlanDevice.kind):
        if isinstance(wanted, VxlanDevice):
            yield Row(
                vni=wanted.vni,
                device=wanted.name,
                bridge=wanted.bridge,
                vtep=wanted.local,
                udp_port=wanted.udp_port,
                mtu=wanted.mtu,
                drift=Drift.MISSING,
                detail=detail,
            )


def bridges(sight: Sight) -> Iterator[Row]:
    """Yield a row for each bridge, and for each that is missing."""
    on = Counter(link.master for link in sight.kernel.links if link.master)
    answered = Counter(sight.kernel.neighbours["ifindex"][sight.kernel.neighbours["mac"] != 0].tolist())
    for link in sight.kernel.links:
        info = link.bridge
        if info is None:
            continue
        flags = (("snooping", info.mcast_snooping), ("stp", info.stp), ("vlan-filtering", info.vlan_filtering))
        drift, detail = _mark(sight, link, Bridge.kind)
        if not drift and (lost := _neighbours(sight, sight.vnis.get(link.index))):
            drift, detail = Drift.WRONG, lost
        yield Row(
            vni=sight.vnis.get(link.index),
            bridge=link.name,
            mac=format_mac(link.mac),
            mtu=link.mtu,
            up=link.up,
            flags=tuple(name for name, on_ in flags if on_),
            ports=on[link.index],
            neighbours=answered[link.index],
            drift=drift,
            detail=detail,
        )
    for wanted, detail in _missing(sight, Bridge.kind):
        if isinstance(wanted, Bridge):
            yield Row(vni=wanted.vni, bridge=wanted.name, mac=wanted.mac, mtu=wanted.mtu, drift=Drift.MISSING, detail=detail)


def ports(sight: Sight) -> Iterator[Row]:
    """Yield a row for each bridge port, and for each tap that should be one."""
    strays = {stray.name: stray for stray in sight.observed.strays}
    for link in sight.kernel.links:
        if link.port is None:
            continue
        drift, detail = _mark(sight, link, VxlanDevice.kind if link.vxlan is not None else Tap.kind)
        if link.name in strays:
            detail = "locked: nothing it sends passes" if strays[link.name].quarantined else "not locked"
        port = sight.ports.get(link.name)
        yield Row(
            vni=sight.vnis.get(link.index),
            device=link.name,
            bridge=_master(sight, link),
            kind=link.kind or "device",
            mac=port.mac if port else "",
            mtu=link.mtu,
            up=link.up,
            flags=_port_flags(link.port),
            nic=port.nic if port else "",
            drift=drift,
            detail=detail,
        )
    on = {link.name for link in sight.kernel.links if link.port is not None}
    for key, (_, detail) in sight.marks.items():
        wanted = sight.desired.resources.get(key)
        if isinstance(wanted, Tap) and wanted.name not in on:
            port = sight.ports[wanted.name]
            yield Row(
                vni=port.vni,
                device=wanted.name,
                bridge=wanted.bridge,
                mac=port.mac,
                mtu=wanted.mtu,
                nic=port.nic,
                drift=Drift.MISSING,
                detail=detail,
            )


def _port_flags(port: PortInfo) -> tuple[str, ...]:
    state = _STATES[port.state] if port.state < len(_STATES) else str(port.state)
    names = ("locked", "learning", "flood", "mcast_flood", "bcast_flood", "neigh_suppress", "isolated")
    return (*([state] if state else []), *(name for name in names if getattr(port, name)))


def _mark(sight: Sight, link: Link, kind: str) -> Mark:
    ours = is_ours(link) or (kind, link.name) in sight.observed.resources
    return sight.marks.get((kind, link.name), NONE) if ours else (Drift.FOREIGN, "")


def _missing(sight: Sight, kind: str) -> Iterator[tuple[Resource, str]]:
    for key, (drift, detail) in sorted(sight.marks.items()):
        if key[0] == kind and drift is Drift.MISSING:
            yield sight.desired.resources[key], detail


def _neighbours(sight: Sight, vni: int | None) -> str:
    """Return which addresses are not answered for as wanted, in words."""
    desired = sight.desired.rows.get(vni) if vni is not None else None
    if vni is None or desired is None:
        return ""
    step = diff_rows(vni, desired, sight.observed.rows.get(vni, SegmentRows()), prune=sight.prune)
    if step is None:
        return ""
    counts = ((len(step.put.neighbours), "missing or with another MAC"), (len(step.drop.neighbours), "not wanted"))
    return "neighbours: " + ", ".join(f"{count} {words}" for count, words in counts if count) if any(count for count, _ in counts) else ""


def _master(sight: Sight, link: Link) -> str:
    return sight.by_index[link.master].name if link.master in sight.by_index else ""


def _address(high: int, low: int) -> str:
    return str(unpack_ip(high, low)) if high or low else ""
