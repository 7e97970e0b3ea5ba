"""An examination of this host: look, and where an agent is at work look again, since what it is repairing this moment is no finding."""

from __future__ import annotations

import time

import msgspec

from vxloom.doctor.diagnosis import diagnose
from vxloom.doctor.evidence import HostEvidence, Process, SegmentDigest
from vxloom.doctor.finding import Finding
from vxloom.doctor.gather import gather
from vxloom.settings import AgentSettings

_REPAIRED = 1.5
"""Seconds: a running agent has put right by then what it was hinted at (P99 37 ms), and a change of the server's has come through."""


class Report(msgspec.Struct, frozen=True):
    """What is told of a host; JSON."""

    host: str
    findings: list[Finding]
    unknown: dict[str, str] = {}
    """What could not be looked at → why."""
    clock: float = 0.0
    """Unix time here, when the look was over."""
    segments: dict[int, SegmentDigest] = {}
    """VNI → digests of what the kernel holds, for comparing hosts."""


def examine(settings: AgentSettings) -> Report:
    """Return what is broken on this host. Takes a second or two when something is. Raises ``DataplaneError`` (run it as root)."""
    evidence, findings = _look(settings)
    if findings and evidence.agent is Process.RUNS:
        time.sleep(_REPAIRED)
        first = {(finding.code, finding.where) for finding in findings}
        evidence, findings = _look(settings)
        findings = [finding for finding in findings if (finding.code, finding.where) in first]
    return Report(evidence.host, findings, dict(evidence.unknown), time.time(), dict(evidence.segments))


def _look(settings: AgentSettings) -> tuple[HostEvidence, list[Finding]]:
    evidence = gather(settings)
    return evidence, diagnose(evidence)
