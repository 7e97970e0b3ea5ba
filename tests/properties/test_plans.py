"""Plans on a simulated host: the second is empty, and the path to a state does not matter."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.contract.bench import SimulatedBench
from tests.contract.laws import agrees, settle, taps_of
from tests.intents import desired
from tests.properties.strategies import FEW, any_clouds, sane_clouds
from vxloom.compiler import admit, compile_document, compile_segments
from vxloom.compiler.host import PASSES, compile_host
from vxloom.model.intent import Intent
from vxloom.model.state import HostState, SegmentRows
from vxloom.planner import diff, render

MANY = st.lists(sane_clouds(), min_size=1, max_size=4)


def bench_for(*states: HostState) -> SimulatedBench:
    bench = SimulatedBench()
    for name in sorted(taps_of(*states)):
        bench.plug(name)
    return bench


@FEW
@given(sane_clouds())
def test_the_second_plan_is_empty(intent: Intent) -> None:
    for number in (1, 2):
        wanted = desired(intent, number)
        bench = bench_for(wanted)
        settle(bench, wanted)
        agrees(bench, wanted)


@FEW
@given(MANY)
def test_any_path_ends_in_the_same_state(intents: list[Intent]) -> None:
    """Straight, reversed first, or squashed to the last: the same end."""
    states = [desired(intent) for intent in intents]
    last = states[-1]
    for path in (states, [*reversed(states), last], [last], [*states, HostState(), last]):
        bench = bench_for(*states)
        for state in path:
            settle(bench, state)
        agrees(bench, last)


@FEW
@given(MANY, st.sets(st.integers(0, 7)))
def test_taps_may_come_late_and_in_any_order(intents: list[Intent], late: set[int]) -> None:
    states = [desired(intent) for intent in intents]
    names = sorted(taps_of(*states))
    bench = SimulatedBench()
    for position, name in enumerate(names):
        if position not in late:
            bench.plug(name)
    for state in states:
        settle(bench, state)
    for position in sorted(late, reverse=True):
        if position < len(names):
            bench.plug(names[position])
            settle(bench, states[-1])
    agrees(bench, states[-1])


@FEW
@given(sane_clouds(), sane_clouds())
def test_holding_deletes_nothing_and_still_puts_what_is_new(before: Intent, after: Intent) -> None:
    """Law 6. What both want agrees; what only the past wanted stands."""
    old, new = desired(before), desired(after)
    bench = bench_for(old, new)
    settle(bench, old)
    plan = diff(new, bench.driver.observe(), prune=False)
    assert not plan.withdrawn
    assert bench.driver.apply(plan).failed == {}
    seen = bench.driver.observe()
    assert set(old.resources) <= set(seen.resources)
    wanted = {key: r.stages(old.resources[key])[0] if key in old.resources else r for key, r in new.resources.items()}
    assert {key: seen.resources[key] for key in wanted} == wanted, "as wanted, but whom the past let in is not shut out"
    for vni, rows in old.rows.items():
        for name in ("flood", "neighbours"):
            assert len(getattr(seen.rows[vni], name)) >= len(getattr(rows, name))
    assert not diff(new, seen, prune=False).steps


@FEW
@given(any_clouds())
def test_whatever_is_wanted_can_be_compiled_planned_and_told(intent: Intent) -> None:
    tables = compile_segments(intent)
    for host in {host.id: host for host in reversed(intent.hosts)}.values():
        document = compile_document(intent, host.id, 7, {})
        wanted = compile_host(document, tables)
        bound, refused = admit(document)
        assert len(bound) + len(refused) == len(document.ports)
        bench = bench_for(wanted)
        settle(bench, wanted)
        agrees(bench, wanted)
        assert render(diff(HostState(), bench.driver.observe()))


@FEW
@given(sane_clouds(), sane_clouds())
def test_a_plan_lists_referents_before_referrers_and_deletes_the_other_way(before: Intent, after: Intent) -> None:
    bench = bench_for(desired(before), desired(after))
    settle(bench, desired(before))
    made: set[tuple[str, str]] = set(bench.driver.observe().resources)
    for step in diff(desired(after), bench.driver.observe()).steps:
        match step.key[0]:
            case "rows":
                assert ("vxlan", f"vxlan{step.key[1]}") in made
            case _:
                resource = getattr(step, "after", None)
                if resource is not None:
                    assert set(resource.needs) <= made
                    made.add(step.key)
                else:
                    made.discard(step.key)
                    left = [r for key, r in bench.driver.observe().resources.items() if key in made]
                    assert not any(step.key in r.needs and r.parent != step.key for r in left)


def test_the_passes_are_an_explicit_tuple() -> None:
    assert [step.__name__ for step in PASSES] == [
        "_bridges",
        "_vxlan_devices",
        "_allow_table",
        "_allow_lists",
        "_filter_table",
        "_port_filters",
        "_taps",
        "_rows",
    ]
    assert SegmentRows() == SegmentRows()
