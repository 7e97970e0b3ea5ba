"""From findings to a diagnosis: consequences stand under their cause. Pure."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from vxloom.doctor.check import faults, registry
from vxloom.doctor.evidence import CloudEvidence, HostEvidence
from vxloom.doctor.finding import Finding, Severity


def diagnose(evidence: HostEvidence) -> list[Finding]:
    """Return what is wrong with a host, the worst first; what follows from another finding is named in that one's ``explains``."""
    found = [msgspec.structs.replace(finding, host=evidence.host) for check in registry().values() for finding in check.look(evidence)]
    return ranked(_under_causes(found, {evidence.host: evidence.word.vtep} if evidence.word else {}))


def survey(cloud: CloudEvidence, told: Iterable[Finding] = ()) -> list[Finding]:
    """Return what is wrong with all hosts, the worst first: what they have told of themselves, and what only shows from here."""
    found = [*told, *(finding for check in registry().values() for finding in check.survey(cloud))]
    return ranked(_under_causes(found, cloud.vteps))


def ranked(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings, the worst first."""
    return sorted(findings, key=lambda each: (-Severity[each.severity.upper()], each.host, each.code, each.where))


def _under_causes(found: Sequence[Finding], vteps: Mapping[str, str]) -> Iterable[Finding]:
    """Hang each consequence on its cause. A cause may itself be a consequence: then all hang on the first cause."""
    below: dict[int, list[int]] = defaultdict(list)
    hung: set[int] = set()
    causes = _Causes(found, vteps)
    for place, finding in enumerate(found):
        for cause in causes.of(finding):
            below[cause].append(place)
            hung.add(place)
    for place, finding in enumerate(found):
        if place not in hung:
            texts = [text for other in sorted(_reached(place, below)) for text in _told(found[other], finding.host)]
            yield msgspec.structs.replace(finding, explains=tuple(dict.fromkeys((*finding.explains, *texts))))


class _Causes:
    """Findings by what follows from them."""

    def __init__(self, found: Sequence[Finding], vteps: Mapping[str, str]) -> None:
        self._found = found
        self._hosts = {vtep: host for host, vtep in vteps.items()}
        self._places: dict[tuple[str, str], dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
        """(host, code that follows) → code that explains it → place or far end → which finding it is."""
        self._named: dict[tuple[str, str], int] = {}
        """(host, code and place that follow) → the finding that says so itself."""
        for place, finding in enumerate(found):
            self._named.update(((finding.host, text), place) for text in finding.explains)
            kind = faults().get(finding.code)  # None: of a later version's agent
            for code in kind.explains if kind else ():
                self._places[finding.host, code][finding.code].setdefault(finding.remote or finding.where, place)

    def of(self, finding: Finding) -> Iterator[int]:
        """Yield what explains a finding, on its host or at the far end of its way: of each code one, that of the same place if there is."""
        named = self._named.get((finding.host, f"{finding.code} {finding.where}"))
        if named is not None:
            yield named
        for host in dict.fromkeys((finding.host, self._hosts.get(finding.remote, finding.host))):
            for places in self._places.get((host, finding.code), {}).values():
                nearest = places.get(finding.remote or finding.where)
                order = places.values() if nearest is None else (nearest, *places.values())
                yield from itertools.islice((place for place in order if self._on_its_way(finding, self._found[place])), 1)

    @staticmethod
    def _on_its_way(finding: Finding, cause: Finding) -> bool:
        """A cause that concerns one way, which is a direction, explains nothing of another."""
        return cause.remote in ({"", finding.remote} if finding.host == cause.host else {""})


def _reached(start: int, below: Mapping[int, Sequence[int]]) -> set[int]:
    reached: set[int] = set()
    wave = {start}
    while wave := {other for each in wave for other in below.get(each, ())} - reached - {start}:
        reached |= wave
    return reached


def _told(consequence: Finding, host: str) -> tuple[str, ...]:
    seen_by = "" if consequence.host == host else f", seen by {consequence.host}"
    return (f"{consequence.code} {consequence.where}{seen_by}", *consequence.explains)


def exit_code(findings: Iterable[Finding]) -> int:
    """Return 0 when nothing is wrong, 1 for warnings, 2 for errors."""
    return max((int(Severity[finding.severity.upper()]) for finding in findings), default=0)
