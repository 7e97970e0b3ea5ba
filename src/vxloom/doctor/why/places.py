"""Places that frames pass both on their way out and on their way in. Pure."""

from __future__ import annotations

from vxloom.doctor.why.at import At
from vxloom.doctor.why.story import Step
from vxloom.model.pair import End, Pair
from vxloom.model.state import bridge_name, vxlan_name


def guest(at: At, end: End, place: int) -> Step:
    """The tap: there, up, somebody behind it, on its bridge, with its MAC."""
    sight = at.sight
    name = sight.taps[place]
    where, device = f"tap {name}", sight.devices.get(name)
    tap, wanted = sight.seen.taps.get(name), sight.wanted.taps.get(name)
    home = wanted.bridge if wanted else "its bridge"
    if device is None:
        return at.broken(
            where,
            f"there is none: nothing of {end.vm} is plugged in",
            f"see whether {end.vm} runs on {sight.host}: vxloom plan {sight.host}",
        )
    if tap is None or not tap.bridge or (wanted is not None and tap.bridge != wanted.bridge):
        seen = f"on {device.bridge}, not on {home}" if device.bridge else "on no bridge"
        return at.broken(where, f"it is {seen}: {end.vm} is cut off", at.repair(name, home, wanted=wanted is not None), "tap-detached")
    if not device.up:
        return at.broken(where, "the tap is down", at.repair(name, wanted=wanted is not None), "tap-changed")
    if not device.carrier:
        return at.broken(where, f"nobody is at its other end: {end.vm} hangs, or its card is down", f"look inside {end.vm}: ip link show")
    if end.mac not in tap.macs:
        return at.broken(
            where, f"the port is locked and {end.mac} has no row on it", at.repair(name, wanted=wanted is not None), "tap-changed"
        )
    if not tap.plain:
        return at.broken(where, "the port is isolated, or keeps broadcast from the guest", at.repair(name), "tap-changed")
    return at.ok(where, f"up, on {tap.bridge}, {'locked to' if tap.locked else 'with'} {', '.join(sorted(tap.macs))}")


def bridge(at: At, vni: int) -> Step:
    """The segment's bridge."""
    name, seen, wanted = bridge_name(vni), at.sight.seen.bridge, at.sight.wanted.bridge
    if seen is None or not seen.up:
        told = "there is no such bridge of ours" if seen is None else "it is down"
        return at.broken(
            f"bridge {name}", told, at.repair(name, wanted=wanted is not None), "device-missing" if seen is None else "device-changed"
        )
    return at.ok(f"bridge {name}", f"up, VNI {vni}")


def vxlan_device(at: At, vni: int) -> Step:
    """The segment's VXLAN device: there, up, on the bridge, as wanted."""
    name, seen, wanted = vxlan_name(vni), at.sight.seen.vxlan, at.sight.wanted.vxlan
    where, repair = f"VXLAN device {name}", at.repair(name, bridge_name(vni), wanted=wanted is not None)
    if seen is None:
        return at.broken(where, "there is no such device of ours", repair, "device-missing")
    if not seen.up:
        return at.broken(where, "it is down", repair, "device-changed")
    if seen.bridge != bridge_name(vni):
        return at.broken(where, f"it is on {seen.bridge or 'no bridge'}", repair, "device-changed")
    if wanted is not None and (seen.udp_port, seen.local) != (wanted.udp_port, wanted.local):
        told = f"it ends at {seen.local} UDP port {seen.udp_port}, not at {wanted.local} UDP port {wanted.udp_port}"
        return at.broken(where, told, repair, "wrong-port" if seen.udp_port != wanted.udp_port else "device-changed")
    if not seen.plain:
        return at.broken(where, "its port is locked or isolated, or it is another kind of tunnel", repair, "device-changed")
    return at.ok(where, f"up, VNI {seen.vni}, {seen.local} UDP port {seen.udp_port}")


def walls(at: At, pair: Pair, peer: str, *, outward: bool) -> Step:
    """The host's own firewall, and our list of who is heard in the segment."""
    sight, seen = at.sight, at.sight.seen
    where = "firewall, outward" if outward else "firewall, inward"
    port, allowed = f"UDP port {sight.udp_port}", seen.allowed
    stopping = [wall for wall in sight.walls if wall.outward is outward]
    for wall in stopping:
        if wall.stops:
            return at.broken(
                where, f"{wall.where} drops {port}: {wall.because}", "vxloom host apply --only firewall there, or take the rule out"
            )
    if "filters" not in sight.unknown:
        if not seen.lists:
            return at.impaired(
                where,
                "the allow lists are gone: anybody is heard",
                at.repair("vxloom", wanted=bool(sight.wanted.lists)),
                "allow-list-changed",
            )
        if allowed is not None and allowed.enforced and peer not in allowed.vteps:
            wanted = sight.wanted.allowed is not None and peer in sight.wanted.allowed.vteps
            return at.broken(
                where, f"the allow list of VNI {pair.vni} lacks {peer}", at.repair(str(pair.vni), wanted=wanted), "allow-list-changed"
            )
    if stopping:
        told = "; ".join(f"{wall.where}: {wall.because}" for wall in stopping)
        return at.unknown(where, f"it cannot be told from the rules whether {port} passes: {told}", "send a packet: --packet")
    if "firewall" in sight.unknown:
        return at.unknown(where, f"the host's own rules cannot be read: {sight.unknown['firewall']}")
    return at.ok(where, f"{port} passes; {peer} is in the allow list of VNI {pair.vni}")
