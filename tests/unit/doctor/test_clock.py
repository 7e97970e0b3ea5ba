"""Clocks that are apart by more than NTP ever leaves are told of, in either direction."""

from __future__ import annotations

import pytest

from vxloom.doctor.checks.clock import survey
from vxloom.doctor.evidence import CloudEvidence, HostAnswer


@pytest.mark.parametrize(("skew", "seen"), [(0.0, []), (4.9, []), (-4.9, []), (61.2, ["61 s ahead"]), (-3600.0, ["3600 s behind"])])
def test_a_clock_that_is_apart_is_told_of(skew: float, seen: list[str]) -> None:
    found = list(survey(CloudEvidence((HostAnswer("h1", connected=True, skew=skew), HostAnswer("h2", connected=True)))))
    assert [(finding.host, finding.seen) for finding in found] == [("h1", text) for text in seen]
