"""Where a plan changes something, for the look afterwards."""

from __future__ import annotations

from vxloom.agent.reconcile import touched
from vxloom.model.state import Tap
from vxloom.planner.plan import Operation, Plan, ResourceStep, Scope


def test_a_tap_is_looked_at_with_its_segment() -> None:
    tap = Tap("t1", "brvx-7", frozenset(), 1450)
    assert touched(Plan((ResourceStep(Operation.CREATE, None, tap, "missing"),))) == Scope(frozenset({7}), frozenset({"t1"}))


def test_a_tap_that_others_took_off_is_in_no_segment() -> None:
    tap = Tap("t1", "", frozenset(), 1450)
    assert touched(Plan((ResourceStep(Operation.DELETE, tap, None, "no longer wanted"),))) == Scope(frozenset(), frozenset({"t1"}))
