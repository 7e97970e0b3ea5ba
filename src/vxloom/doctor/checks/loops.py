"""Does a machine flood its network, or does what is sent come back?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import msgspec

from vxloom.doctor.evidence import Device, HostEvidence, Port
from vxloom.doctor.finding import Fault, Finding, Severity
from vxloom.model.addresses import format_mac
from vxloom.model.state import Bridge, PortFilter, Tap, bridge_name

STORM = Fault(
    code="storm",
    severity=Severity.WARNING,
    title="a machine sends more to all than its port may",
    meaning="What is over the limit is dropped, its own broadcasts of use among it; the rest is copied to everybody in its network.",
    remedy="look in the machine for what floods; if that is as it should be: updateConfiguration name=vxloom.port.storm.limit",
)
LOOP = Fault(
    code="loop",
    severity=Severity.WARNING,
    title="what is sent to a network comes back at another place",
    meaning="A machine passes on what it hears (it bridges two of its cards, or a tunnel, or pretends to be others), or somebody's cable "
    "joins two of our bridges. Nothing of it passes, so nobody else is harmed.",
    remedy="look in the machine for a bridge or a tunnel over its cards",
)
FAULTS = (STORM, LOOP)


def look(evidence: HostEvidence) -> Iterator[Finding]:
    """Tell of ports over their limit, of machines whose frames are others', and of cables between our bridges."""
    loops = {finding.where: finding for finding in _of_machines(evidence)}
    for tap, rate in sorted(evidence.storms.items()):
        storm = STORM.found(
            tap, expected=f"{_limit(evidence, tap)} frames/s", seen=f"{rate:.0f} frames/s more than that{_of(evidence, tap)}"
        )
        cause = next((where for where in loops if _machine(evidence, where) == _machine(evidence, tap)), None)
        if cause is not None:
            loops[cause] = msgspec.structs.replace(loops[cause], explains=(*loops[cause].explains, f"{storm.code} {storm.where}"))
        yield storm
    yield from loops.values()
    yield from _cables(evidence)


def _of_machines(evidence: HostEvidence) -> Iterator[Finding]:
    for tap in sorted({tap for tap, _ in evidence.echoes}):
        known = _known(evidence, tap)
        back = {mac: count for (place, mac), count in evidence.echoes.items() if place == tap and mac in known}
        if not back:  # MACs of nobody: containers of its own, or made up
            continue
        first = max(back, key=lambda mac: back[mac])
        more = f" and {len(back) - 1} more" if len(back) > 1 else ""
        seen = f"{sum(back.values())} frames of {first}{more} lately{_of(evidence, tap)}"
        yield LOOP.found(tap, expected="frames of its own MAC", seen=seen)


def _known(evidence: HostEvidence, tap: str) -> frozenset[str]:
    """Return the MACs of all others in the networks in which a tap's machine has cards here."""
    ports = evidence.word.ports.values() if evidence.word else ()
    vnis = {port.vni for port in ports if port.vm == _machine(evidence, tap)}
    bridges = {bridge_name(vni) for vni in vnis}
    taps = [each for each in evidence.desired.resources.values() if isinstance(each, Tap) and each.bridge in bridges]
    remote = {format_mac(int(mac)) for vni in vnis if vni in evidence.desired.rows for mac in evidence.desired.rows[vni].fdb["mac"]}
    return frozenset(remote).union(*(each.macs for each in taps if each.name != tap))


def _cables(evidence: HostEvidence) -> Iterator[Finding]:
    """Tell of foreign ports of our bridges between which there is a way over veths and other bridges."""
    ours = {key[1] for key in evidence.desired.resources if key[0] == Bridge.kind}
    ends = [
        device for name, device in sorted(evidence.devices.items()) if device.peer and device.master in ours and name not in _taps(evidence)
    ]
    for one, other in combinations(ends, 2):
        if _joined(evidence, one, other, ours):
            finding = LOOP.found(
                one.name,
                expected=f"{one.master} and {other.master} apart" if one.master != other.master else f"no way from {one.master} to itself",
                seen=f"a cable from {one.name} on {one.master} to {other.name} on {other.master}",
                remedy=f"ip link set {one.name} nomaster; ip link set {other.name} nomaster",
            )
            yield msgspec.structs.replace(finding, explains=tuple(f"foreign-port {end.name}" for end in (one, other)))


def _joined(evidence: HostEvidence, one: Device, other: Device, ours: set[str]) -> bool:
    """Tell whether what leaves by one end may come in by the other, without passing a bridge of ours."""
    seen, wave = {one.name}, [one]
    while wave:
        far = evidence.devices.get(wave.pop().peer)
        if far is None or far.name in seen:
            continue
        if far.name == other.name:
            return True
        seen.add(far.name)
        if far.master and far.master not in ours:
            wave += [each for each in evidence.devices.values() if each.master == far.master and each.peer and each.name not in seen]
    return False


def _taps(evidence: HostEvidence) -> frozenset[str]:
    return frozenset(name for kind, name in evidence.desired.resources if kind == Tap.kind)


def _limit(evidence: HostEvidence, tap: str) -> str:
    found = evidence.desired.resources.get((PortFilter.kind, tap))
    return f"at most {found.storm_limit}" if isinstance(found, PortFilter) else "within its limit of"


def _port(evidence: HostEvidence, tap: str) -> Port | None:
    ports = evidence.word.ports if evidence.word else {}
    seen = evidence.observed.resources.get((Tap.kind, tap))
    if tap in ports or not isinstance(seen, Tap):
        return ports.get(tap)
    return next((port for port in ports.values() if port.mac in seen.macs and bridge_name(port.vni) == seen.bridge), None)


def _machine(evidence: HostEvidence, tap: str) -> str:
    port = _port(evidence, tap)
    return port.vm if port else tap


def _of(evidence: HostEvidence, tap: str) -> str:
    port = _port(evidence, tap)
    return f"; machine {port.vm_name}, NIC {port.nic}, network {port.network or port.vni}" if port else ""
