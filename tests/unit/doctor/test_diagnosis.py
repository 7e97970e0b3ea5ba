"""What follows from a finding stands below it, and codes are whole."""

from __future__ import annotations

import msgspec
import pytest

from vxloom.doctor.check import faults, registry
from vxloom.doctor.diagnosis import diagnose, exit_code, survey
from vxloom.doctor.evidence import CloudEvidence, Device, HostAnswer, HostEvidence, Process, Route, Word
from vxloom.doctor.finding import Finding, Severity
from vxloom.model.hardware import Bond, Hardware, Leg, Link, Sensor
from vxloom.model.path import Path
from vxloom.model.state import HostState, VxlanDevice

VXLAN = VxlanDevice(name="vxlan5001", vni=5001, local="192.0.2.1", udp_port=4789, mtu=1450, bridge="brvx-5001")
WORD = Word("192.0.2.1", 4789, frozenset({"192.0.2.2", "192.0.2.3"}))
WELL = HostEvidence(
    "h1",
    word=WORD,
    desired=HostState({VXLAN.key: VXLAN}),
    observed=HostState({VXLAN.key: VXLAN}),
    agent=Process.RUNS,
    devices={"eth0": Device("eth0", 1500, True, "")},
    addresses={"192.0.2.1": "eth0"},
    routes={"192.0.2.2": Route("eth0", "192.0.2.1"), "192.0.2.3": Route("eth0", "192.0.2.1")},
)


def changed(**parts: object) -> HostEvidence:
    fields = {name: getattr(WELL, name) for name in WELL.__dataclass_fields__}
    return HostEvidence(**(fields | parts))  # type: ignore[arg-type]


def codes(evidence: HostEvidence) -> list[str]:
    return [finding.code for finding in diagnose(evidence)]


def test_a_host_that_is_well_has_no_finding() -> None:
    assert codes(WELL) == []
    assert exit_code(diagnose(WELL)) == 0


@pytest.mark.parametrize("code", faults())
def test_what_a_fault_explains_exists_and_no_circle_hides_everything(code: str) -> None:
    assert faults()[code].explains <= faults().keys()
    reached, wave = set(), {code}
    while wave := {below for cause in wave for below in faults()[cause].explains} - reached:
        reached |= wave
    assert code not in reached


@pytest.mark.parametrize("code", faults())
def test_a_fault_says_what_it_means_and_what_to_do(code: str) -> None:
    fault = faults()[code]
    assert fault.meaning.endswith(".")
    assert fault.remedy
    assert not fault.title.endswith(".")


def test_the_checks_are_found_by_being_there() -> None:
    assert registry().keys() >= {"agent", "devices", "limits", "obstacles", "paths", "ports", "presence", "rows", "underlay"}


def test_a_consequence_stands_below_its_cause_only() -> None:
    found = diagnose(changed(observed=HostState(), agent=Process.GONE))
    assert [finding.code for finding in found] == ["agent-stopped"]
    assert found[0].explains == ("device-missing vxlan5001",)
    assert found[0].host == "h1"


def test_an_agent_that_is_frozen_explains_as_well() -> None:
    assert codes(changed(observed=HostState(), agent=Process.FROZEN)) == ["agent-frozen"]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"holding": "another epoch"}, ["agent-holding"]),
        ({"doubt": "state file torn"}, ["agent-state-torn"]),
        ({"addresses": {"192.0.2.9": "eth0"}}, ["vtep-address-gone"]),
        ({"routes": {"192.0.2.2": Route(), "192.0.2.3": Route("eth0", "192.0.2.1")}}, ["route-missing"]),
        ({"routes": {"192.0.2.2": Route("eth0", "192.0.2.7"), "192.0.2.3": Route("eth0", "192.0.2.1")}}, ["route-source"]),
        ({"routes": {"192.0.2.2": Route("eth0", "192.0.2.1", 1400)}}, ["path-mtu-low"]),
        ({"devices": {"eth0": Device("eth0", 1499, True, "")}}, ["underlay-mtu-low"]),
        ({"state_free": 1024}, ["state-disk-full"]),
        ({"hardware": Hardware(sensors=(Sensor("chip", 84),), links=(Link("eth0", True),))}, []),
        ({"hardware": Hardware(sensors=(Sensor("chip", 85),))}, ["host-hot"]),
        ({"hardware": Hardware(sensors=(Sensor("chip", 60, beyond=True),))}, ["host-hot"]),
        ({"hardware": Hardware(links=(Link("eth0", False),))}, ["link-down"]),
        ({"hardware": Hardware(links=(Link("eth0", True, full=False),))}, ["link-slow"]),
        ({"hardware": Hardware(bonds=(Bond("bond0", "active-backup", (Leg("a", True), Leg("b", False))),))}, ["bond-leg-down"]),
        ({"hardware": Hardware(bonds=(Bond("bond0", "802.3ad", (Leg("a", True), Leg("b", True))),))}, ["bond-partner"]),
        ({"no_stream": "192.0.2.9:8250 does not answer"}, ["server-away"]),
        ({"no_stream": "said before it died", "agent": Process.GONE}, ["agent-stopped"]),
        ({"no_stream": "said before it froze", "agent": Process.FROZEN}, ["agent-frozen"]),
        ({"state_free": 64 << 20}, []),
        ({"neighbours": 950, "sysctls": {"net.ipv4.neigh.default.gc_thresh3": 1000}}, ["arp-table-full"]),
        ({"neighbours": 800, "sysctls": {"net.ipv4.neigh.default.gc_thresh3": 1000}}, []),
        ({"conntrack": (95, 100)}, ["conntrack-full"]),
        ({"conntrack": (10, 100)}, []),
    ],
)
def test_a_fact_is_judged(parts: dict[str, object], expected: list[str]) -> None:
    assert codes(changed(**parts)) == expected


def test_an_ipv6_underlay_needs_twenty_bytes_more() -> None:
    six = Word("2001:db8::1", 4789, frozenset({"2001:db8::2"}))
    parts = {"word": six, "addresses": {"2001:db8::1": "eth0"}, "routes": {"2001:db8::2": Route("eth0", "2001:db8::1")}}
    assert codes(changed(**parts)) == ["underlay-mtu-low"]
    assert codes(changed(**parts, devices={"eth0": Device("eth0", 1520, True, "")})) == []


def test_the_exit_code_is_the_worst_finding() -> None:
    def one(severity: Severity) -> Finding:
        return Finding(code="x", severity=severity.name.lower(), title="", where="")

    assert exit_code([one(Severity.WARNING), one(Severity.ERROR)]) == 2
    assert exit_code([one(Severity.WARNING)]) == 1
    assert exit_code([one(Severity.NOTE)]) == 0


def seen(*paths: Path, listens: bool = True) -> list[tuple[str, str]]:
    one = HostAnswer("h1", connected=True, vtep="192.0.2.1", listens=True, paths=paths)
    two = HostAnswer("h2", connected=True, vtep="192.0.2.2", listens=listens)
    return [(finding.host, finding.code) for finding in survey(CloudEvidence((one, two)))]


def judged(heard_by_one: set[str] | None, heard_by_two: set[str] | None, *told: Finding) -> list[tuple[str, str, tuple[str, ...]]]:
    """Two hosts, none of which had an answer from the other, and whose probes each heard."""
    shut = {end: Path(f"192.0.2.{end}", 1550, reached=False, limit=0, sent=32, lost=32) for end in (1, 2)}
    one = HostAnswer(
        "h1", True, "192.0.2.1", listens=True, paths=(shut[2],), heard=None if heard_by_one is None else frozenset(heard_by_one)
    )
    two = HostAnswer(
        "h2", True, "192.0.2.2", listens=True, paths=(shut[1],), heard=None if heard_by_two is None else frozenset(heard_by_two)
    )
    return [(finding.host, finding.code, finding.explains) for finding in survey(CloudEvidence((one, two)), told)]


BOTH = [("h1", "path-closed", ()), ("h2", "path-closed", ())]


@pytest.mark.parametrize(
    ("heard_by_one", "heard_by_two", "expected"),
    [
        (set(), set(), BOTH),
        ({"192.0.2.2"}, set(), BOTH[:1]),
        (set(), {"192.0.2.1"}, BOTH[1:]),
        ({"192.0.2.2"}, {"192.0.2.1"}, BOTH),  # then neither direction may be taken for whole
        (None, {"192.0.2.1"}, BOTH),
        ({"192.0.2.2"}, None, BOTH),
    ],
)
def test_the_direction_that_is_closed_is_the_one_whose_probes_are_not_heard(
    heard_by_one: set[str] | None, heard_by_two: set[str] | None, expected: list[tuple[str, str, tuple[str, ...]]]
) -> None:
    assert judged(heard_by_one, heard_by_two) == expected


def told(host: str, code: str, remote: str = "") -> Finding:
    return msgspec.structs.replace(faults()[code].found("there", remote=remote), host=host)


def test_a_way_that_is_closed_follows_from_what_is_wrong_at_either_end() -> None:
    gone = told("h2", "vtep-address-gone")
    assert judged(set(), set(), gone) == [
        ("h2", "vtep-address-gone", ("path-closed 192.0.2.2 (h2), seen by h1", "path-closed 192.0.2.1 (h1)"))
    ]
    assert judged(set(), set(), told("h3", "vtep-address-gone"))[:2] == BOTH


def test_what_is_wrong_with_one_way_explains_nothing_of_another_nor_of_the_way_back() -> None:
    back = ("h2", "path-closed", ())
    assert judged(set(), set(), told("h1", "route-missing", "192.0.2.2")) == [
        ("h1", "route-missing", ("path-closed 192.0.2.2 (h2)",)),
        back,
    ]
    assert judged(set(), set(), told("h1", "route-missing", "192.0.2.3")) == [BOTH[0], ("h1", "route-missing", ()), back]


def test_what_a_later_agent_finds_is_passed_on() -> None:
    strange = Finding(code="of-tomorrow", severity="error", title="", where="", host="h1", explains=("what-follows there",))
    assert survey(CloudEvidence(), [strange]) == [strange]


def test_ways_between_hosts_are_judged() -> None:
    whole = Path("192.0.2.2", 1550, reached=True, limit=1550, sent=32)
    assert seen(whole) == []
    assert seen(Path("192.0.2.2", 1550, reached=True, limit=1400, sent=32)) == [("h1", "path-mtu-hole")]
    assert seen(Path("192.0.2.2", 1550, reached=False, limit=0, sent=32, lost=32)) == [("h1", "path-closed")]
    assert seen(Path("192.0.2.2", 1550, reached=True, limit=1550, sent=32, legs_lost=(49152,))) == [("h1", "path-leg")]
    assert seen(Path("192.0.2.2", 1550, reached=True, limit=1550, sent=32, lost=4)) == [("h1", "path-loss")]
    assert seen(Path("192.0.2.2", 1550, reached=True, limit=1550, sent=32, lost=3)) == []


def test_a_way_to_a_host_that_does_not_listen_says_nothing() -> None:
    shut = Path("192.0.2.2", 1550, reached=False, limit=0, sent=32, lost=32)
    assert seen(shut, listens=False) == []
    assert seen(Path("192.0.2.9", 1550, reached=False, limit=0)) == []
