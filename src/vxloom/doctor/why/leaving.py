"""The first half of the way: from the sender's tap onto the underlay. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from vxloom.compiler.frames import question
from vxloom.compiler.trace import refusal
from vxloom.doctor.why.at import At
from vxloom.doctor.why.evidence import Sight
from vxloom.doctor.why.places import bridge, guest, vxlan_device, walls
from vxloom.doctor.why.story import Step
from vxloom.model.pair import End, Pair
from vxloom.model.state import bridge_name, vxlan_name

_OVERHEAD = {4: 50, 6: 70}
"""Bytes VXLAN adds to a guest's packet, by the underlay's IP version (RFC 7348 section 5)."""


def leaving(pair: Pair, place: int, sight: Sight) -> Iterator[Step]:
    """Yield the steps on the sender's host; where both live there, up to its bridge."""
    at, sender, receiver = At(sight), pair.ends[place], pair.ends[1 - place]
    yield guest(at, sender, place)
    yield _filter(at, sender, receiver, sight.taps[place])
    yield bridge(at, pair.vni)
    if pair.together:
        return
    yield _fdb(at, pair.vni, receiver)
    yield _arp(at, pair.vni, sender, receiver)
    yield _flood(at, pair.vni, receiver)
    yield vxlan_device(at, pair.vni)
    yield _route(at, sender, receiver)
    yield walls(at, pair, receiver.vtep, outward=True)


def _filter(at: At, sender: End, receiver: End, tap: str) -> Step:
    place, sight = f"filter of {tap}", at.sight
    if "filters" in sight.unknown:
        return at.unknown(place, sight.unknown["filters"])
    if sight.seen.rules != sight.wanted.rules:
        rules = "are not as they were made" if sight.seen.rules else "are gone"
        return at.impaired(
            place,
            f"the rules of table bridge vxloom {rules}: nothing says which frames pass, but the port is locked to its own MAC",
            at.repair("vxloom", wanted=bool(sight.wanted.rules)),
            "filters-changed",
        )
    mine, its = _addresses(sender, receiver)
    found = sight.seen.filters.get(tap)
    why = refusal(question(sender.mac, mine, its), found)
    if why:
        return at.broken(place, why, at.repair(tap, wanted=tap in sight.wanted.filters), "filters-changed")
    return at.ok(place, f"admits {sender.mac}{f' with {mine}' if mine else ''}")


def _addresses(sender: End, receiver: End) -> tuple[str, str]:
    """Return an address of each of one family; where there are none, those of frames that carry none."""
    pairs = [(a, b) for a in sender.ips for b in receiver.ips if ipaddress.ip_address(a).version == ipaddress.ip_address(b).version]
    return pairs[0] if pairs else ("0.0.0.0", "0.0.0.0")  # noqa: S104 - in an ARP probe


def _fdb(at: At, vni: int, receiver: End) -> Step:
    name, seen = vxlan_name(vni), at.sight.seen
    place, where = f"FDB of {name}", f"{receiver.mac} at {receiver.vtep}"
    remedy = at.repair(name, bridge_name(vni), wanted=at.sight.wanted.fdb.get(receiver.mac) == receiver.vtep)
    vtep = seen.fdb.get(receiver.mac)
    if vtep is None or receiver.mac not in seen.bridged:
        half = (
            "" if vtep is None and receiver.mac not in seen.bridged else f" (only {'the bridge' if vtep is None else 'the device'} has it)"
        )
        return at.broken(place, f"lacks {receiver.vm}'s MAC {receiver.mac}{half}", remedy, "fdb-missing")
    if vtep != receiver.vtep:
        return at.broken(place, f"has {receiver.mac} at {vtep}, but it is at {receiver.vtep}", remedy, "fdb-wrong-vtep")
    return at.ok(place, where)


def _arp(at: At, vni: int, sender: End, receiver: End) -> Step:
    """Questions for the receiver: answered here (suppression), else they cross as BUM and the guest itself answers."""
    name, seen = bridge_name(vni), at.sight.seen
    place = f"neighbours of {name}"
    repair = at.repair(name, vxlan_name(vni), wanted=all(at.sight.wanted.neighbours.get(ip) == receiver.mac for ip in receiver.ips))
    if not receiver.ips:
        return at.ok(place, f"the cloud gives {receiver.vm} no address: its ARP crosses by flood entries")
    wrong = {ip: mac for ip in receiver.ips if (mac := seen.neighbours.get(ip, receiver.mac)) != receiver.mac}
    if wrong:
        told = ", ".join(f"{ip} is at {mac}" for ip, mac in wrong.items())
        return at.broken(place, f"answers {sender.vm} that {told}, but {receiver.vm} has {receiver.mac}", repair, "neighbour-extra")
    missing = [ip for ip in receiver.ips if ip not in seen.neighbours]
    if missing and receiver.vtep not in seen.flood:
        return at.broken(
            place, f"does not know {', '.join(missing)}, and no flood entry takes the question over", repair, "neighbour-missing"
        )
    if missing:
        return at.impaired(place, f"does not know {', '.join(missing)}: the question crosses the underlay", repair, "neighbour-missing")
    return at.ok(place, f"answers ARP for {receiver.vm}: {', '.join(receiver.ips)} at {receiver.mac}")


def _flood(at: At, vni: int, receiver: End) -> Step:
    place = f"flood entries of {vxlan_name(vni)}"
    if receiver.vtep in at.sight.seen.flood:
        return at.ok(place, f"broadcast goes to {receiver.vtep}")
    repair = at.repair(vxlan_name(vni), wanted=receiver.vtep in at.sight.wanted.flood)
    if receiver.ips:
        return at.impaired(place, f"lack {receiver.vtep}: broadcast and multicast do not reach {receiver.vm}", repair, "flood-missing")
    return at.broken(place, f"lack {receiver.vtep}: no ARP reaches {receiver.vm}", repair, "flood-missing")


def _route(at: At, sender: End, receiver: End) -> Step:
    sight, route = at.sight, at.sight.route
    place = f"route to {receiver.vtep}"
    if not sight.vtep_here:
        return at.broken(
            place, f"{sight.host} does not have its tunnels' address {sender.vtep}", f"give {sender.vtep} back", "vtep-address-gone"
        )
    if "route" in sight.unknown:
        return at.unknown(place, sight.unknown["route"])
    if not route.device:
        return at.broken(place, "there is none", f"on {sight.host}: ip route get {receiver.vtep}; ask your routing daemon", "route-missing")
    device = sight.devices.get(route.device)
    if device is not None and not (device.up and device.carrier):
        return at.broken(place, f"{route.device} is down", f"on {sight.host}: ip link show {route.device}; see its cable and switch")
    inner = sight.seen.vxlan.mtu if sight.seen.vxlan else 0
    needed = inner + _OVERHEAD[ipaddress.ip_address(receiver.vtep).version]
    carries = min(filter(None, (device.mtu if device else 0, route.mtu)), default=needed)
    if inner and carries < needed:
        code = "underlay-mtu-low" if device and device.mtu < needed else "path-mtu-low"
        return at.impaired(place, f"by {route.device}: carries {carries} bytes, the network needs {needed}: large frames vanish",
                           f"raise the MTU on the way to {receiver.vtep}", code)  # fmt: skip
    return at.ok(place, f"by {route.device}{f' from {route.source}' if route.source else ''}, MTU {carries}")
