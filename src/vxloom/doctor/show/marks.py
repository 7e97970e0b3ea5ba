"""Which resources differ, as the planner says, in the words of the tables. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from vxloom.model.show import Drift
from vxloom.model.state import HostState, Key, Tap
from vxloom.planner.plan import Operation, Plan, ResourceStep

Mark: TypeAlias = tuple[Drift, str]
"""How something stands, and why or how it should."""
Marks: TypeAlias = Mapping[Key, Mark]
NONE: Mark = (Drift.NONE, "")


def marks_of(desired: HostState, observed: HostState, plan: Plan) -> Marks:
    """Return the marks of all resources that are not as wanted."""
    found: dict[Key, Mark] = {}
    for step in plan.steps:
        if not isinstance(step, ResourceStep):
            continue
        wanted, seen = desired.resources.get(step.key), observed.resources.get(step.key)
        if wanted is None:
            found[step.key] = (Drift.EXTRA, step.reason)
        elif seen is None:
            found[step.key] = (Drift.MISSING, "" if step.reason == "missing" else step.reason)
        elif step.operation is not Operation.DELETE:  # of one that is made again the other step tells
            found[step.key] = (Drift.WRONG, step.reason)
    for key in desired.resources.keys() - found.keys() - observed.resources.keys():
        if key[0] != Tap.kind or key[1] in observed.present_taps:  # a machine that does not run has no tap
            found[key] = (Drift.MISSING, "waits for what it needs")
    for obstacle in plan.obstacles:
        drift = Drift.WRONG if obstacle.resource in observed.resources else Drift.MISSING
        found[obstacle.resource] = (drift, f"waits: {obstacle.holder.kind} {obstacle.holder.name} has its {obstacle.slot[0]}")
    return found
