"""What a step is, and how the step files are found."""

from __future__ import annotations

import abc
import contextlib
import importlib
import inspect
import pkgutil
from collections.abc import Sequence
from functools import cache
from typing import ClassVar

from vxloom.prepare import steps
from vxloom.prepare.changes import AnyChange
from vxloom.prepare.machine import Machine
from vxloom.settings import HostSettings


class Step(abc.ABC):
    """One part of the manual. The docstring's first line is what a person reads in the plan."""

    name: ClassVar[str]
    """As ``--only`` and ``--skip`` take it."""
    after: ClassVar[tuple[str, ...]] = ()
    """Steps whose changes go first."""
    again: ClassVar[bool] = False
    """What is to be changed shows only when the changes are made, as with a trial: they are asked for once more then."""
    whole: ClassVar[bool] = False
    """Half of its changes are worse than none: when one cannot be made, those that were are taken back."""

    @abc.abstractmethod
    def changes(self, machine: Machine, settings: HostSettings) -> Sequence[AnyChange]:
        """Return what the machine lacks, in the order it is to be changed; empty: it is as it should be. Changes nothing.

        Raises :class:`vxloom.errors.PrepareError` where the machine, or what is asked for, does not allow it.
        """

    def following(self, machine: Machine, settings: HostSettings, planned: Sequence[AnyChange]) -> Sequence[AnyChange]:
        """Return what the step will lack only once ``planned``, the changes before it, are made: a plan tells of that, too."""
        return ()

    def not_applicable(self, machine: Machine, settings: HostSettings) -> str:
        """Return why the step has no meaning on this machine; "" when it has."""
        return ""

    def notes(self, machine: Machine, settings: HostSettings) -> Sequence[str]:
        """Return what a person should know besides, a sentence each: what a card lacks, what was found to be broken."""
        return ()

    def guard(self, machine: Machine, settings: HostSettings) -> contextlib.AbstractContextManager[None]:
        """Return what the changes are made within; a :class:`vxloom.errors.PrepareError` on leaving it has them taken back."""
        return contextlib.nullcontext()

    def watch(self, machine: Machine, settings: HostSettings) -> None:  # noqa: B027 - most steps have nothing to wait for
        """After the step's changes: wait until they have taken effect. Raises :class:`vxloom.errors.PrepareError`."""

    @classmethod
    def summary(cls) -> str:
        """Return the first line of the description."""
        return (inspect.getdoc(cls) or "").partition("\n")[0]


@cache
def registry() -> dict[str, Step]:
    """Return every step by its name, in the order they are taken. Two of one name, or a circle, is a defect of ours."""
    found: dict[str, Step] = {}
    for module in pkgutil.iter_modules(steps.__path__, f"{steps.__name__}."):
        members = vars(importlib.import_module(module.name)).values()
        classes = [m for m in members if inspect.isclass(m) and issubclass(m, Step) and m.__module__ == module.name]
        if len(classes) != 1:
            raise ValueError(f"{module.name} holds {len(classes)} steps; one file, one step")
        found[classes[0].name] = classes[0]()
    return _ordered(found)


def _ordered(found: dict[str, Step]) -> dict[str, Step]:
    ordered: dict[str, Step] = {}
    waiting = dict(sorted(found.items()))
    while waiting:
        ready = [name for name, step in waiting.items() if all(before in ordered or before not in found for before in step.after)]
        if not ready:
            raise ValueError(f"the steps {', '.join(waiting)} wait for one another")
        for name in ready:
            ordered[name] = waiting.pop(name)
    return ordered
