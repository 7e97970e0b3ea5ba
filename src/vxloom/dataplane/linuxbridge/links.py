"""Which links are ours, what they are to us, and what stands in our way. Pure: links in, values out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from vxloom.dataplane.netlink import Link
from vxloom.model.addresses import format_mac, unpack_ip
from vxloom.model.state import MARK, TAP_GROUP, Bridge, Foreign, Slot, Stray, Tap, VxlanDevice, altname

_BRIDGE_NAME = re.compile(r"^brvx-(\d+)$")
_VXLAN_NAME = re.compile(r"^vxlan(\d+)$")
_ADDR_GEN_NONE = 1
LEARNT, LOOSE = " learnt", " not sticky"
"""Follow a MAC that the bridge learnt on a bound port, or that is static but not sticky there: so the tap differs from what is wanted."""
_FORWARDING = 3
_NOT_TAPS = frozenset({"bridge", "vxlan", "bond", "vlan", "vrf", "dummy", "wireguard"})


@dataclass(frozen=True, slots=True)
class Overlay:
    """The links of ours among some links, by VNI, and everything on their ports."""

    bridges: Mapping[int, Link] = field(default_factory=dict)
    vxlans: Mapping[int, Link] = field(default_factory=dict)
    ports: tuple[Link, ...] = ()
    """Links on a bridge of ours that are no VXLAN device of ours."""
    left: tuple[Link, ...] = ()
    """Taps that have our group and are on no bridge of ours: taken off by other hands."""
    others: tuple[Link, ...] = ()
    """All links without our mark, ports included."""


@dataclass(frozen=True, slots=True)
class PortMacs:
    """What a bridge believes to be behind one port."""

    fixed: frozenset[int] = frozenset()
    """Static and sticky: as we write them."""
    loose: frozenset[int] = frozenset()
    """Static without being sticky: by other hands."""
    learnt: frozenset[int] = frozenset()


def is_ours(link: Link) -> bool:
    """Tell whether a link carries our mark."""
    return any(name.startswith(f"{MARK}-") for name in link.altnames)


def marked_name(link: Link) -> str:
    """Return the name a link of ours was made under; it may have been renamed since."""
    return next(name.removeprefix(f"{MARK}-") for name in link.altnames if name.startswith(f"{MARK}-"))


def vni_of(link: Link) -> int | None:
    """Return the VNI of a bridge or VXLAN device of ours, None for anything else."""
    if not is_ours(link):
        return None
    if link.kind == "vxlan" and link.vxlan is not None:
        return link.vxlan.vni
    match = _BRIDGE_NAME.match(marked_name(link)) if link.kind == "bridge" else None
    return int(match.group(1)) if match else None


def overlay_of(links: Iterable[Link]) -> Overlay:
    """Sort links into ours and others."""
    bridges: dict[int, Link] = {}
    vxlans: dict[int, Link] = {}
    others: list[Link] = []
    for link in links:
        vni = vni_of(link)
        if vni is None:
            others.append(link)
        elif link.kind == "bridge":
            bridges[vni] = link
        else:
            vxlans[vni] = link
    on_ours = {bridge.index for bridge in bridges.values()}
    ports = tuple(link for link in others if link.master in on_ours)
    left = tuple(link for link in others if link.group == TAP_GROUP and link.master not in on_ours and may_be_tap(link))
    return Overlay(bridges, vxlans, ports, left, tuple(others))


def bridge_resource(vni: int, link: Link) -> Bridge:
    """Return a bridge of ours as the planner sees it. Without IPv6 there is nothing to be quiet about."""
    info, six = link.bridge, link.inet6
    plain = info is not None and not (info.mcast_snooping or info.stp or info.vlan_filtering or info.group_fwd_mask)
    return Bridge(
        name=link.name,
        vni=vni,
        mac=format_mac(link.mac),
        mtu=link.mtu,
        up=link.up,
        addr_gen_none=six is None or six.addr_gen_mode == _ADDR_GEN_NONE,
        quiet_ipv6=six is None or not (six.accept_ra or six.autoconf or six.disable_ipv6),
        plain=plain,
    )


def vxlan_resource(vni: int, link: Link, bridge: str) -> VxlanDevice:
    """Return a VXLAN device of ours as the planner sees it; ``bridge``: the name of whatever it is enslaved to."""
    info, port = link.vxlan, link.port
    if info is None:
        raise ValueError(f"{link.name} is no VXLAN device")
    usual_port = port is None or not (port.locked or port.isolated or (port.state != _FORWARDING and link.up))
    return VxlanDevice(
        name=link.name,
        vni=vni,
        local=str(unpack_ip(info.local_hi, info.local_lo)) if info.local_hi or info.local_lo else "",
        udp_port=info.port,
        mtu=link.mtu,
        bridge=bridge,
        df=info.df == 1,
        up=link.up,
        device_learning=info.learning,
        port_learning=port is not None and port.learning,
        neigh_suppress=port is not None and port.neigh_suppress,
        flood=port is not None and port.flood,
        mcast_flood=port is None or port.mcast_flood,
        bcast_flood=port is None or port.bcast_flood,
        ipv6_off=link.inet6 is None or bool(link.inet6.disable_ipv6),
        plain=usual_port and not (info.remote_hi or info.remote_lo or info.external or info.vnifilter),
        group=link.group,
    )


def tap_resource(link: Link, bridge: str, macs: PortMacs) -> Tap:
    """Return a bound port as the planner sees it; ``bridge``: the name of ours that it is on, "" if it was taken off."""
    port = link.port
    return Tap(
        name=link.name,
        bridge=bridge,
        macs=frozenset(
            [
                *map(format_mac, macs.fixed),
                *(format_mac(mac) + LOOSE for mac in macs.loose),
                *(format_mac(mac) + LEARNT for mac in macs.learnt),
            ]
        ),
        mtu=link.mtu,
        up=link.up,
        locked=port is not None and port.locked,
        learning=port is None or port.learning,
        flood=port is None or port.flood,
        plain=port is not None and port.mcast_flood and port.bcast_flood and not port.isolated and not port.neigh_suppress,
        group=link.group,
    )


def is_bound(link: Link, macs: PortMacs) -> bool:
    """Tell whether a port was bound by us: a MAC is fixed to it, or (a guest still to come) it is locked and yet hears broadcasts.

    A locked port that hears none is a stray we quarantined.
    """
    port = link.port
    return bool(macs.fixed) or (port is not None and port.locked and port.bcast_flood and port.mcast_flood)


def stray_of(link: Link, bridge: str) -> Stray:
    """Return an unbound port of one of our bridges."""
    port = link.port
    quiet = port is not None and port.locked and not (port.learning or port.flood or port.mcast_flood or port.bcast_flood)
    return Stray(link.name, bridge, quiet and link.group != TAP_GROUP)


def foreign_of(link: Link) -> Foreign | None:
    """Return what a link without our mark holds that we may need, None if it holds nothing of the kind."""
    names = [name for name in (link.name, *link.altnames) if _BRIDGE_NAME.match(name) or _VXLAN_NAME.match(name)]
    slots: set[Slot] = {("name", name) for name in names}
    info = link.vxlan
    if info is not None and not info.vnifilter:
        slots.add(("vni", f"{info.vni}:{info.port}"))
    if not slots:
        return None
    detail = f"VNI {info.vni}, UDP port {info.port}" if info is not None else f"{link.kind or 'link'} without our mark {altname(link.name)}"
    return Foreign(link.name, link.kind, frozenset(slots), detail)


def may_be_tap(link: Link) -> bool:
    """Tell whether a link without our mark could be a guest's tap."""
    return link.kind not in _NOT_TAPS and link.name != "lo" and not is_ours(link)
