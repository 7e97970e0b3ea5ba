"""The driver on the simulated kernel: the same protocol, the same laws."""

from __future__ import annotations

import os
import time

from vxloom.dataplane.driver import Events, Hint, Urgent
from vxloom.dataplane.simulated.kernel import SimulatedKernel
from vxloom.errors import DataplaneError
from vxloom.model.rows import difference
from vxloom.model.state import HostState, SegmentRows, Stray
from vxloom.planner.failures import Failures
from vxloom.planner.plan import ALL, Operation, Outcome, Plan, QuarantineStep, ResourceStep, Result, RowsStep, Scope, Step, Verdict
from vxloom.planner.scope import keys


class SimulatedDriver:
    """One host's dataplane, in memory."""

    def __init__(self, kernel: SimulatedKernel | None = None) -> None:
        self.kernel = kernel or SimulatedKernel()

    def observe(self, scope: Scope = ALL) -> HostState:
        """Return what is there, of ours, and what stands in the way."""
        return self.kernel.look(keys(scope))

    def apply(self, plan: Plan, urgent: Urgent | None = None) -> Outcome:
        """Carry out the steps in order; a failed step skips its dependants."""
        started = time.monotonic()
        failures = Failures()
        results: list[Result] = []
        for step in plan.steps:
            if urgent is not None:
                urgent()
            result = Result(Verdict.SKIPPED, "a step it needs failed") if failures.skips(step) else self._carry_out(step)
            if result.verdict is not Verdict.DONE:
                failures.add(step)
            results.append(result)
        return Outcome(tuple(results), time.monotonic() - started)

    def reread(self, plan: Plan, before: HostState, scope: Scope) -> HostState:
        """Return what is there."""
        return self.observe(scope)

    def events(self) -> SimulatedEvents:
        """Return the stream of hints."""
        return SimulatedEvents(self.kernel)

    def counters(self) -> dict[str, int]:
        """Return nothing: no frame flows here."""
        return {}

    def _carry_out(self, step: Step) -> Result:
        try:
            self._write(step)
        except DataplaneError as error:
            return Result(Verdict.FAILED, str(error))
        if not self._agrees(step):
            return Result(Verdict.FAILED, f"{' '.join(step.key)}: written, but reads back differently; it is tried again at the next look")
        return Result(Verdict.DONE)

    def _write(self, step: Step) -> None:
        match step:
            case ResourceStep(operation=Operation.DELETE, before=before) if before is not None:
                self.kernel.remove(before)
            case ResourceStep(before=None, after=after) if after is not None:
                self.kernel.make(after)
            case ResourceStep(before=before, after=after) if before is not None and after is not None:
                self.kernel.update(before, after)
            case RowsStep():
                self.kernel.write_rows(step.vni, step.put, step.drop)
            case QuarantineStep():
                self.kernel.quarantine(step.name)

    def _agrees(self, step: Step) -> bool:
        """Read the touched key back."""
        match step:
            case ResourceStep(after=after):
                return self.kernel.resource(step.key) == after
            case RowsStep():
                return _has(self.kernel.rows(step.vni), step)
            case QuarantineStep():
                return Stray(step.name, step.bridge, quarantined=True) in self.kernel.look(frozenset({("bridge", step.bridge)})).strays


def _has(rows: SegmentRows, step: RowsStep) -> bool:
    tables = ("fdb", "flood", "neighbours")
    return not any(len(difference(getattr(step.put, name), getattr(rows, name))) for name in tables)


class SimulatedEvents:
    """Hints from one kernel since this stream was opened; its own driver's writes too."""

    def __init__(self, kernel: SimulatedKernel) -> None:
        self._kernel = kernel
        self._descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._vnis: set[int] = set()
        self._taps: set[str] = set()
        self._everywhere = False
        self._lost = False
        kernel.listeners.append(self._hear)

    def fileno(self) -> int:
        """Return a descriptor that is readable when there is something to read."""
        return self._descriptor

    def read(self) -> tuple[Hint, ...]:
        """Return what is pending, folded into one hint."""
        with self._kernel.lock:
            try:
                os.eventfd_read(self._descriptor)
            except BlockingIOError:
                return ()
            everywhere = self._everywhere or self._lost
            scope = ALL if everywhere else Scope(frozenset(self._vnis), frozenset(self._taps))
            hint = Hint(scope, self._lost)
            self._vnis, self._taps, self._everywhere, self._lost = set(), set(), False, False
            return (hint,)

    def lose(self) -> None:
        """Lose what is pending, as an overrun socket does."""
        with self._kernel.lock:
            self._lost = True
            os.eventfd_write(self._descriptor, 1)

    def close(self) -> None:
        """Stop listening."""
        with self._kernel.lock:
            self._kernel.listeners.remove(self._hear)
            os.close(self._descriptor)

    def _hear(self, scope: Scope) -> None:
        if scope.vnis is None:
            self._everywhere = True
        else:
            self._vnis |= scope.vnis
            self._taps |= scope.taps
        os.eventfd_write(self._descriptor, 1)


__all__ = ["Events", "SimulatedDriver", "SimulatedEvents"]
