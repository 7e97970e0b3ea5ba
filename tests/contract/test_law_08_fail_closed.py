"""Law 8, fail closed, as far as plans and compiled state decide it; tests/kernel and tests/scenarios prove it with packets.

A port that is neither the VXLAN device nor bound is locked; bound taps are locked and learn nothing; a port never sends before its filters
stand nor after they are gone; unknown ethertypes are dropped; an unknown security field refuses the port; a NIC's own RARP passes.
"""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given

from tests.contract.bench import SimulatedBench
from tests.contract.laws import CATALOGUE, FULL, agrees, plug_all, settle, taps_of
from tests.intents import at, cloud, desired, mac, network, nic, tap
from tests.properties.strategies import FEW, sane_clouds
from vxloom.compiler import compile_document, compile_host, compile_segments
from vxloom.compiler.frames import BROADCAST, Frame, Kind
from vxloom.compiler.trace import desired_states, trace
from vxloom.model.intent import Intent
from vxloom.model.state import AllowList, HostState, PortFilter, Tap, VxlanDevice
from vxloom.model.vteps import Vteps
from vxloom.planner import diff
from vxloom.planner.plan import Operation, Plan, QuarantineStep, ResourceStep

INTENT = cloud((network(5001),), (nic(1, 5001, at(1)), nic(2, 5001, at(1)), nic(3, 5001, at(2))))


@FEW
@given(sane_clouds())
def test_every_tap_is_locked_learns_nothing_and_has_a_filter(intent: Intent) -> None:
    for state in desired_states(intent).values():
        for resource in state.resources.values():
            if isinstance(resource, Tap):
                assert (resource.locked, resource.learning, resource.flood) == (True, False, False)
                guard = state.resources["filter", resource.name]
                assert isinstance(guard, PortFilter)
                assert resource.macs <= guard.macs
            if isinstance(resource, VxlanDevice):
                assert (resource.device_learning, resource.port_learning, resource.flood) == (False, False, False)


@FEW
@given(sane_clouds(), sane_clouds())
def test_a_tap_is_on_a_bridge_only_while_its_filter_stands(before: Intent, after: Intent) -> None:
    """After every single step of every plan, wherever it is cut off."""
    old, new = desired(before), desired(after)
    bench = SimulatedBench()
    plug_all(bench, old, new)
    for wanted in (old, new, HostState()):
        for step in diff(wanted, bench.driver.observe()).steps:
            bench.driver.apply(Plan((step,)))
            seen = bench.driver.observe()
            for name in taps_of(seen):
                assert ("filter", name) in seen.resources
        if wanted is not new:
            agrees(bench, wanted)


@pytest.mark.parametrize("refused", [("filter-table", "vxloom"), ("filter", tap(1, 5001))], ids=" ".join)
def test_a_tap_whose_filter_cannot_be_made_stays_off(refused: tuple[str, str]) -> None:
    bench = SimulatedBench()
    plug_all(bench, FULL)
    bench.kernel.fail(refused)
    bench.driver.apply(diff(FULL, bench.driver.observe()))
    assert ("tap", tap(1, 5001)) not in bench.driver.observe().resources


@pytest.mark.parametrize("refused", [("allow-table", "vxloom"), ("allow-list", "5001")], ids=" ".join)
def test_a_segment_whose_list_cannot_be_made_hears_no_other_host(refused: tuple[str, str]) -> None:
    bench = SimulatedBench()
    plug_all(bench, FULL)
    bench.kernel.fail(refused)
    plan = diff(FULL, bench.driver.observe())
    outcome = bench.driver.apply(plan)
    seen = bench.driver.observe()
    assert ("vxlan", "vxlan5001") not in seen.resources
    assert ("tap", tap(1, 5001)) in seen.resources, "guests of one host hear one another"
    assert {plan.steps[at].key for at in outcome.failed} >= {refused, ("vxlan", "vxlan5001"), ("rows", "5001")}
    settle(bench, FULL)
    agrees(bench, FULL)


@FEW
@given(sane_clouds(), sane_clouds())
def test_no_row_leads_to_who_is_not_let_in(before: Intent, after: Intent) -> None:
    """After every single step: who gets packets of a segment may also send some."""
    old, new = desired(before), desired(after)
    bench = SimulatedBench()
    plug_all(bench, old, new)
    for wanted in (old, new):
        for step in diff(wanted, bench.driver.observe()).steps:
            bench.driver.apply(Plan((step,)))
            seen = bench.driver.observe()
            for vni, rows in seen.rows.items():
                allowed = seen.resources.get(("allow-list", str(vni)))
                known = allowed.vteps if isinstance(allowed, AllowList) and allowed.vteps is not None else Vteps()
                assert all(pair in known for pair in {*rows.flood.tolist(), *((hi, lo) for _, hi, lo in rows.fdb.tolist())})


def test_a_flushed_ruleset_is_put_back_before_anything_else_is_bound() -> None:
    bench = SimulatedBench()
    plug_all(bench, FULL)
    settle(bench, FULL)
    bench.flush_filters()
    assert all(port.locked for port in bench.driver.observe().resources.values() if isinstance(port, Tap)), (
        "the lock does not need the rules"
    )
    plan = diff(FULL, bench.driver.observe())
    assert [step.key for step in plan.steps[:2]] == [("allow-table", "vxloom"), ("filter-table", "vxloom")]
    settle(bench, FULL)
    agrees(bench, FULL)


def test_a_stranger_on_our_bridge_is_locked_before_anything_is_made() -> None:
    wanted = CATALOGUE["two networks, same addresses"]
    bench = SimulatedBench()
    plug_all(bench, FULL, wanted)
    settle(bench, FULL)
    bench.plug("stranger")
    bench.attach("stranger", "brvx-5001")
    steps = diff(wanted, bench.driver.observe()).steps
    made = [position for position, step in enumerate(steps) if isinstance(step, ResourceStep) and step.operation is not Operation.DELETE]
    locked = [position for position, step in enumerate(steps) if isinstance(step, QuarantineStep)]
    assert len(locked) == 1
    assert made
    assert max(locked) < min(made)


def test_a_stranger_is_locked_even_while_deletions_are_held() -> None:
    bench = SimulatedBench()
    plug_all(bench, FULL)
    settle(bench, FULL)
    bench.plug("stranger")
    bench.attach("stranger", "brvx-5001")
    assert [step.key for step in diff(FULL, bench.driver.observe(), prune=False).steps] == [("stray", "stranger")]


def test_an_unknown_security_field_unbinds_that_port_and_no_other() -> None:
    document = compile_document(INTENT, "host-1", 7, {})
    first = msgspec.msgpack.decode(document.ports[0])
    first["security"]["vlans"] = [7]
    newer = msgspec.structs.replace(document, ports=(msgspec.Raw(msgspec.msgpack.encode(first)), *document.ports[1:]))
    state = compile_host(newer, compile_segments(INTENT))
    assert taps_of(state) == {tap(2, 5001)}


def test_unknown_ethertypes_are_dropped_and_the_own_rarp_passes() -> None:
    states = desired_states(INTENT)
    here = ("h1", tap(1, 5001))
    assert not trace(Frame(mac(1), BROADCAST, Kind.OTHER), *here, states).delivered
    assert not trace(Frame(mac(2), BROADCAST, Kind.RARP), *here, states).delivered
    assert trace(Frame(mac(1), BROADCAST, Kind.RARP), *here, states).delivered == {("h1", tap(2, 5001)), ("h2", tap(3, 5001))}
