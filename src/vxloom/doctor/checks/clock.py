"""Do the hosts' clocks go with the management server's?"""

from __future__ import annotations

from collections.abc import Iterator

from vxloom.doctor.evidence import CloudEvidence
from vxloom.doctor.finding import Fault, Finding, Severity

_MOST = 5.0
"""Seconds; NTP keeps a host within thousandths."""

SKEW = Fault(
    code="clock-skew",
    severity=Severity.WARNING,
    title="a host's clock is wrong, or the management server's",
    meaning="Certificates and tokens begin and end by it: a restarted agent may not be let in. Logs of two hosts cannot be compared.",
    remedy="timedatectl on both; set the clock by NTP: systemctl enable --now chrony",
)
FAULTS = (SKEW,)


def survey(cloud: CloudEvidence) -> Iterator[Finding]:
    """Tell whose clock is apart by more than the question took."""
    for host in cloud.hosts:
        if abs(host.skew) > _MOST:
            seen = f"{abs(host.skew):.0f} s {'ahead' if host.skew > 0 else 'behind'}"
            yield SKEW.found("its clock", expected="as the management server's", seen=seen, host=host.name)
