"""The network below: MTUs along what a label stands on, UDP ports of tunnels, names, labels that share a card, speed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from vxloom.prepare import labels
from vxloom.prepare.machine import Link, Machine
from vxloom.prepare.requirement import Requirement, Subject
from vxloom.settings import HostSettings

_GUESTS_MTU, _BEST_MTU = 1500, 9000
_OVERHEAD = {4: 50, 6: 70}
"""Bytes that VXLAN takes of the MTU below, over IPv4 and IPv6 (RFC 7348 section 5)."""
_LINUX_PORT = 8472
_SPEED = 10_000

_MTU = Subject("MTU of the underlay", "1550, over IPv6 1570", "RFC 7348", impact=9)
_ROOM = Subject("room for tunnels", "their MTU and 50, over IPv6 70", "RFC 7348", impact=9, required=False)
_JUMBO = Subject("jumbo frames", f"{_BEST_MTU}", "Ethernet", impact=5, required=False)
_UDP = Subject("UDP port of tunnels", "4789, of all tunnels", "RFC 7348", impact=8)
_NAMES = Subject("interface names", "that CloudStack knows", "BridgeVifDriver", impact=5, required=False)
_APART = Subject("management and guest labels", "on different cards", "the manual", impact=3, required=False)
_FAST = Subject("network card", "10 Gbit/s", "Ethernet", impact=5, required=False)


def look(machine: Machine, settings: HostSettings) -> Sequence[Requirement]:
    """Return the rows about the underlay: below the label Guest if it is named, else below the way out of this machine."""
    links = machine.links()
    device = settings.labels.get("Guest") or machine.way_out()
    whole = labels.stack(links, device)
    overhead = min(_OVERHEAD[family] for family in machine.families(device))
    return [
        _mtu(device, whole, overhead),
        _room(links, whole, overhead),
        _jumbo(whole),
        _port(machine, settings.tunnel_port),
        _names(whole),
        _apart(links, settings),
        _fast(machine, whole),
    ]


def _mtu(device: str, whole: Sequence[Link], overhead: int) -> Requirement:
    if not whole:
        missing = f"no device {device}" if device else "no label Guest, no default route"
        return _MTU.judged(False, missing, "name it in host.toml: [labels] Guest = …")
    least = min(whole, key=lambda link: link.mtu)
    shown = ", ".join(f"{link.name} {link.mtu}" for link in whole)
    return _MTU.judged(
        least.mtu >= _GUESTS_MTU + overhead, shown, f"vxloom host apply --only mtu raises {least.name}; and the switches must carry it"
    )


def _room(links: Mapping[str, Link], whole: Sequence[Link], overhead: int) -> Requirement:
    """Compare the tunnels that stand with what is below: what does not fit is cut into pieces, or lost."""
    tunnels = [link for link in links.values() if link.kind == "vxlan"]
    if not tunnels or not whole:
        return _ROOM.not_applicable("no tunnel yet" if whole else "the underlay's device is not known")
    room = min(link.mtu for link in whole) - overhead
    large = [f"{link.name} {link.mtu}" for link in tunnels if link.mtu > room]
    shown = f"{', '.join(large[:4])}{' …' if len(large) > 4 else ''}" if large else f"all {len(tunnels)} within {room}"
    return _ROOM.judged(not large, shown, f"there is room for {room}: vxloom host apply --only mtu makes more, or lower the tunnels' MTU")


def _jumbo(whole: Sequence[Link]) -> Requirement:
    if not whole:
        return _JUMBO.not_applicable("the underlay's device is not known")
    least = min(link.mtu for link in whole)
    return _JUMBO.judged(least >= _BEST_MTU, str(least), "vxloom host apply --only mtu, where all switches on the way carry it")


def _port(machine: Machine, port: int) -> Requirement:
    """Look at everybody's tunnels: hosts of one cloud on two ports do not hear one another."""
    shown = machine.must("ip", "-d", "link", "show", "type", "vxlan")
    ports = {int(found) for found in re.findall(r"\bdstport (\d+)", shown)}
    others = sorted(ports - {port})
    held = machine.run("ss", "-Hulnp", f"sport = :{port}")
    if held.status == 0 and "users:" in held.output:
        return _UDP.judged(False, f"a program listens on {port}", f"end it: ss -ulnp sport = :{port} names it")
    where = f"tunnels on {', '.join(map(str, sorted(ports)))}" if ports else "no tunnel yet"
    legacy = f"{_LINUX_PORT} is what Linux, and CloudStack's multicast script, take when nobody says 4789" if _LINUX_PORT in others else ""
    return _UDP.judged(not others, where, f"hosts on another port hear nothing; {legacy or 'see ip -d link show type vxlan'}")


def _names(whole: Sequence[Link]) -> Requirement:
    if not whole:
        return _NAMES.not_applicable("the underlay's device is not known")
    strange = [link.name for link in whole if link.kind != "bridge" and not labels.is_seen(link.name)]
    remedy = f"rename {', '.join(strange)} (systemd.link(5)): CloudStack's agent would not find it"
    return _NAMES.judged(not strange, ", ".join(link.name for link in whole), remedy)


def _apart(links: Mapping[str, Link], settings: HostSettings) -> Requirement:
    guest, management = settings.labels.get("Guest"), settings.labels.get("Management")
    if not guest or not management:
        return _APART.not_applicable("host.toml names no labels Guest and Management")
    both = labels.hardware(links, guest) & labels.hardware(links, management)
    found = f"both end on {', '.join(sorted(both))}" if both else "on different cards"
    return _APART.judged(not both, found, "a guest network's load can then cut the host off; use another card, or a bond of two")


def _fast(machine: Machine, whole: Sequence[Link]) -> Requirement:
    speeds = {link.name: _speed(machine, link.name) for link in whole if not link.kind}
    known = {name: speed for name, speed in speeds.items() if speed > 0}
    if not known:
        return _FAST.not_applicable("no card tells its speed")
    shown = ", ".join(f"{name} {speed:,} Mbit/s" for name, speed in known.items())
    return _FAST.judged(min(known.values()) >= _SPEED, shown, "the overlay is no faster than its card")


def _speed(machine: Machine, name: str) -> int:
    """Return a card's Mbit/s, 0 or less where it does not say."""
    done = machine.run("cat", f"/sys/class/net/{name}/speed")  # a link that is down answers EINVAL, which is no fault
    return int(done.output) if done.output.strip().lstrip("-").isdigit() else 0
