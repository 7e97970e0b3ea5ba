"""Captured packets as text: a line each, and a table at the end. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from vxloom.capture.flags import FLAGS, PROBES, Seen
from vxloom.capture.packet import Inner, Outer, Packet


@dataclass(frozen=True, slots=True)
class Sum:
    """All packets of a VNI; None: those whose VNI is not in them (later fragments, short quotes in ICMP)."""

    vni: int | None
    packets: int
    bytes: int
    flags: dict[str, int]


def summed(seen: Iterable[Seen]) -> list[Sum]:
    """Return a row per VNI, in their order."""
    packets: Counter[int | None] = Counter()
    sizes: Counter[int | None] = Counter()
    flags: dict[int | None, Counter[str]] = {}
    for each in seen:
        vni = each.packet.vni
        packets[vni] += 1
        sizes[vni] += each.packet.length
        flags.setdefault(vni, Counter()).update(each.flags)
    order = sorted(packets, key=lambda vni: (vni is None, vni or 0))
    return [Sum(vni, packets[vni], sizes[vni], dict(flags[vni])) for vni in order]


def line(seen: Seen) -> str:
    """Return a packet in one line: when, the tunnel, what is inside, how large, what is remarkable."""
    packet = seen.packet
    moment = datetime.fromtimestamp(packet.time, UTC).strftime("%H:%M:%S.%f")
    flags = "".join(f"  !{flag}" for flag in seen.flags)
    return f"{moment} {_middle(packet)}, {packet.length} bytes{flags}"


def row(each: Sum) -> tuple[object, ...]:
    """Return a row of the table."""
    flags = ", ".join(f"{name} {each.flags[name]}" for name in FLAGS if name in each.flags)
    return (_vni(each.vni), each.packets, each.bytes, flags or "–")


def legend(rows: Sequence[Sum]) -> list[str]:
    """Return what the flags that were seen mean."""
    seen = {flag for each in rows for flag in each.flags}
    return [f"!{flag}: {meaning}" for flag, meaning in FLAGS.items() if flag in seen]


def _middle(packet: Packet) -> str:
    outer = packet.outer or Outer("?", "?")
    way = _way(outer)
    if packet.refusal is not None:
        fits = f" (fits: {packet.refusal.mtu})" if packet.refusal.mtu else ""
        told = f"{packet.refusal.teller} > {packet.refusal.told} {packet.protocol} {packet.info}{fits}"
        return f"{told}, of {outer.size} bytes, vni {_vni(packet.vni)} {way}"
    if packet.vni is None:
        return f"vni ? {way} later fragment, at byte {outer.offset * 8}"
    return f"vni {_vni(packet.vni)} {way} | {_inside(packet.inner)} {packet.protocol} {packet.info}"


def _way(outer: Outer) -> str:
    if not outer.target_port:
        return f"{outer.source} > {outer.target}"
    return f"{outer.source}.{outer.source_port} > {outer.target}.{outer.target_port}"


def _inside(inner: Inner | None) -> str:
    if inner is None:
        return "cut off:"
    vlan = f" vlan {inner.vlan}" if inner.vlan is not None else ""
    ips = f" {inner.source_ip} > {inner.target_ip}" if inner.source_ip else ""
    return f"{inner.source} > {inner.target}{vlan}{ips}"


def _vni(vni: int | None) -> str:
    return "?" if vni is None else f"{vni} (probes)" if vni == PROBES else str(vni)
