"""The seam to the outside: observe, apply, events. Three methods, one suite of laws for every driver.

Laws (tests/contract): after ``apply`` of a plan from ``diff(desired, observe())`` the next ``observe`` equals
desired (round trip); a second plan is empty (idempotence); objects without our mark are never changed
(modesty); a result says DONE only if a keyed read agrees (honesty — the agent reads back with a scoped observe).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from vxloom.model.state import HostState
from vxloom.planner.plan import ALL, Outcome, Plan, Scope


@dataclass(frozen=True, slots=True)
class Hint:
    """Something may have changed. ``scope`` says where to look; ``lost`` means: look everywhere."""

    scope: Scope
    lost: bool = False


Urgent = Callable[[], None]
"""Called by ``apply`` between chunks, so that a move overtakes a long deletion (law 10)."""


class Driver(Protocol):
    """One host's dataplane."""

    def observe(self, scope: Scope = ALL) -> HostState:
        """Return what is there, of ours, and what stands in the way. Raises ``DataplaneError``."""
        ...

    def apply(self, plan: Plan, urgent: Urgent | None = None) -> Outcome:
        """Carry out the steps in order. Never raises for a step: a failed step skips its dependants."""
        ...

    def reread(self, plan: Plan, before: HostState, scope: Scope) -> HostState:
        """Return what is there after ``plan`` was applied to what was ``before``, as a look at ``scope`` would.

        All that the plan touched is read from the kernel; what it did not touch may be taken from ``before``. Raises ``DataplaneError``.
        """
        ...

    def events(self) -> Events:
        """Return the stream of hints."""
        ...

    def counters(self) -> dict[str, int]:
        """Return frames dropped, by reason ("spoofed_mac", "unknown_unicast", …). Raises ``DataplaneError``."""
        ...


class Events(Protocol):
    """A pollable stream of hints."""

    def fileno(self) -> int:
        """Return a descriptor that is readable when :meth:`read` has something."""
        ...

    def read(self) -> tuple[Hint, ...]:
        """Return what is pending, without blocking; folded."""
        ...

    def close(self) -> None:
        """Stop."""
        ...
