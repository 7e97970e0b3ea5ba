"""Are the bridges and VXLAN devices as the server wants them?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields

from vxloom.doctor.evidence import HostEvidence
from vxloom.doctor.finding import Fault, Finding, Severity
from vxloom.model.state import Bridge, Resource, VxlanDevice
from vxloom.planner.plan import Operation, ResourceStep

_ROWS = frozenset({"fdb-missing", "flood-missing", "neighbour-missing"})
_BY_HAND = frozenset(
    {"device-missing", "device-changed", "foreign-name", "foreign-port", "foreign-vni", "allow-list-changed", "tap-detached"}
)
"""What follows where somebody made another device in the place of ours."""
_AGENT = "the running agent repairs it within a second; if it stays: vxloom agent --observe says what stands in the way"

MISSING = Fault(
    code="device-missing",
    severity=Severity.ERROR,
    title="a bridge or VXLAN device is not there",
    meaning="The network is cut on this host.",
    remedy=_AGENT,
    explains=_ROWS | {"tap-detached"},
)
LEARNING = Fault(
    code="learning-on",
    severity=Severity.ERROR,
    title="the VXLAN device or its bridge port learns addresses",
    meaning="A learned address may mask the one that the server gave, and lets a guest take another's traffic.",
    remedy=_AGENT,
)
SUPPRESSION = Fault(
    code="suppression-off",
    severity=Severity.WARNING,
    title="ARP and ND are not answered on the host",
    meaning="Every question crosses the underlay to every host of the segment; answers may be forged there.",
    remedy=_AGENT,
)
PORT = Fault(
    code="wrong-port",
    severity=Severity.ERROR,
    title="a VXLAN device uses another UDP port than its zone",
    meaning="What it sends reaches nobody, and it hears nobody: 8472 is the kernel's old default, 4789 the standard's (RFC 7348).",
    remedy="of a device that somebody made: ip link del {where}; of ours the running agent repairs it within a second",
    explains=_ROWS | _BY_HAND,
)
MISMATCH = Fault(
    code="vni-mismatch",
    severity=Severity.ERROR,
    title="a network's bridge has a VXLAN device of another VNI",
    meaning="Machines here are cut from their network, and joined to whoever uses that VNI on other hosts.",
    remedy="ip link del {where}; the running agent then makes the right one",
    explains=_ROWS | _BY_HAND | {"device-extra"},
)
CHANGED = Fault(
    code="device-changed",
    severity=Severity.ERROR,
    title="a bridge or VXLAN device is not as it was made",
    meaning="Somebody changed it by hand, or another program takes it for its own.",
    remedy=_AGENT,
    explains=_ROWS,
)
EXTRA = Fault(
    code="device-extra",
    severity=Severity.WARNING,
    title="a bridge or VXLAN device of ours belongs to no network of this host",
    meaning="It carries nobody's traffic; it goes when the server's word covers it.",
    remedy="vxloom host confirm HOST, if the agent holds; else it goes by itself",
)
FAULTS = (MISSING, LEARNING, SUPPRESSION, PORT, MISMATCH, CHANGED, EXTRA)
_BRIDGE = re.compile(r"brvx-(\d+)")

_OF_FIELD = {
    "device_learning": LEARNING,
    "port_learning": LEARNING,
    "neigh_suppress": SUPPRESSION,
    "udp_port": PORT,
}


def look(evidence: HostEvidence) -> Iterator[Finding]:
    """Tell of each device what differs, by what it does to traffic."""
    for key, desired in evidence.desired.resources.items():
        if key[0] not in {Bridge.kind, VxlanDevice.kind}:
            continue
        observed = evidence.observed.resources.get(key)
        if observed is None:
            yield MISSING.found(key[1], expected="there", seen="not there")
        elif observed != desired:
            yield from _differences(key[1], desired, observed)
    yield from _by_hand(evidence)
    for step in evidence.plan.steps:  # while the agent holds, nothing is one too many
        if not isinstance(step, ResourceStep) or step.operation is not Operation.DELETE or step.key in evidence.desired.resources:
            continue
        if step.key[0] in {Bridge.kind, VxlanDevice.kind}:
            yield EXTRA.found(step.key[1], expected="not there", seen="there")


def _by_hand(evidence: HostEvidence) -> Iterator[Finding]:
    """Tell of VXLAN devices on bridges that CloudStack's and our names give to another VNI or port; also where no server has spoken."""
    for device in evidence.devices.values():
        bridge = _BRIDGE.fullmatch(device.master)
        if bridge is None or device.vni is None:
            continue
        if device.vni != int(bridge[1]):
            yield MISMATCH.found(device.name, expected=f"VNI {bridge[1]} on {device.master}", seen=f"VNI {device.vni}")
        elif evidence.word and not device.ours and device.udp_port != evidence.word.udp_port:
            yield PORT.found(device.name, expected=f"udp_port {evidence.word.udp_port}", seen=f"udp_port {device.udp_port}, made by hand")


def _differences(name: str, desired: Resource, observed: Resource) -> Iterator[Finding]:
    found: dict[Fault, list[tuple[str, object, object]]] = {}
    for each in fields(desired):  # type: ignore[arg-type]  # every resource is a dataclass
        asked, seen = getattr(desired, each.name), getattr(observed, each.name, None)
        if asked != seen:
            found.setdefault(_OF_FIELD.get(each.name, CHANGED), []).append((each.name, asked, seen))
    for fault, parts in found.items():
        expected = ", ".join(f"{field} {asked}" for field, asked, _ in parts)
        yield fault.found(name, expected=expected, seen=", ".join(f"{field} {seen}" for field, _, seen in parts))
