"""Plan, apply, undo: the steps and the journal put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from vxloom.errors import ConfigError, PrepareError
from vxloom.prepare.changes import AnyChange, MakeFolder
from vxloom.prepare.journal import Entry, Journal
from vxloom.prepare.machine import Machine
from vxloom.prepare.step import Step, registry
from vxloom.settings import HostSettings

Say = Callable[[str, str], None]
"""(step, what is happening)."""


@dataclass(frozen=True, slots=True)
class Part:
    """A step's part of the plan: its changes, or why it has none."""

    step: str
    summary: str
    changes: tuple[AnyChange, ...] = ()
    not_applicable: str = ""
    problem: str = ""
    """Why the step cannot be taken; then it changes nothing."""
    notes: tuple[str, ...] = ()
    """What a person should know besides."""


def chosen(only: Iterable[str] = (), skip: Iterable[str] = ()) -> list[Step]:
    """Return the steps asked for, in order. Raises :class:`ConfigError` for a name nobody knows."""
    known, wanted, left_out = registry(), set(only), set(skip)
    if unknown := sorted((wanted | left_out) - known.keys()):
        raise ConfigError(f"there is no step {', '.join(unknown)}", remedy=f"there are: {', '.join(known)}")
    return [step for name, step in known.items() if (not wanted or name in wanted) and name not in left_out]


def plan(machine: Machine, settings: HostSettings, steps: Sequence[Step]) -> list[Part]:
    """Return what each step would change, also on account of what others would change before it. Changes nothing."""
    parts: list[Part] = []
    for step in steps:
        part = _part(machine, settings, step)
        planned, has = [change for before in parts for change in before.changes], {change.slot for change in part.changes}
        more = () if part.problem else tuple(c for c in step.following(machine, settings, planned) if c.slot not in has)
        parts.append(replace(part, changes=(*part.changes, *more), not_applicable="" if more else part.not_applicable))
    return parts


def _part(machine: Machine, settings: HostSettings, step: Step) -> Part:
    try:
        if reason := step.not_applicable(machine, settings):
            return Part(step.name, step.summary(), not_applicable=reason)
        changes = tuple(step.changes(machine, settings))
        for change in changes:
            change.refuse(machine)
        return Part(step.name, step.summary(), changes, notes=tuple(step.notes(machine, settings)))
    except PrepareError as error:
        return Part(step.name, step.summary(), problem=str(error))


def apply(machine: Machine, settings: HostSettings, steps: Sequence[Step], say: Say = lambda *_: None) -> list[Part]:
    """Make the changes, step by step; return what was changed. A step that fails does not keep the others from being taken.

    Each step looks at the machine when its turn comes: what an interrupted run has done is not done again. A step's ``problem`` says
    where it stopped; its ``changes`` are those that were made.
    """
    journal = Journal(machine)
    with journal.held():
        return [_apply_step(machine, settings, step, journal, say) for step in steps]


def _apply_step(machine: Machine, settings: HostSettings, step: Step, journal: Journal, say: Say) -> Part:
    part = _part(machine, settings, step)
    made: list[Entry] = []
    problem = part.problem
    notes = part.notes
    try:
        if wanted := _wanted(machine, part.changes):
            work = _Work(machine, settings, step, journal, say)
            _make(work, wanted, made)
            if step.again and (more := _wanted(machine, step.changes(machine, settings))):
                _make(work, more, made)
            if type(step).watch is not Step.watch:
                say(step.name, "waiting until it has taken effect")
            step.watch(machine, settings)
            notes = tuple(step.notes(machine, settings))
    except _Unsafe as error:
        problem = " ".join([str(error), *_take_back(machine, journal, made)])
        made = []
    except PrepareError as error:
        problem = str(error)
        if step.whole:
            problem = " ".join([problem, *_take_back(machine, journal, made)])
            made = []
    changes = tuple(entry.change for entry in made if not isinstance(entry.change, MakeFolder))
    return Part(step.name, part.summary, changes, part.not_applicable, problem, notes)


@dataclass(frozen=True, slots=True)
class _Work:
    """One step's turn."""

    machine: Machine
    settings: HostSettings
    step: Step
    journal: Journal
    say: Say


def _wanted(machine: Machine, changes: Sequence[AnyChange]) -> list[AnyChange]:
    return [change for change in changes if not change.done(machine)]


class _Unsafe(Exception):  # noqa: N818 - a reason, caught a few lines above
    """The step's guard wants its changes taken back."""


def _make(work: _Work, wanted: Sequence[AnyChange], made: list[Entry]) -> None:
    """Make the changes that can cut this machine off within the step's guard, the others when it is satisfied."""
    risky = max((number for number, change in enumerate(wanted, 1) if change.cuts_off), default=len(wanted))
    guard = work.step.guard(work.machine, work.settings)
    guard.__enter__()
    try:
        _make_each(work, wanted[:risky], made)
    except BaseException as error:
        guard.__exit__(type(error), error, error.__traceback__)
        raise
    try:
        guard.__exit__(None, None, None)
    except PrepareError as error:
        raise _Unsafe(str(error)) from error
    _make_each(work, wanted[risky:], made)


def _make_each(work: _Work, wanted: Sequence[AnyChange], made: list[Entry]) -> None:
    for change in wanted:
        work.say(work.step.name, change.what)
        folders = [MakeFolder(path=path, reason=change.reason) for path in change.folders(work.machine)]
        for each in (*folders, change):
            entry = Entry(step=work.step.name, change=each, before=each.before(work.machine))
            work.journal.add(entry)
            each.do(work.machine)
            made.append(entry)


def _take_back(machine: Machine, journal: Journal, made: Sequence[Entry]) -> list[str]:
    """Undo, last first; return the problems met. What could not be put back stays in the journal."""
    problems = []
    for entry in reversed(made):
        try:
            entry.change.undo(machine, entry.before)
        except PrepareError as error:
            problems.append(str(error))
        else:
            journal.drop([entry])
    return problems


def undo(machine: Machine, *, only: Iterable[str] = (), force: bool = False, say: Say = lambda *_: None) -> list[str]:
    """Put back what was changed, last first; return the problems met. What could not be put back stays in the journal.

    So does then what a step did before that whose half is worse than none. ``force``: also files that somebody changed since.
    """
    journal, wanted, problems = Journal(machine), set(only), []
    with journal.held():
        entries = [
            entry for entry in journal.entries() if (not wanted or entry.step in wanted) and not isinstance(entry.change, MakeFolder)
        ]
        oldest = {entry.change.slot: entry for entry in reversed(entries)}
        newest = {entry.change.slot: entry for entry in entries}
        stuck = set[str]()
        for slot in dict.fromkeys(entry.change.slot for entry in reversed(entries)):
            if newest[slot].step in stuck:
                continue
            say(newest[slot].step, f"put back {slot}")
            try:
                change, before = newest[slot].change, oldest[slot].before
                (change.restore if force else change.undo)(machine, before)
            except PrepareError as error:
                problems.append(str(error))
                stuck |= {step.name for step in (registry().get(newest[slot].step),) if step is not None and step.whole}
                continue
            journal.drop([entry for entry in entries if entry.change.slot == slot])
        _remove_folders(machine, journal)
    return problems


def _remove_folders(machine: Machine, journal: Journal) -> None:
    """Take away the folders that were made and are empty, whichever step made them: another step's file may still lie in one."""
    entries = journal.entries()
    folders = [entry for entry in entries if isinstance(entry.change, MakeFolder)]
    for entry in reversed(folders):
        entry.change.undo(machine, entry.before)
    wanted_later = len(folders) < len(entries)
    journal.drop([entry for entry in folders if not (wanted_later and entry.change.done(machine))])
