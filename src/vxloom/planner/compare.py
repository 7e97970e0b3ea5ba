"""Desired × observed → an ordered plan. Resources are known only by what they say of themselves (:class:`Resource`).

Order: clear the way (referrers first) → quarantine strays → create and update (referents first) → rows (put before
drop) → narrow (what let more pass while rows were written) → prune (referrers first).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

from vxloom.model.state import Bridge, Foreign, HostState, Key, Resource, SegmentRows, Slot, Tap
from vxloom.model.vteps import Vteps
from vxloom.planner.plan import ALL, Obstacle, Operation, Plan, QuarantineStep, ResourceStep, RowsStep, Scope, Step
from vxloom.planner.rows import diff_rows, homes
from vxloom.planner.scope import keys

Resources = Mapping[Key, Resource]

KEPT = "ours, no longer wanted, kept while deletions are held"
"""Detail of an obstacle that only holding makes one."""


def diff(desired: HostState, observed: HostState, *, prune: bool = True, scope: Scope = ALL) -> Plan:
    """Return what turns ``observed`` into ``desired``.

    ``prune=False`` holds (law 6): nothing is deleted and no row dropped, except to put another in its place.
    ``scope``: compare only this part; see :func:`vxloom.planner.scope.widen`. A resource whose slot something foreign
    holds becomes an :class:`Obstacle` and is left out with all that needs it. A tap that is not plugged in yet waits.
    Rows of a VNI that ``desired.rows`` does not have are unknown, and left alone.
    """
    covered = keys(scope)
    wanted = {key: r for key, r in desired.resources.items() if covered is None or key in covered}
    seen = {key: r for key, r in observed.resources.items() if covered is None or key in covered}
    gone = {key: r for key, r in seen.items() if key not in wanted}
    held = {slot: holder for holder in (observed.foreign if prune else (*observed.foreign, *_held(gone))) for slot in holder.slots}
    obstructed = {key for key, r in wanted.items() if not r.exclusive.isdisjoint(held)}
    obstacles = _obstacles(wanted, held)
    left_out = _with_referrers(obstructed, wanted)
    gone |= {key: seen[key] for key in obstructed & seen.keys()}  # it would bear upon what is not ours
    work = _Work({key: r for key, r in wanted.items() if key not in left_out}, seen, gone if prune else {})
    changing, narrowing = _creates_and_updates(work, observed.present_taps)
    deletes = _clearing(work)
    pruned = _pruning(work)
    steps: list[Step] = [*deletes, *_quarantines(observed, changing, work, covered), *changing]
    steps += _row_steps(desired, observed, changing, left_out, covered, prune=prune)
    steps += [*narrowing, *pruned] if prune else pruned
    return Plan(tuple(steps), obstacles, tuple(key for key in (*work.early, *work.late) if key[0] == Tap.kind))


def changed_fields(before: Resource, after: Resource) -> tuple[str, ...]:
    """Return the names of the fields in which two resources of one kind differ."""
    names = [item.name for item in fields(after)]  # type: ignore[arg-type]  # a Protocol cannot say: a frozen dataclass
    return tuple(name for name in names if getattr(before, name) != getattr(after, name))


@dataclass(slots=True)
class _Work:
    """What is compared, and what follows from it."""

    wanted: Resources
    seen: Resources
    gone: Resources
    """Seen, not wanted, and allowed to go."""
    recreated: dict[Key, str] = field(default_factory=dict)
    """Key → reason: deleted first and made again."""
    early: tuple[Key, ...] = ()
    """Of ``gone``: those whose slot somebody wants; they go first."""
    late: tuple[Key, ...] = ()

    def __post_init__(self) -> None:
        """Find what must be deleted before anything can be made."""
        for key, after in self.wanted.items():
            before = self.seen.get(key)
            if before is not None and (fixed := [name for name in changed_fields(before, after) if name in after.recreate_on]):
                self.recreated[key] = _changes(before, after, fixed) + ", which cannot change in place"
        slots = {slot for key, r in self.wanted.items() if key not in self.seen or key in self.recreated for slot in r.exclusive}
        slots |= {slot for key, r in self.wanted.items() if key in self.seen for slot in r.exclusive - self.seen[key].exclusive}
        early = _with_referrers({key for key, r in self.gone.items() if r.exclusive & slots}, self.seen)
        early |= _with_referrers(set(self.recreated), self.seen)
        for key in early - self.recreated.keys():
            if key in self.wanted:
                self.recreated[key] = "what it needs is made again"
        self.early = tuple(key for key in self.gone if key in early)
        self.late = tuple(key for key in self.gone if key not in early)


def _obstacles(wanted: Resources, held: Mapping[Slot, Foreign]) -> tuple[Obstacle, ...]:
    """One for each slot: of several that want it, the first in desired's order tells of it."""
    if not held:
        return ()
    first: dict[Slot, Key] = {}
    for key, r in wanted.items():
        for slot in sorted(r.exclusive & held.keys()):
            first.setdefault(slot, key)
    return tuple(Obstacle(key, slot, held[slot]) for slot, key in first.items())


def _held(gone: Resources) -> tuple[Foreign, ...]:
    """While holding, our own unwanted resources stand in the way like foreign ones: nothing may delete them."""
    return tuple(Foreign(key[1], key[0], r.exclusive, KEPT) for key, r in gone.items())


def _with_referrers(roots: set[Key], among: Resources) -> set[Key]:
    """Return the roots and all that needs them, directly or not."""
    found = set(roots)
    if not found:
        return found
    grown = True
    while grown:
        more = {key for key, r in among.items() if key not in found and not found.isdisjoint(r.needs)}
        found |= more
        grown = bool(more)
    return found


def _levels(resources: Resources) -> dict[Key, int]:
    """Return key → length of the longest chain of needs below it."""
    levels: dict[Key, int] = {}

    def level(key: Key) -> int:
        if key not in levels:
            # What is out of sight counts too, so that a part is ordered as the whole is.
            levels[key] = 1 + max((level(need) if need in resources else 0 for need in resources[key].needs), default=-1)
        return levels[key]

    for key in resources:
        level(key)
    return levels


def _deletes(doomed: Mapping[Key, str], seen: Resources) -> list[Step]:
    """Referrers first; what dies with its parent needs no step of its own."""
    levels = _levels(seen)
    order = sorted(doomed, key=lambda key: (-levels[key], key))
    return [ResourceStep(Operation.DELETE, seen[key], None, doomed[key]) for key in order if seen[key].parent not in doomed]


def _clearing(work: _Work) -> list[Step]:
    return _deletes({**work.recreated, **dict.fromkeys(work.early, "in the way of what is wanted")}, work.seen)


def _pruning(work: _Work) -> list[Step]:
    return _deletes(dict.fromkeys(work.late, "no longer wanted"), work.seen)


def _creates_and_updates(work: _Work, present_taps: frozenset[str]) -> tuple[list[ResourceStep], list[ResourceStep]]:
    """Return the steps before rows are written, and what of them is left for after that."""
    steps: list[ResourceStep] = []
    late: list[ResourceStep] = []
    levels = _levels(work.wanted)
    for key in sorted(work.wanted, key=lambda key: (levels[key], key[0])):  # stable: within a kind as desired has them
        after, before = work.wanted[key], work.seen.get(key)
        if key in work.recreated:
            steps.append(ResourceStep(Operation.CREATE, None, after, work.recreated[key]))
        elif before is None:
            if key[0] != Tap.kind or key[1] in present_taps:
                steps.append(ResourceStep(Operation.CREATE, None, after, "missing"))
        elif before != after:
            now, last = after.stages(before)
            steps += _update(before, now)
            late += _update(now, last)
    return steps, late


def _update(before: Resource, after: Resource) -> list[ResourceStep]:
    if before == after:
        return []
    return [ResourceStep(Operation.UPDATE, before, after, _changes(before, after, changed_fields(before, after)))]


def _quarantines(observed: HostState, changing: Iterable[ResourceStep], work: _Work, covered: frozenset[Key] | None) -> list[Step]:
    """Lock strays at once, but for those this plan binds or whose bridge it deletes."""
    bound = {step.key for step in changing}
    ending = {*work.early, *work.late}
    return [
        QuarantineStep(stray.name, stray.bridge, f"a port of {stray.bridge} that nothing is bound to")
        for stray in observed.strays
        if not stray.quarantined
        and (Tap.kind, stray.name) not in bound
        and (Bridge.kind, stray.bridge) not in ending
        and (covered is None or (Bridge.kind, stray.bridge) in covered)
    ]


def _row_steps(
    desired: HostState,
    observed: HostState,
    changing: Iterable[ResourceStep],
    left_out: set[Key],
    covered: frozenset[Key] | None,
    *,
    prune: bool,
) -> list[RowsStep]:
    changed = {step.key: step for step in changing}
    steps: list[RowsStep] = []
    for vni, rows in desired.rows.items():
        places = homes(vni)
        if not left_out.isdisjoint(places) or (covered is not None and covered.isdisjoint(places)):
            continue
        wiped = {name for key, tables in places.items() if key in changed for name in _destroyed(changed[key], tables)}
        step = diff_rows(vni, rows, observed.rows.get(vni, SegmentRows()), wiped, prune=prune)
        if step is not None:
            steps.append(step)
    return steps


def _destroyed(step: ResourceStep, tables: tuple[str, ...]) -> set[str]:
    """Return the row tables that a step destroys: all that live in what it makes, or what a changed field clears."""
    if step.before is None or step.after is None:
        return set(tables)
    clears = step.after.clears
    return {name for changed in changed_fields(step.before, step.after) for name in clears.get(changed, ())}


def _changes(before: Resource, after: Resource, names: Iterable[str]) -> str:
    return ", ".join(_change(name, getattr(before, name), getattr(after, name)) for name in names)


def _change(name: str, before: object, after: object) -> str:
    if not (isinstance(before, Vteps) and isinstance(after, Vteps)):
        return f"{name} {_value(before)} → {_value(after)}"
    more, fewer = after - before, before - after
    return f"{name} " + ", ".join(f"{sign} {some}" for sign, some in (("+", more), ("-", fewer)) if len(some))


def _value(value: object) -> str:
    match value:
        case bool():
            return "on" if value else "off"
        case frozenset():
            return "{" + ", ".join(sorted(map(str, value))) + "}"
        case _:
            return str(value) or "nothing"
