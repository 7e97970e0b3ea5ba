"""What is found wrong with a host's hardware, how long it stands, and what it says."""

from __future__ import annotations

import pytest

from vxloom.doctor.judgement import Key, Standing, judge, settle, strain, texts
from vxloom.model.hardware import Bond, Hardware, Leg, Link, Sensor
from vxloom.server.health import CODES, Condition, Health, Thresholds, Watch, health_details

LIMITS = Thresholds()
PARTNER = "02:00:00:00:00:aa"
TWO = (Link("eth0", True, speed=10000, best=10000), Link("eth1", True, speed=10000, best=10000))
WELL = Hardware(sensors=(Sensor("cpu", 50),), links=TWO, bonds=(Bond("bond0", "802.3ad", (Leg("eth0", True), Leg("eth1", True)), PARTNER),))


def codes(hardware: Hardware, standing: dict[Key, Standing] | None = None) -> list[tuple[str, bool]]:
    return [(finding.code, finding.critical) for finding in judge(hardware, LIMITS, standing or {})]


def bonded(*legs: Leg, partner: str = PARTNER, mode: str = "802.3ad", links: tuple[Link, ...] = TWO) -> Hardware:
    return Hardware(links=links, bonds=(Bond("bond0", mode, legs, partner),))


def link(**more: object) -> Hardware:
    return Hardware(links=(Link("eth0", **{"up": True, **more}),))  # type: ignore[arg-type]


def test_a_host_that_is_well_has_no_finding() -> None:
    assert judge(WELL, LIMITS, {}) == ()
    assert strain(WELL, ()) == ""
    assert judge(Hardware(), LIMITS, {}) == ()
    assert strain(Hardware(), ()) == "", "a host that tells nothing is not put last"


WARM, HOT = ("host.temperature", False), ("host.temperature", True)
EXPECTED: list[tuple[Hardware, list[tuple[str, bool]]]] = [
    (Hardware(sensors=(Sensor("cpu", 84),)), []),
    (Hardware(sensors=(Sensor("cpu", 85),)), [WARM]),
    (Hardware(sensors=(Sensor("cpu", 95), Sensor("nvme", 20))), [HOT]),
    (Hardware(sensors=(Sensor("nvme", 80, beyond=True),)), [HOT]),
    (bonded(Leg("eth0", True), Leg("eth1", False)), [("host.bond.leg", False)]),
    (bonded(Leg("eth0", False), Leg("eth1", False)), [("host.bond.leg", True)]),
    (bonded(Leg("eth0", True), mode="active-backup"), [("host.bond.leg", False)]),
    (bonded(mode="active-backup"), [("host.bond.leg", True)]),
    (bonded(Leg("eth0", True), Leg("eth1", True, joined=False)), [("host.bond.aggregator", False)]),
    (bonded(Leg("eth0", True), Leg("eth1", True, synced=False)), [("host.bond.partner", False)]),
    (bonded(Leg("eth0", True, synced=False), Leg("eth1", True, joined=False), partner=""), [("host.bond.partner", False)]),
    (bonded(Leg("eth0", True), Leg("eth1", True), partner="", mode="active-backup"), []),
    (
        bonded(Leg("eth0", True), Leg("eth1", True), links=(TWO[0], Link("eth1", True, speed=1000, best=1000))),
        [("host.bond.speed", False)],
    ),
    (link(up=False), [("host.link.down", True)]),
    (link(speed=1000, best=10000), [("host.link.speed", False)]),
    (link(speed=0, best=10000), []),
    (link(full=False), [("host.link.duplex", False)]),
    (link(offloads=("tx-udp_tnl-segmentation off",)), [("host.link.offload", False)]),
    (link(power=-13.9), []),
    (link(power=-14.1), [("host.link.optics", False)]),
    (link(power=-3.0, dim=True), [("host.link.optics", False)]),
    (link(errors=0.9, drops=99.0), []),
    (link(errors=1.0, drops=100.0), [("host.errors", False), ("host.drops", False)]),
    (Hardware(fragments=100.0, failures=1.0), [("host.fragments", False), ("host.errors", False)]),
    (Hardware(unread="sensors of ipmi"), [("host.hardware.unread", False)]),
]


@pytest.mark.parametrize(("hardware", "expected"), EXPECTED, ids=lambda case: str(case)[:60])
def test_each_fault_has_a_code_of_its_own(hardware: Hardware, expected: list[tuple[str, bool]]) -> None:
    assert codes(hardware) == expected
    assert {code for code, _ in expected} <= set(CODES)


def test_every_code_is_among_those_cases() -> None:
    assert {code for _, expected in EXPECTED for code, _ in expected} == set(CODES)


def test_a_leg_without_carrier_is_the_bonds_matter_alone() -> None:
    pulled = bonded(Leg("eth0", True), Leg("eth1", False), links=(TWO[0], Link("eth1", False)))
    assert codes(pulled) == [("host.bond.leg", False)]
    [finding] = judge(pulled, LIMITS, {})
    assert finding.text == "bond0: eth1 down, 1 of 2 legs up"


def course(values: list[int], seconds: float = 10.0) -> list[list[str]]:
    """What is said while a sensor goes through these values, one every so many seconds."""
    standing: dict[Key, Standing] = {}
    said = []
    for number, celsius in enumerate(values):
        found = judge(Hardware(sensors=(Sensor("cpu", celsius),)), LIMITS, standing)
        standing = settle(standing, found, number * seconds, LIMITS.patience)
        said.append([text for text, _ in texts(standing).values()])
    return said


def test_a_value_that_wanders_about_its_limit_is_one_alert_with_one_text() -> None:
    said = course([84, 85, 83, 86, 84, 85, 83, 87, 85])
    assert said[0] == []
    assert {tuple(each) for each in said[1:]} == {("cpu at 85 °C, too warm from 85 on",)}


def test_a_finding_is_over_when_it_was_not_found_for_long_enough() -> None:
    said = course([85, *([80] * 7)])
    assert [bool(each) for each in said] == [*([True] * 6), False, False]


def test_critical_hides_the_warning_and_falls_back_to_it() -> None:
    said = course([90, 96, 90, *([90] * 6)])
    assert said[0] == ["cpu at 90 °C, too warm from 85 on"]
    assert said[1] == said[2] == ["cpu at 96 °C, critical from 95 on"]
    assert said[-1] == ["cpu at 90 °C, too warm from 85 on"]


def test_a_rate_is_well_again_below_half_its_limit() -> None:
    standing = settle({}, judge(link(errors=2.0), LIMITS, {}), 0, 60)
    assert codes(link(errors=0.6), standing) == [("host.errors", False)]
    assert codes(link(errors=0.4), standing) == []
    never = Thresholds(errors=0, drops=0)
    assert judge(link(), never, {}) == (), "a limit of none is not reached by none"
    assert [finding.code for finding in judge(link(errors=0.02), never, {})] == ["host.errors"]


def test_light_that_wanders_about_its_limit_is_one_alert() -> None:
    standing = settle({}, judge(link(power=-14.5), LIMITS, {}), 0, 60)
    assert codes(link(power=-12.0), standing) == [("host.link.optics", False)]
    assert codes(link(power=-10.0), standing) == []


def test_several_parts_of_one_kind_are_one_text() -> None:
    hardware = Hardware(sensors=(Sensor("b", 90), Sensor("a", 96)))
    told = texts(settle({}, judge(hardware, LIMITS, {}), 0, 60))
    assert told == {"host.temperature": ("a at 96 °C, critical from 95 on; b at 90 °C, too warm from 85 on", True)}


@pytest.mark.parametrize(
    ("hardware", "why"),
    [
        (WELL, ""),
        (bonded(Leg("eth0", True), Leg("eth1", False)), "has no redundant links"),
        (bonded(Leg("eth0", True), Leg("eth1", True, joined=False)), "has no redundant links"),
        (bonded(Leg("eth0", True), Leg("eth1", True), links=(TWO[0], Link("eth1", False))), "has no redundant links"),
        (Hardware(links=TWO), ""),
        (Hardware(links=TWO[:1]), "has no redundant links"),
        (Hardware(links=(Link("veth0", True, physical=False),)), ""),
        (Hardware(sensors=(Sensor("cpu", 96),), links=TWO), "is too hot"),
        (Hardware(sensors=(Sensor("cpu", 90),), links=TWO), ""),
    ],
)
def test_hot_hosts_and_those_without_redundancy_are_strained(hardware: Hardware, why: str) -> None:
    assert strain(hardware, settle({}, judge(hardware, LIMITS, {}), 0, 60)) == why


def test_details_say_what_is_measured_and_what_is_wrong() -> None:
    pulled = bonded(Leg("eth0", True), Leg("eth1", False), links=(Link("eth0", True, speed=10000, power=-3.125), Link("eth1", False)))
    condition = {"host.bond.leg": ("bond0: eth1 down, 1 of 2 legs up", False)}
    assert health_details(Health(pulled, condition, "has no redundant links")) == {
        "vxloom.health": "bond0: eth1 down, 1 of 2 legs up",
        "vxloom.lastchoice": "has no redundant links",
        "vxloom.link.eth0": "10000 Mbit/s, full duplex, 0 errors/s, 0 drops/s, -3.125 dBm",
        "vxloom.link.eth1": "no carrier",
        "vxloom.bond.bond0": f"802.3ad, 1 of 2 legs, without eth1, partner {PARTNER}",
    }
    shown = health_details(Health(WELL, {}))
    assert shown["vxloom.health"] == "well"
    assert shown["vxloom.temperature"] == "cpu 50 °C"
    assert health_details(None) == {}


def test_a_host_is_well_in_time_although_it_says_nothing_new() -> None:
    clock = iter((0.0, 0.0, LIMITS.patience - 1, LIMITS.patience))
    told: list[Condition] = []
    watch = Watch(lambda _host, condition: told.append(condition), clock=lambda: next(clock))
    watch.reported("h1", "z1", Hardware(sensors=(Sensor("cpu", 99),)))
    assert watch.strained() == {"h1": "is too hot"}
    watch.reported("h1", "z1", Hardware(sensors=(Sensor("cpu", 50),)))
    for _ in range(2):
        assert told[-1]
        watch.reported("h1", "z1", None)
    assert told[-1] == {}
    assert watch.strained() == {}
    before = len(told)
    watch.reported("h1", "z1", None)
    assert len(told) == before, "nothing new, nothing judged"
    watch.reported("h2", "z1", None)
    assert watch.health("h2") is None, "an agent that knows nothing of hardware"
