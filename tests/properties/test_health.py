"""Judging a host's hardware is total and bounded, whatever the host says; nothing flaps faster than its patience."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vxloom.doctor.judgement import MOST, Key, Standing, judge, settle, strain, texts
from vxloom.model.hardware import Bond, Hardware, Leg, Link, Sensor
from vxloom.model.wire import Report, decode_from_agent, encode
from vxloom.server.health import CODES, Health, Thresholds, health_details

NUMBER = st.integers(-(2**63), 2**64 - 1)
RATE = st.floats()
WORD = st.text(max_size=300)
NAME = st.one_of(st.sampled_from(("eth0", "eth1")), WORD)
LEG = st.builds(Leg, NAME, st.booleans(), st.booleans(), st.booleans())
LINK = st.builds(
    Link, NAME, st.booleans(), st.booleans(), NUMBER, st.booleans(), NUMBER, RATE, RATE,
    st.lists(WORD, max_size=3).map(tuple), st.none() | RATE, st.booleans(),
)  # fmt: skip
BOND = st.builds(Bond, NAME, st.sampled_from(("802.3ad", "active-backup", "")), st.lists(LEG, max_size=4).map(tuple), WORD)
HARDWARE = st.builds(
    Hardware,
    st.lists(st.builds(Sensor, NAME, NUMBER, st.booleans()), max_size=4).map(tuple),
    st.lists(LINK, max_size=4).map(tuple),
    st.lists(BOND, max_size=3).map(tuple),
    RATE,
    RATE,
    WORD,
)
LIMITS = st.builds(Thresholds, *[st.floats(-1e9, 1e9)] * 6, st.floats(0, 1e9))


@given(hardware=HARDWARE, limits=LIMITS)
def test_whatever_a_host_says_there_is_a_judgement_of_bounded_size(hardware: Hardware, limits: Thresholds) -> None:
    report = decode_from_agent(encode(Report(True, hardware=hardware))[4:])
    assert isinstance(report, Report)
    assert report.hardware is not None
    told = report.hardware
    standing: dict[Key, Standing] = {}
    for now in (0.0, 1.0):
        standing = settle(standing, judge(told, limits, standing), now, limits.patience)
    condition = texts(standing)
    assert condition.keys() <= set(CODES)
    assert all(0 < len(text) <= 1000 and "\n" not in text for text, _ in condition.values())
    assert strain(told, standing) in {"", "is too hot", "has no redundant links"}
    details = health_details(Health(told, condition))
    assert all(len(key) < 80 and len(value) < 20_000 for key, value in details.items())


def test_a_host_that_says_too_much_is_cut() -> None:
    many = 5_000
    links = tuple(Link(f"eth{n}", True, errors=9.0) for n in range(many))
    bond = Bond("bond0", "802.3ad", tuple(Leg(f"eth{n}", False) for n in range(many)))
    flood = Hardware(tuple(Sensor(f"s{n}", 99) for n in range(many)), links, (bond,) * many)
    found = judge(flood, Thresholds(), {})
    assert len(found) <= 10 * MOST
    assert all(len(text) <= 1000 for text, _ in texts(settle({}, found, 0, 60)).values())
    assert len(health_details(Health(flood, {}))) <= 3 * MOST


@given(values=st.lists(st.integers(60, 110), max_size=40))
def test_an_alert_ends_only_after_a_whole_patience_without_its_cause(values: list[int]) -> None:
    limits = Thresholds(patience=30)
    standing: dict[Key, Standing] = {}
    bad = -1e9
    for number, celsius in enumerate(values):
        now = number * 10.0
        standing = settle(standing, judge(Hardware(sensors=(Sensor("cpu", celsius),)), limits, standing), now, limits.patience)
        bad = now if celsius >= limits.warning else bad
        if now - bad < limits.patience:
            assert "host.temperature" in texts(standing)
        if (
            celsius <= limits.warning - 4
            and all(one <= limits.warning - 4 for one in values[max(0, number - 3) : number + 1])
            and number > 2
        ):
            assert not standing
