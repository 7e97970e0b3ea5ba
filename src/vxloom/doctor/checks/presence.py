"""Does every host answer?"""

from __future__ import annotations

from collections.abc import Iterator

from vxloom.doctor.evidence import CloudEvidence
from vxloom.doctor.finding import Fault, Finding, Severity

AWAY = Fault(
    code="host-away",
    severity=Severity.ERROR,
    title="a host's agent has no stream to the server",
    meaning="Its machines go on; it hears of no change, and what it would find of itself is not known here.",
    remedy="on the host: vxloom doctor --host; see that it reaches the server's agent port",
)
SILENT = Fault(
    code="host-silent",
    severity=Severity.ERROR,
    title="a host does not answer the doctor in time",
    meaning="Its agent has a stream, but what it would find of itself is not known here.",
    remedy="on the host: vxloom doctor --host; journalctl -u vxloom-agent",
)
FAULTS = (AWAY, SILENT)


def survey(cloud: CloudEvidence) -> Iterator[Finding]:
    """Tell who is away, and who has a stream and says nothing."""
    for host in cloud.hosts:
        if not host.connected:
            yield AWAY.found("its agent", expected="a stream to the server", seen="none", host=host.name)
        elif host.silence:
            yield SILENT.found("its agent", expected="an answer", seen=host.silence, host=host.name)
