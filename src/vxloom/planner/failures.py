"""What a failed step takes with it: its dependants are skipped, the rest goes on."""

from __future__ import annotations

from vxloom.model.state import Key
from vxloom.planner.plan import Operation, ResourceStep, RowsStep, Step
from vxloom.planner.rows import homes


class Failures:
    """Kept by a driver while it applies one plan."""

    def __init__(self) -> None:
        self._failed: set[Key] = set()
        self._still_needed: set[Key] = set()
        """What resources that should have gone, and did not, stand on."""

    def add(self, step: Step) -> None:
        """Note a step that failed or was skipped."""
        self._failed.add(step.key)
        if isinstance(step, ResourceStep) and step.operation is Operation.DELETE and step.before is not None:
            self._still_needed.update(step.before.needs)

    def skips(self, step: Step) -> bool:
        """Tell whether a step must not be tried.

        Nothing is made on what could not be made, nor beside what could not be cleared away; and nothing is taken away
        under what could not be removed: a tap that would not detach keeps its filters.
        """
        match step:
            case ResourceStep(operation=Operation.DELETE):
                return step.key in self._still_needed
            case ResourceStep(after=after) if after is not None:
                return step.key in self._failed or not self._failed.isdisjoint(after.needs)
            case RowsStep():
                return not self._failed.isdisjoint(homes(step.vni))
            case _:
                return False
