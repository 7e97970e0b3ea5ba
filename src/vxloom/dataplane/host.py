"""One host's dataplane: the drivers of its kernel under one observe, apply and events."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from vxloom.dataplane.allow_lists import AllowLists
from vxloom.dataplane.allow_rules import vni_of
from vxloom.dataplane.driver import Events, Hint, Urgent
from vxloom.dataplane.linuxbridge import LinuxBridge
from vxloom.dataplane.linuxbridge.events import LinkEvents
from vxloom.dataplane.linuxbridge.observe import Kernel
from vxloom.dataplane.nfnetlink import Changes
from vxloom.dataplane.nftables import NfTables
from vxloom.dataplane.ruleset import TABLE
from vxloom.errors import VxloomError
from vxloom.model.state import HostState
from vxloom.planner.failures import Failures
from vxloom.planner.plan import ALL, Operation, Outcome, Plan, ResourceStep, Result, Scope, Step, Verdict


class Part(Protocol):
    """One driver of the host's. What it does not know it leaves out of its state."""

    kinds: frozenset[str]
    """First halves of the keys whose steps it takes."""

    def observe(self, scope: Scope) -> HostState:
        """Return this driver's part. Raises ``DataplaneError``."""
        ...

    def apply(self, steps: Sequence[Step], urgent: Urgent) -> list[str]:
        """Carry out steps that may go together; one error text each, "" if done. Raises only if none was tried."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


_TOGETHER: Final = {"filter-table": "filter", "allow-table": "allow-list"}
"""Kinds that share a transaction with another."""
_RULES: Final = frozenset(_TOGETHER.values())
"""Kinds whose steps do not wait for one another's."""


class HostDataplane:
    """The :class:`~vxloom.dataplane.driver.Driver` of the network namespace it was made in. For one thread at a time."""

    def __init__(self, *, filters: bool = True, keep: bool = False) -> None:
        """Open all sockets. Raises ``ConfigError`` when a library is missing, ``DataplaneError`` when the kernel refuses.

        Without ``filters`` it only looks, and does not see them: for a host that is not ours yet. With ``keep`` all that the last
        look at everything read, ours or not, stays in ``kernel``: for who wants to know more of it.
        """
        self._rules: tuple[NfTables | AllowLists, ...] = (NfTables(), AllowLists()) if filters else ()
        self._links = LinuxBridge(keep=keep)
        self._parts: tuple[Part, ...] = (self._links, *self._rules)

    def close(self) -> None:
        """Give back all sockets."""
        for part in self._parts:
            part.close()

    @property
    def kernel(self) -> Kernel | None:
        """What was read last, where it is kept."""
        return self._links.kernel

    def observe(self, scope: Scope = ALL) -> HostState:
        """Return what is there, of ours, and what stands in the way. Raises ``DataplaneError``."""
        return _merged([part.observe(scope) for part in self._parts])

    def reread(self, plan: Plan, before: HostState, scope: Scope) -> HostState:
        """Return what is there after a plan; long tables by reading the touched rows one by one. Raises ``DataplaneError``."""
        links = self._links.reread(plan, before, scope)
        return _merged([links, *(part.observe(scope) for part in self._rules)])

    def apply(self, plan: Plan, urgent: Urgent | None = None) -> Outcome:
        """Carry out the steps in order, neighbours of one kind together. A failed step skips its dependants."""
        began = time.monotonic()
        results: list[Result | None] = [None] * len(plan.steps)
        failures = Failures()
        for places in _groups(plan.steps):
            skipped = [place for place in places if failures.skips(plan.steps[place])]
            for place in skipped:
                results[place] = Result(Verdict.SKIPPED, "a step it needs failed")
                failures.add(plan.steps[place])
            tried = [place for place in places if results[place] is None]
            errors = self._carry_out([plan.steps[place] for place in tried], urgent or _nothing) if tried else []
            for place, error in zip(tried, errors, strict=True):
                results[place] = Result(Verdict.FAILED, error) if error else Result(Verdict.DONE)
                if error:
                    failures.add(plan.steps[place])
        return Outcome(tuple(result for result in results if result is not None), time.monotonic() - began)

    def events(self) -> Events:
        """Return a new stream of hints; what happened before is not in it, so observe after this. Raises ``DataplaneError``."""
        return HostEvents()

    def counters(self) -> dict[str, int]:
        """Return frames dropped, by reason. Raises ``DataplaneError``."""
        return {name: count for part in self._rules for name, count in part.counters().items()}

    def storms(self) -> dict[str, int]:
        """Return tap → frames dropped because they were over its limit, since it has that limit. Raises ``DataplaneError``."""
        return {tap: count for part in self._rules if isinstance(part, NfTables) for tap, count in part.storms().items()}

    def echoes(self) -> dict[tuple[str, str], int]:
        """Return (tap, MAC) → frames that came in lately at the tap under that MAC, which is not its own. Raises ``DataplaneError``."""
        return {place: count for part in self._rules if isinstance(part, NfTables) for place, count in part.echoes().items()}

    def _carry_out(self, steps: Sequence[Step], urgent: Callable[[], None]) -> list[str]:
        kind = steps[0].key[0]
        part = next((part for part in self._parts if kind in part.kinds), None)
        if part is None:
            return [f"no driver of this host knows {kind}"] * len(steps)
        try:
            errors = part.apply(steps, urgent)
        except VxloomError as error:
            errors = [str(error)] * len(steps)
        urgent()
        return errors


def _merged(states: Sequence[HostState]) -> HostState:
    return HostState(
        resources={key: resource for state in states for key, resource in state.resources.items()},
        rows={vni: rows for state in states for vni, rows in state.rows.items()},
        foreign=tuple(each for state in states for each in state.foreign),
        strays=tuple(each for state in states for each in state.strays),
        present_taps=frozenset().union(*(state.present_taps for state in states)),
    )


def _groups(steps: Sequence[Step]) -> list[list[int]]:
    """Return positions of consecutive steps that go together: one kind, one direction. Steps of our two nftables tables may alternate."""
    groups: list[list[int]] = []
    current: dict[tuple[str, str], list[int]] = {}
    for place, step in enumerate(steps):
        kind = step.key[0]
        way = step.operation if isinstance(step, ResourceStep) else ""
        if kind in _TOGETHER or kind in _RULES:
            kind, way = _TOGETHER.get(kind, kind), "delete" if way is Operation.DELETE else "put"
        if (kind, way) not in current:
            if not all({kind, other} <= _RULES and way == its for other, its in current):
                current = {}
            current[kind, way] = []
            groups.append(current[kind, way])
        current[kind, way].append(place)
    return groups


def _nothing() -> None:
    """Nobody is in a hurry."""


class HostEvents:
    """Hints from the kernel's links, rows and nftables, under one descriptor."""

    def __init__(self) -> None:
        """Subscribe. Raises ``DataplaneError``."""
        self._links = LinkEvents()
        self._filters = Changes(TABLE)
        self._poll = select.epoll()
        for each in (self._links, self._filters):
            self._poll.register(each.fileno(), select.EPOLLIN)

    def fileno(self) -> int:
        """A descriptor that is readable when :meth:`read` has something."""
        return self._poll.fileno()

    def read(self) -> tuple[Hint, ...]:
        """Return what is pending, folded into one hint, without blocking. Raises ``DataplaneError``."""
        vnis, names, lost = self._links.read()
        change = self._filters.read()
        listed = {vni_of(name, key) for name, key in change.keys}
        # The tables are looked at only with everything else (planner.scope), and so are all filters when theirs went.
        if lost or change.lost or change.structure or None in listed:
            return (Hint(ALL, lost=True),)
        taps = names | change.taps
        vnis |= {vni for vni in listed if vni is not None}
        return (Hint(Scope(frozenset(vnis), frozenset(taps))),) if vnis or taps else ()

    def close(self) -> None:
        """Unsubscribe."""
        self._poll.close()
        self._links.close()
        self._filters.close()
