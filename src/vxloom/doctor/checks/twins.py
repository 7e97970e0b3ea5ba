"""Has anybody else the address that a host's tunnels end at?"""

from __future__ import annotations

from collections.abc import Iterator

from vxloom.doctor.evidence import HostEvidence
from vxloom.doctor.finding import Fault, Finding, Severity

TWIN = Fault(
    code="vtep-duplicate",
    severity=Severity.ERROR,
    title="two machines have the address of one tunnel end point",
    meaning="Tunnel packets go to one of them or the other, and machines of both are cut off by turns.",
    remedy="find out who should not have {where}, and take it away there: ip address del",
    explains=frozenset(
        {
            "path-closed",
            "path-frames",
            "path-leg",
            "path-loss",
            "path-mtu-hole",
            "path-segments",
            "route-asymmetric",
            "route-source",
            "server-away",
        }
    ),
)
FAULTS = (TWIN,)


def look(evidence: HostEvidence) -> Iterator[Finding]:
    """Compare this host's addresses with other hosts' VTEPs, and tell who answers for its own."""
    if evidence.word is None:
        return
    for address in sorted(evidence.addresses.keys() & evidence.word.remotes):
        yield TWIN.found(address, expected="another host's alone", seen=f"on {evidence.addresses[address]} of this host, too")
    if evidence.crossing.claimants:
        yield TWIN.found(
            evidence.word.vtep, expected="this host's alone", seen=f"{', '.join(evidence.crossing.claimants)} answers for it, too"
        )
