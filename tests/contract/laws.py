"""Law 4 (round trip, idempotence, modesty, honesty) as tests of any driver. Subclass :class:`DriverLaws` with a `bench` fixture.

class TestSimulated(DriverLaws):
    @pytest.fixture
    def bench(self) -> Bench: ...
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable

import pytest

from tests.contract.bench import Bench
from tests.intents import INCOMING, OUTGOING, at, cloud, desired, host, mac, network, nic, tap
from vxloom.dataplane.driver import Events
from vxloom.model.rows import FDB, FLOOD, NEIGHBOUR, table
from vxloom.model.state import Bridge, HostState, SegmentRows, Tap, VxlanDevice
from vxloom.planner import diff, widen
from vxloom.planner.plan import Operation, Plan, QuarantineStep, ResourceStep, Scope, Verdict

BRIDGED = SegmentRows().bridged.dtype
NOTHING = HostState()
LINE = cloud((network(5001),), (nic(1, 5001, at(1)), nic(2, 5001, at(1)), nic(3, 5001, at(2)), nic(4, 5001, at(3))))
SIXES = tuple(host(n, f"2001:db8::{n}") for n in (1, 2, 3))
CATALOGUE: dict[str, HostState] = {
    "nothing": NOTHING,
    "one network": desired(LINE),
    "one network, nobody else in it": desired(cloud((network(5001),), (nic(1, 5001, at(1)),))),
    "one network, the guests elsewhere": desired(
        cloud((network(5001),), (nic(1, 5001, at(2)), nic(2, 5001, at(3)), nic(3, 5001, at(1)), nic(4, 5001, at(3))))
    ),
    "two networks, same addresses": desired(
        cloud((network(5001), network(5002, tenant="t2")), tuple(nic(n, v, at(h)) for v in (5001, 5002) for n, h in ((1, 1), (2, 2))))
    ),
    "a network without addresses": desired(
        cloud((network(5003, addressed=False),), (nic(1, 5003, at(1), addressed=False), nic(2, 5003, at(2), addressed=False)))
    ),
    "limited": desired(LINE, storm_limit=2000),
    "more limited, and one more port": desired(cloud(LINE.networks, (*LINE.nics, nic(5, 5001, at(1)))), storm_limit=7),
    "smaller packets": desired(cloud((network(5001, mtu=1400),), LINE.nics)),
    "one to come": desired(cloud((network(5001),), (nic(1, 5001, at(2), at(1, INCOMING, 2)), nic(3, 5001, at(1))))),
    "one has left": desired(cloud((network(5001),), (nic(1, 5001, at(1, OUTGOING), at(2, sequence=2)), nic(3, 5001, at(1))))),
    "shared addresses": desired(
        cloud(
            (network(5001),),
            (
                nic(1, 5001, at(1), shared=("10.1.1.99", "00:00:5e:00:01:07"), held=("10.1.1.99", "00:00:5e:00:01:07")),
                nic(2, 5001, at(2), shared=("10.1.1.99", "00:00:5e:00:01:07")),
            ),
        )
    ),
    "an IPv6 underlay": desired(cloud((network(5004, mtu=1430),), (nic(1, 5004, at(1)), nic(2, 5004, at(2))), hosts=SIXES)),
}
FULL = CATALOGUE["one network"]
ROWS = FULL.rows[5001]

BREAKAGES: dict[str, Callable[[Bench], None]] = {
    "VXLAN device deleted": lambda bench: bench.delete_link("vxlan5001"),
    "bridge deleted": lambda bench: bench.delete_link("brvx-5001"),
    "VXLAN device taken off its bridge": lambda bench: bench.detach("vxlan5001"),
    "tap taken off its bridge": lambda bench: bench.detach(tap(1, 5001)),
    "bridge with another MAC": lambda bench: bench.set_mac("brvx-5001", "02:11:22:33:44:55"),
    "bridge down": lambda bench: bench.set_down("brvx-5001"),
    "VXLAN device down": lambda bench: bench.set_down("vxlan5001"),
    "tap down": lambda bench: bench.set_down(tap(1, 5001)),
    "tap unlocked": lambda bench: bench.unlock(tap(1, 5001)),
    "filters flushed": lambda bench: bench.flush_filters(),
    "VXLAN half of a MAC deleted": lambda bench: bench.forget(5001, SegmentRows(fdb=ROWS.fdb[:1])),
    "bridge half of a MAC deleted": lambda bench: bench.forget(5001, SegmentRows(bridged=ROWS.bridged[:1])),
    "flood entry deleted": lambda bench: bench.forget(5001, SegmentRows(flood=ROWS.flood[:1])),
    "neighbours deleted": lambda bench: bench.forget(5001, SegmentRows(neighbours=ROWS.neighbours)),
    "everything deleted": lambda bench: [bench.delete_link("vxlan5001"), bench.delete_link("brvx-5001"), bench.flush_filters()],
}


def taps_of(*states: HostState) -> set[str]:
    return {name for state in states for kind, name in state.resources if kind == Tap.kind}


def plug_all(bench: Bench, *states: HostState) -> None:
    for name in sorted(taps_of(*states)):
        bench.plug(name)


def settle(bench: Bench, wanted: HostState) -> Plan:
    """Observe, plan, apply; every step must be done."""
    plan = diff(wanted, bench.driver.observe())
    outcome = bench.driver.apply(plan)
    assert outcome.failed == {}
    return plan


def agrees(bench: Bench, wanted: HostState) -> None:
    """What is there is what is wanted, and nothing is left to do."""
    seen = bench.driver.observe()
    assert seen.resources == dict(wanted.resources)
    assert {vni: seen.rows.get(vni, SegmentRows()) for vni in wanted.rows} == dict(wanted.rows)
    again = diff(wanted, seen)
    assert again.steps == ()


def readable(events: Events, seconds: float = 5.0) -> Scope:
    """The scopes of all hints that come until one does, folded."""
    deadline = time.monotonic() + seconds
    while not (hints := events.read()):
        left = deadline - time.monotonic()
        assert left > 0, "no hint came"
        select.select([events.fileno()], [], [], left)
    if any(hint.scope.everything for hint in hints):
        return Scope()
    vnis = frozenset[int]().union(*(hint.scope.vnis or () for hint in hints))
    return Scope(vnis, frozenset[str]().union(*(hint.scope.taps for hint in hints)))


class DriverLaws:
    """Every driver keeps them."""

    @pytest.mark.parametrize("wanted", CATALOGUE.values(), ids=CATALOGUE)
    def test_round_trip_and_idempotence(self, bench: Bench, wanted: HostState) -> None:
        plug_all(bench, wanted)
        settle(bench, wanted)
        agrees(bench, wanted)

    @pytest.mark.parametrize("after", CATALOGUE.values(), ids=CATALOGUE)
    def test_the_path_does_not_matter(self, bench: Bench, after: HostState) -> None:
        """From every state of the catalogue to this one."""
        plug_all(bench, *CATALOGUE.values())
        for before in CATALOGUE.values():
            settle(bench, before)
            settle(bench, after)
            agrees(bench, after)

    def test_the_same_plan_twice_changes_nothing(self, bench: Bench) -> None:
        """A second agent, or the same after a crash before it noted anything, comes to the same end."""
        plug_all(bench, FULL)
        plan = settle(bench, FULL)
        bench.driver.apply(plan)
        settle(bench, FULL)
        agrees(bench, FULL)

    @pytest.mark.parametrize("break_it", BREAKAGES.values(), ids=BREAKAGES)
    def test_drift_is_seen_and_repaired(self, bench: Bench, break_it: Callable[[Bench], None]) -> None:
        plug_all(bench, FULL)
        settle(bench, FULL)
        break_it(bench)
        assert settle(bench, FULL), "nobody noticed"
        agrees(bench, FULL)

    def test_rows_nobody_wants_are_dropped_and_moved_ones_replaced(self, bench: Bench) -> None:
        plug_all(bench, FULL)
        settle(bench, FULL)
        ghost = (int(mac(200).replace(":", ""), 16), 0, 0xFFFF_C000_0209)
        strange = SegmentRows(
            table(FDB, [ghost, (int(ROWS.fdb["mac"][0]), ghost[1], ghost[2])]),
            table(BRIDGED, [(ghost[0],), (int(ROWS.fdb["mac"][0]),)]),
            table(FLOOD, [ghost[1:]]),
            table(NEIGHBOUR, [(0, 0xFFFF_0A01_01C8, ghost[0])]),
        )
        settle(bench, HostState(FULL.resources, {5001: strange}))
        settle(bench, FULL)
        agrees(bench, FULL)

    def test_what_is_withdrawn_is_gone_and_taps_stay(self, bench: Bench) -> None:
        plug_all(bench, FULL)
        settle(bench, FULL)
        settle(bench, NOTHING)
        seen = bench.driver.observe()
        assert dict(seen.resources) == {}
        assert {vni: rows for vni, rows in seen.rows.items() if rows != SegmentRows()} == {}
        assert taps_of(FULL) <= seen.present_taps

    def test_holding_deletes_nothing(self, bench: Bench) -> None:
        plug_all(bench, FULL)
        settle(bench, FULL)
        assert not diff(NOTHING, bench.driver.observe(), prune=False).steps
        smaller = CATALOGUE["one network, nobody else in it"]
        assert not diff(smaller, bench.driver.observe(), prune=False).steps

    def test_foreign_objects_are_never_changed(self, bench: Bench) -> None:
        bench.add_foreign(Bridge("br-other", 0, "02:aa:00:00:00:01", 1500))
        bench.add_foreign(VxlanDevice("vxlan9", 9, "192.0.2.1", 4789, 1450, ""))
        before = bench.foreign()
        plug_all(bench, FULL)
        settle(bench, FULL)
        settle(bench, NOTHING)
        assert bench.foreign() == before

    @pytest.mark.parametrize(
        "link",
        [
            VxlanDevice("theirs", 5001, "192.0.2.1", 4789, 1450, ""),
            VxlanDevice("vxlan5001", 77, "192.0.2.1", 4789, 1450, ""),
            Bridge("brvx-5001", 5001, "02:aa:00:00:00:01", 1500),
        ],
        ids=["our VNI and port", "our device's name", "our bridge's name"],
    )
    def test_an_obstacle_is_reported_and_the_rest_goes_on(self, bench: Bench, link: Bridge | VxlanDevice) -> None:
        wanted = CATALOGUE["two networks, same addresses"]
        bench.add_foreign(link)
        before = bench.foreign()
        plug_all(bench, wanted)
        plan = settle(bench, wanted)
        assert {obstacle.holder.name for obstacle in plan.obstacles} == {link.name}
        assert bench.foreign() == before
        seen = bench.driver.observe()
        theirs = isinstance(link, VxlanDevice) and link.vni == 5001
        assert (("allow-list", "5001") in seen.resources) is not theirs, "whose the VNI is decides whom it hears"
        assert {key for key in wanted.resources if "5002" in key[1]} <= set(seen.resources)
        assert seen.rows[5002] == wanted.rows[5002]
        bench.delete_link(link.name)
        settle(bench, wanted)
        agrees(bench, wanted)

    def test_a_failed_step_says_so_skips_its_dependants_and_no_others(self, bench: Bench) -> None:
        """Somebody takes our VNI between the look and the write."""
        wanted = CATALOGUE["two networks, same addresses"]
        plug_all(bench, wanted)
        plan = diff(wanted, bench.driver.observe())
        bench.add_foreign(VxlanDevice("theirs", 5001, "192.0.2.1", 4789, 1450, ""))
        outcome = bench.driver.apply(plan)
        by_key = {step.key: result for step, result in zip(plan.steps, outcome.results, strict=True)}
        assert by_key["vxlan", "vxlan5001"].verdict is Verdict.FAILED
        assert by_key["vxlan", "vxlan5001"].error
        assert by_key["rows", "5001"].verdict is Verdict.SKIPPED
        assert {key for key, result in by_key.items() if result.verdict is not Verdict.DONE} == {("vxlan", "vxlan5001"), ("rows", "5001")}
        seen = bench.driver.observe()
        done = {
            step.key for step, r in zip(plan.steps, outcome.results, strict=True) if r.verdict is Verdict.DONE and step.key[0] != "rows"
        }
        assert {key: seen.resources[key] for key in done} == {key: wanted.resources[key] for key in done}

    def test_a_tap_that_vanished_fails_alone(self, bench: Bench) -> None:
        plug_all(bench, FULL)
        plan = diff(FULL, bench.driver.observe())
        bench.delete_link(tap(1, 5001))
        outcome = bench.driver.apply(plan)
        assert [plan.steps[position].key for position in outcome.failed] == [("tap", tap(1, 5001))]

    def test_a_tap_not_plugged_in_yet_waits_and_its_filter_stands(self, bench: Bench) -> None:
        late = tap(1, 5001)
        bench.plug(tap(2, 5001))
        settle(bench, FULL)
        seen = bench.driver.observe()
        assert ("filter", late) in seen.resources
        assert ("tap", late) not in seen.resources
        assert not diff(FULL, seen).steps
        bench.plug(late)
        plan = settle(bench, FULL)
        assert [step.key for step in plan.steps] == [("tap", late)]
        agrees(bench, FULL)

    def test_a_stray_port_is_locked(self, bench: Bench) -> None:
        plug_all(bench, FULL)
        settle(bench, FULL)
        bench.plug("stranger")
        bench.attach("stranger", "brvx-5001")
        plan = settle(bench, FULL)
        assert [type(step) for step in plan.steps] == [QuarantineStep]
        seen = bench.driver.observe()
        assert [(stray.name, stray.quarantined) for stray in seen.strays] == [("stranger", True)]
        agrees(bench, FULL)

    def test_a_tap_somebody_else_attached_is_bound_not_quarantined(self, bench: Bench) -> None:
        settle(bench, FULL)
        for name in sorted(taps_of(FULL)):
            bench.plug(name)
            bench.attach(name, "brvx-5001")
        plan = settle(bench, FULL)
        assert {step.operation for step in plan.steps if isinstance(step, ResourceStep)} == {Operation.CREATE}
        agrees(bench, FULL)

    def test_a_look_at_a_part_sees_that_part(self, bench: Bench) -> None:
        wanted = CATALOGUE["two networks, same addresses"]
        plug_all(bench, wanted)
        settle(bench, wanted)
        scope = widen(Scope(frozenset({5001})), wanted)
        seen = bench.driver.observe(scope)
        expected = {("bridge", "brvx-5001"), ("vxlan", "vxlan5001"), ("tap", tap(1, 5001)), ("filter", tap(1, 5001))}
        assert expected <= set(seen.resources)
        assert {key: seen.resources[key] for key in expected} == {key: wanted.resources[key] for key in expected}
        assert seen.rows[5001] == wanted.rows[5001]
        assert not diff(wanted, seen, scope=scope).steps
        bench.delete_link("brvx-5001")
        plan = diff(wanted, bench.driver.observe(scope), scope=scope)
        assert bench.driver.apply(plan).failed == {}
        agrees(bench, wanted)

    def test_a_change_is_hinted(self, bench: Bench) -> None:
        plug_all(bench, FULL)
        settle(bench, FULL)
        events = bench.driver.events()
        try:
            assert events.read() == ()
            bench.forget(5001, SegmentRows(fdb=ROWS.fdb[:1]))
            scope = readable(events)
            assert scope.everything or 5001 in (scope.vnis or ())
        finally:
            events.close()
