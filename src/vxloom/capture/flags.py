"""What is remarkable about captured packets, held against what the host is told of its tunnels. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vxloom.capture.packet import Outer, Packet
from vxloom.model.capture import LINUX_PORT, Known

PROBES: Final = 0xFF_FFFF
"""The VNI of the doctor's probes (:mod:`vxloom.dataplane.probe`)."""
_FLOWS: Final = 8
"""So many inner flows between two VTEPs should have more than one source port."""
_FLOWS_COUNTED: Final = 4096

FLAGS: Final[Mapping[str, str]] = {
    "fragment": "the outer packet was fragmented: one lost piece loses it all, and many VTEPs drop pieces. See: vxloom doctor --paths",
    "df-drop": "larger than ICMP says fits on this way, and not to be fragmented: it was dropped. See: vxloom doctor --paths",
    "frag-needed": "a router or host says that a tunnel packet is too big for it. Raise the MTU there, or lower the networks'",
    "unreachable": "a router or host says that a tunnel packet cannot be delivered: no route, a firewall, or no VXLAN device on that port",
    "zero-checksum": "UDP over IPv6 without a checksum: receivers drop it unless told not to (udp6zerocsumrx). Over IPv4 zero is normal",
    "wrong-port": "VXLAN on another UDP port than this host's tunnels have: the receiver has nothing there. See: vxloom doctor",
    "unknown-vni": "a VNI that is none of this host's segments: it is dropped here, and somebody thinks otherwise",
    "unknown-vtep": "an end of the tunnel is no VTEP of that segment: a stranger, or a host that was removed. It is dropped",
    "poor-entropy": "many inner flows share an outer source port: equal-cost ways and the receiver's cores are not used",
    "malformed": "what is inside is not what its headers say",
}
"""Flag → what it means and what to do."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which tunnel packets are shown; empty: all."""

    vnis: frozenset[int] = frozenset()
    macs: frozenset[str] = frozenset()

    def takes(self, packet: Packet) -> bool:
        """Tell whether a tunnel packet, or one that a router refused, is shown."""
        if packet.vni is None:
            return True
        if self.vnis and packet.vni not in self.vnis:
            return False
        inner = packet.inner
        if not self.macs or inner is None or packet.refusal is not None:
            return True
        return not self.macs.isdisjoint((inner.source, inner.target)) or bool(int(inner.target[:2], 16) & 1)


@dataclass(frozen=True, slots=True)
class Seen:
    """A packet with its flags."""

    packet: Packet
    flags: tuple[str, ...]


def judged(packets: Sequence[Packet], known: Known, selection: Selection) -> tuple[tuple[Seen, ...], int]:
    """Return the tunnel packets with their flags, and how many others there were."""
    tunnel = tuple(_tunnel(packets, known))
    shown = [packet for packet in tunnel if selection.takes(packet)]
    fits, poor = _told(shown), _poor(shown)
    return tuple(Seen(packet, tuple(_flags(packet, known, fits, poor))) for packet in shown), len(packets) - len(tunnel)


def _tunnel(packets: Iterable[Packet], known: Known) -> Iterator[Packet]:
    """Yield what has to do with tunnels: VXLAN, later fragments of it, and what ICMP says of it."""
    ports = {known.port, LINUX_PORT}
    first: set[tuple[str, str, int]] = set()
    vteps = frozenset(known.vteps)
    for packet in packets:
        outer = packet.outer
        if outer is None:
            continue
        whole = (outer.source, outer.target, outer.ident)
        if packet.vni is not None:
            if packet.refusal is None:
                ports.add(outer.target_port)
                first |= {whole} if outer.fragment else set()
            yield packet
        elif packet.refusal is not None:
            if outer.target_port in ports:
                yield packet
        elif outer.offset and (whole in first or {outer.source, outer.target} <= vteps):
            yield packet


def _told(packets: Iterable[Packet]) -> dict[tuple[str, str], int]:
    """Return (source, target) → the least that ICMP says fits."""
    fits: dict[tuple[str, str], int] = {}
    for packet in packets:
        if packet.refusal is not None and packet.outer is not None and packet.refusal.mtu:
            way = (packet.outer.source, packet.outer.target)
            fits[way] = min(packet.refusal.mtu, fits.get(way, packet.refusal.mtu))
    return fits


def _poor(packets: Iterable[Packet]) -> frozenset[tuple[str, str]]:
    """Return the ways on which many flows have one source port."""
    ways: dict[tuple[str, str], tuple[set[tuple[object, ...]], set[int]]] = {}
    for packet in packets:
        if packet.outer is not None and packet.inner is not None and packet.refusal is None and packet.vni != PROBES:
            flows, ports = ways.setdefault((packet.outer.source, packet.outer.target), (set(), set()))
            if len(flows) < _FLOWS_COUNTED:
                flows.add(packet.inner.flow)
            ports.add(packet.outer.source_port)
    return frozenset(way for way, (flows, ports) in ways.items() if len(flows) >= _FLOWS and len(ports) == 1)


def _flags(packet: Packet, known: Known, fits: Mapping[tuple[str, str], int], poor: frozenset[tuple[str, str]]) -> Iterator[str]:
    outer = packet.outer
    if packet.refusal is not None:
        yield "unreachable" if packet.refusal.mtu is None else "frag-needed"
        return
    if outer is None:
        return
    way = (outer.source, outer.target)
    if outer.fragment:
        yield "fragment"
    elif outer.df and outer.size > fits.get(way, outer.size):
        yield "df-drop"
    if outer.checksum == 0 and ":" in outer.source:
        yield "zero-checksum"
    if packet.vni is None:
        return
    if outer.target_port != known.port:
        yield "wrong-port"
    yield from _strange(packet.vni, outer, known)
    if way in poor and packet.vni != PROBES:
        yield "poor-entropy"
    if packet.malformed and packet.whole and not outer.fragment:
        yield "malformed"


def _strange(vni: int, outer: Outer, known: Known) -> Iterator[str]:
    if known.segments is None or vni == PROBES:
        return
    places = known.segments.get(vni)
    if places is None:
        yield "unknown-vni"
    elif known.members:
        members = {known.vteps[place] for place in places}
        ends = {end for end in (outer.source, outer.target) if not _is_group(end)}
        if ends - members:
            yield "unknown-vtep"


def _is_group(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_multicast
    except ValueError:
        return False
