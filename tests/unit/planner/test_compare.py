"""The planner on resources of its own making: it knows them only by what they say of themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.contract.bench import SimulatedBench
from tests.contract.laws import FULL, plug_all, settle
from tests.intents import tap
from vxloom.model.rows import FDB, FLOOD, NEIGHBOUR, table
from vxloom.model.state import (
    AllowList,
    AllowTable,
    Bridge,
    FilterTable,
    Foreign,
    HostState,
    PortFilter,
    Resource,
    SegmentRows,
    Slot,
    Stray,
    Tap,
    VxlanDevice,
)
from vxloom.model.vteps import Vteps
from vxloom.planner import changed_fields, diff, render, widen
from vxloom.planner.plan import Operation, Plan, QuarantineStep, ResourceStep, RowsStep, Scope
from vxloom.planner.rows import diff_rows

BRIDGED = SegmentRows().bridged.dtype
BRIDGE = Bridge("brvx-7", 7, "0e:00:01:00:00:07", 1450)
VXLAN = VxlanDevice("vxlan7", 7, "192.0.2.1", 4789, 1450, "brvx-7")
TABLE = FilterTable(ruleset="1")
FILTER = PortFilter("t1", frozenset({"02:00:00:00:00:01"}), frozenset())
TAP = Tap("t1", "brvx-7", frozenset({"02:00:00:00:00:01"}), 1450)
ALL = (BRIDGE, VXLAN, TABLE, FILTER, TAP)
ROWS = SegmentRows(
    table(FDB, [(2, 0, 1), (4, 0, 2)]),
    table(BRIDGED, [(2,), (4,)]),
    table(FLOOD, [(0, 1), (0, 2)]),
    table(NEIGHBOUR, [(0, 9, 2)]),
)


def state(*resources: Resource, rows: SegmentRows | None = ROWS, **fields: object) -> HostState:
    present = frozenset({"t1"})
    known = {7: rows} if rows is not None else {}
    return HostState({r.key: r for r in resources}, known, **{"present_taps": present, **fields})  # type: ignore[arg-type]


def words(plan: Plan) -> list[str]:
    """Each step as `operation kind name`."""
    return [f"{step.operation} {' '.join(step.key)}" if isinstance(step, ResourceStep) else " ".join(step.key) for step in plan.steps]


def test_equal_states_make_an_empty_plan() -> None:
    assert not diff(state(*ALL), state(*ALL))


def test_from_nothing_referents_come_first_and_rows_last() -> None:
    assert words(diff(state(*reversed(ALL)), state(rows=None))) == [
        "create bridge brvx-7",
        "create filter-table vxloom",
        "create filter t1",
        "create vxlan vxlan7",
        "create tap t1",
        "rows 7",
    ]


def test_to_nothing_referrers_go_first_and_what_dies_with_its_parent_has_no_step() -> None:
    plan = diff(state(rows=None), state(*ALL))
    assert words(plan) == ["delete tap t1", "delete vxlan vxlan7", "delete bridge brvx-7", "delete filter-table vxloom"]
    assert plan.withdrawn == (("tap", "t1"),)


def test_a_filter_goes_after_its_tap() -> None:
    plan = diff(state(BRIDGE, VXLAN, TABLE), state(*ALL))
    assert words(plan) == ["delete tap t1", "delete filter t1"]


def test_a_change_in_place_names_the_fields() -> None:
    plan = diff(state(BRIDGE, replace(VXLAN, mtu=1400, neigh_suppress=False), TABLE, FILTER, TAP), state(*ALL))
    (step,) = plan.steps
    assert isinstance(step, ResourceStep)
    assert step.reason == "mtu 1450 → 1400, neigh_suppress on → off"
    assert changed_fields(VXLAN, replace(VXLAN, mtu=1400)) == ("mtu",)


def test_an_empty_field_has_a_word() -> None:
    (step,) = diff(state(BRIDGE, VXLAN, rows=None), state(BRIDGE, replace(VXLAN, local=""), rows=None)).steps
    assert isinstance(step, ResourceStep)
    assert step.reason == "local nothing → 192.0.2.1"


def test_what_cannot_change_in_place_is_deleted_first_and_its_rows_put_again() -> None:
    plan = diff(state(*ALL), state(BRIDGE, replace(VXLAN, udp_port=8472), TABLE, FILTER, TAP))
    assert words(plan) == ["delete vxlan vxlan7", "create vxlan vxlan7", "rows 7"]
    rows = plan.steps[-1]
    assert isinstance(rows, RowsStep)
    assert (len(rows.put.fdb), len(rows.put.flood), len(rows.put.neighbours)) == (2, 2, 0)
    assert "destroys bridged, fdb, flood" in rows.reason


def test_what_stands_on_something_made_again_is_made_again_and_not_withdrawn() -> None:
    plan = diff(state(*ALL), state(replace(BRIDGE, vni=8), VXLAN, TABLE, FILTER, TAP))
    assert words(plan) == [
        "delete tap t1",
        "delete vxlan vxlan7",
        "delete bridge brvx-7",
        "create bridge brvx-7",
        "create vxlan vxlan7",
        "create tap t1",
        "rows 7",
    ]
    assert plan.withdrawn == ()


def test_making_again_is_replacing_and_goes_on_while_deletions_are_held() -> None:
    held = diff(state(*ALL), state(BRIDGE, replace(VXLAN, udp_port=8472), TABLE, FILTER, TAP), prune=False)
    assert words(held) == ["delete vxlan vxlan7", "create vxlan vxlan7", "rows 7"]


def test_ours_in_the_way_goes_first() -> None:
    """Two devices of ours under each other's VNI: both leave before either comes."""
    odd = replace(VXLAN, name="vxlan9", bridge="")
    plan = diff(state(BRIDGE, VXLAN), state(BRIDGE, odd, rows=None))
    assert words(plan) == ["delete vxlan vxlan9", "create vxlan vxlan7", "rows 7"]
    assert "in the way" in plan.steps[0].reason


def test_ours_in_the_way_is_an_obstacle_while_deletions_are_held() -> None:
    odd = replace(VXLAN, name="vxlan9", bridge="")
    plan = diff(state(BRIDGE, VXLAN), state(BRIDGE, odd, rows=None), prune=False)
    assert plan.steps == ()
    assert [(obstacle.resource, obstacle.holder.name) for obstacle in plan.obstacles] == [(("vxlan", "vxlan7"), "vxlan9")]
    assert "vxloom host confirm" in render(plan)


def test_a_slot_taken_in_place_makes_its_holder_go_first() -> None:
    @dataclass(frozen=True)
    class Chair:
        """A kind the planner has never seen."""

        name: str
        slot: Slot
        kind = "chair"
        recreate_on = frozenset[str]()
        needs = ()
        parent = None
        clears = {}  # noqa: RUF012 - a protocol's constant

        def stages(self, before: Resource) -> tuple[Resource, Resource]:
            return self, self

        @property
        def key(self) -> tuple[str, str]:
            return ("chair", self.name)

        @property
        def exclusive(self) -> frozenset[Slot]:
            return frozenset({self.slot})

    here, there = Chair("a", ("seat", "1")), Chair("b", ("seat", "2"))
    moved = replace(here, slot=("seat", "2"))
    plan = diff(HostState({moved.key: moved}), HostState({here.key: here, there.key: there}))
    assert words(plan) == ["delete chair b", "update chair a"]


def test_an_obstacle_takes_along_what_needs_it_and_nothing_else() -> None:
    holder = Foreign("br", "bridge", frozenset({("name", "brvx-7")}))
    plan = diff(state(*ALL), state(rows=None, foreign=(holder,)))
    assert words(plan) == ["create filter-table vxloom", "create filter t1"]
    assert [obstacle.slot for obstacle in plan.obstacles] == [("name", "brvx-7")]
    assert "not ours" in render(plan)


def test_a_tap_not_plugged_in_waits_but_one_that_is_bound_is_kept() -> None:
    waiting = diff(state(*ALL), state(BRIDGE, VXLAN, TABLE, FILTER, present_taps=frozenset()))
    assert not waiting.steps
    down = diff(state(*ALL), state(BRIDGE, VXLAN, TABLE, FILTER, replace(TAP, up=False), present_taps=frozenset()))
    assert words(down) == ["update tap t1"]


def test_strays_are_locked_first_unless_bound_ending_or_out_of_sight() -> None:
    strays = (Stray("x", "brvx-7", quarantined=False), Stray("y", "brvx-7", quarantined=True), Stray("t1", "brvx-7", quarantined=False))
    plan = diff(state(*ALL), state(BRIDGE, VXLAN, TABLE, FILTER, strays=strays))
    assert words(plan) == ["stray x", "create tap t1"]
    assert isinstance(plan.steps[0], QuarantineStep)
    assert "# stray x" in render(plan)
    assert not diff(state(rows=None), state(BRIDGE, rows=None, strays=strays)).steps[:-1]
    assert not diff(state(*ALL), state(*ALL, strays=strays), scope=Scope(frozenset({8}))).steps


def test_a_scope_leaves_the_rest_alone() -> None:
    scope = Scope(frozenset({7}), frozenset({"t1"}))
    other = replace(BRIDGE, name="brvx-8", vni=8)
    plan = diff(state(*ALL, rows=None), state(other, rows=None), scope=scope)
    assert words(plan) == ["create bridge brvx-7", "create filter t1", "create vxlan vxlan7", "create tap t1"]
    assert not diff(state(*ALL), state(rows=None), scope=Scope(frozenset({8})))
    elsewhere = diff(state(*ALL), state(rows=None), scope=Scope(frozenset(), frozenset({"t1"})))
    assert words(elsewhere) == ["create filter t1", "create tap t1"]


def test_a_scope_widens_to_what_must_be_looked_at_together() -> None:
    wanted = state(*ALL)
    assert widen(Scope(), wanted).everything
    assert widen(Scope(frozenset({7})), wanted) == Scope(frozenset({7}), frozenset({"t1"}))
    assert widen(Scope(frozenset(), frozenset({"t1"})), wanted) == Scope(frozenset({7}), frozenset({"t1"}))
    assert widen(Scope(frozenset(), frozenset({"t1"})), state(TAP)) == Scope(frozenset(), frozenset({"t1"}))
    assert widen(Scope(frozenset(), frozenset({"t9"})), wanted) == Scope(frozenset(), frozenset({"t9"}))


class TestRows:
    def put(self, desired: SegmentRows, observed: SegmentRows) -> RowsStep:
        step = diff_rows(7, desired, observed)
        assert step is not None
        return step

    def test_a_moved_mac_is_one_put_and_no_drop(self) -> None:
        step = self.put(ROWS, replace(ROWS, fdb=table(FDB, [(2, 0, 7), (4, 0, 2)])))
        assert (step.put.fdb.tolist(), step.count(), step.reason) == ([(2, 0, 1)], 1, "1 MAC elsewhere")

    def test_either_half_missing_puts_both(self) -> None:
        for half in (replace(ROWS, fdb=ROWS.fdb[1:]), replace(ROWS, bridged=ROWS.bridged[1:])):
            assert self.put(ROWS, half).put.fdb.tolist() == [(2, 0, 1)]

    def test_a_second_remote_of_a_mac_is_dropped_and_the_wanted_one_kept(self) -> None:
        step = self.put(ROWS, replace(ROWS, fdb=table(FDB, [(2, 0, 1), (2, 0, 7), (4, 0, 2)])))
        assert (len(step.put.fdb), step.drop.fdb.tolist()) == (0, [(2, 0, 7)])

    def test_a_neighbour_with_another_mac_is_replaced(self) -> None:
        step = self.put(ROWS, replace(ROWS, neighbours=table(NEIGHBOUR, [(0, 9, 6)])))
        assert (step.put.neighbours.tolist(), step.count()) == ([(0, 9, 2)], 1)

    def test_holding_drops_nothing(self) -> None:
        more = replace(ROWS, fdb=table(FDB, [(2, 0, 1), (4, 0, 2), (6, 0, 2)]))
        assert diff_rows(7, ROWS, more, prune=False) is None
        assert diff_rows(7, ROWS, more) is not None

    def test_what_a_step_before_destroys_is_put_again_although_it_was_seen(self) -> None:
        step = diff_rows(7, ROWS, ROWS, {"neighbours"})
        assert step is not None
        assert (len(step.put.neighbours), step.count(), step.key) == (1, 1, ("rows", "7"))


def test_a_bridge_put_right_gets_its_neighbours_again() -> None:
    for wrong in (replace(BRIDGE, mac="02:00:00:00:00:99"), replace(BRIDGE, up=False)):
        plan = diff(state(*ALL), state(wrong, VXLAN, TABLE, FILTER, TAP))
        assert words(plan) == ["update bridge brvx-7", "rows 7"]


def test_a_device_put_back_on_its_bridge_gets_its_rows_again() -> None:
    plan = diff(state(*ALL), state(BRIDGE, replace(VXLAN, bridge=""), TABLE, FILTER, TAP))
    assert words(plan) == ["update vxlan vxlan7", "rows 7"]
    rows = plan.steps[-1]
    assert isinstance(rows, RowsStep)
    assert (len(rows.put.fdb), len(rows.put.flood)) == (2, 0)


def test_what_stands_under_a_tap_that_would_not_detach_is_kept() -> None:
    """Fail closed: no filter goes before its tap has."""
    bench = SimulatedBench()
    plug_all(bench, FULL)
    settle(bench, FULL)
    stubborn = tap(1, 5001)
    bench.kernel.fail(("tap", stubborn))
    plan = diff(HostState(FULL.resources | {}, {}), bench.driver.observe())
    assert not plan
    smaller = HostState({key: r for key, r in FULL.resources.items() if key[1] != stubborn}, FULL.rows)
    plan = diff(smaller, bench.driver.observe())
    assert words(plan) == [f"delete tap {stubborn}", f"delete filter {stubborn}"]
    assert set(bench.driver.apply(plan).failed) == {0, 1}
    assert ("filter", stubborn) in bench.driver.observe().resources


def test_a_resource_that_could_not_be_cleared_away_is_not_made_beside_itself() -> None:
    bench = SimulatedBench()
    plug_all(bench, FULL)
    settle(bench, FULL)
    bench.kernel.fail(("vxlan", "vxlan5001"))
    vxlan = FULL.resources["vxlan", "vxlan5001"]
    assert isinstance(vxlan, VxlanDevice)
    wanted = HostState({**FULL.resources, vxlan.key: replace(vxlan, udp_port=8472)}, FULL.rows)
    plan = diff(wanted, bench.driver.observe())
    failed = bench.driver.apply(plan).failed
    assert [f"{plan.steps[position].key[0]}" for position in failed] == ["vxlan", "vxlan", "rows"]


def test_a_failed_quarantine_stops_nobody() -> None:
    bench = SimulatedBench()
    plug_all(bench, FULL)
    bench.plug("x")
    settle(bench, HostState({key: r for key, r in FULL.resources.items() if key[0] != Tap.kind}, FULL.rows))
    bench.attach("x", "brvx-5001")
    bench.kernel.fail(("stray", "x"))
    plan = diff(FULL, bench.driver.observe())
    assert set(bench.driver.apply(plan).failed) == {0}


def test_operations_are_spelled_as_people_say_them() -> None:
    assert [str(operation) for operation in Operation] == ["create", "update", "delete"]


LISTS = AllowTable(4789, ruleset="1")


def allowed(*addresses: str, known: bool = True) -> AllowList:
    return AllowList(7, 4789, Vteps.of(addresses) if known else None)


def test_a_vtep_is_let_in_before_the_rows_and_shut_out_after_them() -> None:
    old, new = (*ALL, LISTS, allowed("192.0.2.2")), (*ALL, LISTS, allowed("192.0.2.3"))
    plan = diff(state(*new), state(*old, rows=replace(ROWS, flood=ROWS.flood[:1])))
    assert words(plan) == ["update allow-list 7", "rows 7", "update allow-list 7"]
    told = render(plan)
    assert "vteps + 192.0.2.3" in told
    assert "vteps - 192.0.2.2" in told
    held = diff(state(*new), state(*old), prune=False)
    assert words(held) == ["update allow-list 7"]
    both = state(*ALL, LISTS, allowed("192.0.2.2", "192.0.2.3"))
    assert not diff(state(*new), both, prune=False), "while holding nobody is shut out"


def test_a_list_that_is_not_known_yet_is_made_empty_and_left_alone_where_it_stands() -> None:
    wanted = state(*ALL, LISTS, allowed(known=False))
    assert words(diff(wanted, state(*ALL, LISTS))) == ["create allow-list 7"]
    assert not diff(wanted, state(*ALL, LISTS, allowed("192.0.2.2")))
    assert words(diff(wanted, state(*ALL, LISTS, replace(allowed("192.0.2.2"), enforced=False)))) == ["update allow-list 7"]


def test_a_list_of_a_vni_that_another_holds_goes_and_the_obstacle_is_told_once() -> None:
    holder = Foreign("theirs", "vxlan", frozenset({("vni", "7:4789")}))
    everything = (*ALL, LISTS, allowed("192.0.2.2"))
    plan = diff(state(*everything), state(BRIDGE, TABLE, FILTER, TAP, LISTS, allowed("192.0.2.2"), rows=None, foreign=(holder,)))
    assert words(plan) == ["delete allow-list 7"]
    assert [obstacle.resource for obstacle in plan.obstacles] == [("vxlan", "vxlan7")]
    assert "1 in the way" in render(plan)
