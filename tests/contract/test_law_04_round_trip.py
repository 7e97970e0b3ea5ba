"""Law 4, round trip, idempotence, modesty, honesty: what apply made, observe returns equal; twice changes nothing; foreign objects are
never touched; done means a keyed read agrees. One suite (tests/contract/laws.py), every driver.
"""

from __future__ import annotations

import errno

import pytest

from tests.contract.bench import Bench, SimulatedBench
from tests.contract.laws import FULL, DriverLaws, agrees, plug_all, settle
from vxloom.dataplane.simulated.driver import SimulatedEvents
from vxloom.model.state import SegmentRows
from vxloom.planner import diff
from vxloom.planner.plan import Verdict


class TestSimulated(DriverLaws):
    @pytest.fixture
    def bench(self) -> Bench:
        return SimulatedBench()


@pytest.fixture
def simulated() -> SimulatedBench:
    return SimulatedBench()


@pytest.mark.parametrize("key", [*FULL.resources, ("rows", "5001")], ids=" ".join)
def test_a_write_that_did_nothing_is_not_called_done(simulated: SimulatedBench, key: tuple[str, str]) -> None:
    """The kernel says yes and does nothing: reading back finds it out, and the next look repairs it."""
    plug_all(simulated, FULL)
    plan = diff(FULL, simulated.driver.observe())
    simulated.kernel.fail(key, lie=True)
    outcome = simulated.driver.apply(plan)
    verdicts = {step.key: result.verdict for step, result in zip(plan.steps, outcome.results, strict=True)}
    assert verdicts[key] is Verdict.FAILED
    settle(simulated, FULL)
    agrees(simulated, FULL)


@pytest.mark.parametrize("key", [*FULL.resources, ("rows", "5001")], ids=" ".join)
def test_a_refused_write_is_tried_again_at_the_next_look(simulated: SimulatedBench, key: tuple[str, str]) -> None:
    plug_all(simulated, FULL)
    plan = diff(FULL, simulated.driver.observe())
    simulated.kernel.fail(key, errno.EBUSY)
    outcome = simulated.driver.apply(plan)
    assert key in {plan.steps[position].key for position in outcome.failed}
    settle(simulated, FULL)
    agrees(simulated, FULL)


def test_half_a_batch_of_rows_is_completed(simulated: SimulatedBench) -> None:
    plug_all(simulated, FULL)
    simulated.kernel.fail(("rows", "5001"), after=1)
    plan = diff(FULL, simulated.driver.observe())
    assert [plan.steps[position].key for position in simulated.driver.apply(plan).failed] == [("rows", "5001")]
    assert len(simulated.driver.observe().rows[5001].fdb) == 1
    settle(simulated, FULL)
    agrees(simulated, FULL)


def test_lost_events_ask_for_a_full_look(simulated: SimulatedBench) -> None:
    plug_all(simulated, FULL)
    settle(simulated, FULL)
    events = simulated.driver.events()
    assert isinstance(events, SimulatedEvents)
    try:
        simulated.forget(5001, SegmentRows(fdb=FULL.rows[5001].fdb))
        events.lose()
        (hint,) = events.read()
        assert hint.lost
        assert hint.scope.everything
        assert events.read() == ()
    finally:
        events.close()
