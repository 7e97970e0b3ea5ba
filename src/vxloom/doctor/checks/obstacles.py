"""Does something of somebody else's hold what a network of ours needs?"""

from __future__ import annotations

from collections.abc import Iterator

from vxloom.doctor.evidence import HostEvidence
from vxloom.doctor.finding import Fault, Finding, Severity

VNI = Fault(
    code="foreign-vni",
    severity=Severity.ERROR,
    title="a device that is not ours holds a VNI of ours",
    meaning="The kernel gives a VNI and UDP port to one device only, so the network is not made on this host.",
    remedy="delete {where} if nobody needs it (CloudStack leaves such devices behind): ip link del {where}",
    explains=frozenset({"allow-list-changed", "device-missing", "fdb-missing", "flood-missing", "neighbour-missing", "tap-detached"}),
)
NAME = Fault(
    code="foreign-name",
    severity=Severity.ERROR,
    title="a device or table that is not ours has a name of ours",
    meaning="It is never touched, so what should stand there waits.",
    remedy="rename or delete {where}",
    explains=frozenset({"device-missing", "filters-changed", "fdb-missing", "flood-missing", "neighbour-missing", "tap-detached"}),
)
FAULTS = (VNI, NAME)


def look(evidence: HostEvidence) -> Iterator[Finding]:
    """Tell who holds what."""
    for obstacle in evidence.plan.obstacles:
        kind, value = obstacle.slot
        fault = VNI if kind == "vni" else NAME
        seen = f"{obstacle.holder.kind} {obstacle.holder.name}{f' ({obstacle.holder.detail})' if obstacle.holder.detail else ''}"
        yield fault.found(obstacle.holder.name, expected=f"{kind} {value} free for {' '.join(obstacle.resource)}", seen=seen)
