"""From findings to a diagnosis: consequences stand under their cause. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from vxloom.doctor.check import faults, registry
from vxloom.doctor.evidence import CloudEvidence, HostEvidence
from vxloom.doctor.finding import Finding, Severity


def diagnose(evidence: HostEvidence) -> list[Finding]:
    """Return what is wrong with a host, the worst first; what follows from another finding is named in that one's ``explains``."""
    found = [msgspec.structs.replace(finding, host=evidence.host) for check in registry().values() for finding in check.look(evidence)]
    return ranked(_under_causes(found))


def survey(cloud: CloudEvidence) -> list[Finding]:
    """Return what is wrong as seen from the management side."""
    return [finding for check in registry().values() for finding in check.survey(cloud)]


def ranked(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings, the worst first."""
    return sorted(findings, key=lambda each: (-Severity[each.severity.upper()], each.host, each.code, each.where))


def _under_causes(found: Sequence[Finding]) -> Iterable[Finding]:
    """Hang each consequence on its cause. A cause may itself be a consequence: then all hang on the first cause."""
    kinds = faults()
    causes = {finding.code for finding in found}
    explained = {code: {cause for cause in causes if code in kinds[cause].explains} for code in causes}
    for finding in found:
        if explained[finding.code]:
            continue
        below = _consequences(finding.code, explained)
        yield msgspec.structs.replace(finding, explains=tuple(f"{other.code} {other.where}" for other in found if other.code in below))


def _consequences(code: str, explained: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    wave = {code}
    while wave := {other for other, by in explained.items() if by & wave} - reached - {code}:
        reached |= wave
    return reached


def exit_code(findings: Iterable[Finding]) -> int:
    """Return 0 when nothing is wrong, 1 for warnings, 2 for errors."""
    return max((int(Severity[finding.severity.upper()]) for finding in findings), default=0)
