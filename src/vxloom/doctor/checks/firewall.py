"""Do this host's own rules let tunnel packets in and out?"""

from __future__ import annotations

from collections.abc import Iterator

from vxloom.doctor.evidence import HostEvidence
from vxloom.doctor.finding import Fault, Finding, Severity

CLOSED = Fault(
    code="firewall-closed",
    severity=Severity.ERROR,
    title="this host's own firewall drops tunnel packets",
    meaning="Machines here and on other hosts cannot talk. Rules that may drop them, but do not surely, are no finding.",
    remedy="let the UDP port in: vxloom host plan --only firewall (tunnel_port in host.toml says which); a rule of nobody's goes by hand",
    explains=frozenset({"path-closed", "path-loss"}),
)
FAULTS = (CLOSED,)


def look(evidence: HostEvidence) -> Iterator[Finding]:
    """Tell which chain stops them, and by which rule: our tunnels, or those that others made."""
    stopped = dict(evidence.foreign.stopped) if evidence.foreign else {}
    stopping = [wall for wall in evidence.crossing.walls if wall.stops]
    if evidence.word and stopping:
        ways = (f"{wall.where} stops it on its way {'out' if wall.outward else 'in'} ({wall.because})" for wall in stopping)
        stopped[evidence.addresses.get(evidence.word.vtep, ""), evidence.word.udp_port] = "; ".join(ways)
    for (device, port), why in stopped.items():
        yield CLOSED.found(f"UDP {port} on {device}", expected="passes", seen=why)
