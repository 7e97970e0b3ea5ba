"""What a change is: made, and taken back.

Changes are values: a plan is a list of them, the journal holds them as JSON. ``slot`` names what a change changes; of two changes of one
slot the first one's ``before`` is what undo puts back. The kinds are in ``changes``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeAlias

import msgspec

from vxloom.prepare.machine import Machine

Before: TypeAlias = dict[str, str | int | bool | None]
"""What stood there, in the words of the change's kind; JSON."""


class Change(msgspec.Struct, frozen=True, kw_only=True, tag_field="change"):
    """Something to change, and why."""

    reason: str
    cuts_off: ClassVar[bool] = False
    """Whether it can cut the machine off: then a step's guard must be satisfied before later changes are made, those for the next boot."""

    @property
    def slot(self) -> str:
        """What it changes."""
        raise NotImplementedError

    @property
    def what(self) -> str:
        """What it does, on one line."""
        raise NotImplementedError

    def done(self, machine: Machine) -> bool:
        """Tell whether the machine is so already."""
        raise NotImplementedError

    def before(self, machine: Machine) -> Before:
        """Return what :meth:`undo` needs to know. Raises :class:`PrepareError` where it could not be undone."""
        raise NotImplementedError

    def do(self, machine: Machine) -> None:
        """Make it so. Raises :class:`PrepareError`; what it changes is then as it was."""
        raise NotImplementedError

    def undo(self, machine: Machine, before: Before) -> None:
        """Put back what stood there. Raises :class:`PrepareError`."""
        raise NotImplementedError

    def restore(self, machine: Machine, before: Before) -> None:
        """Put back what stood there, whatever somebody did since."""
        self.undo(machine, before)

    def refuse(self, machine: Machine) -> None:
        """Raise :class:`PrepareError` where it can be seen beforehand that it cannot be made: then nothing of its step is."""

    def folders(self, machine: Machine) -> Sequence[str]:
        """Return the folders that have to be made first, the outermost first."""
        return ()

    def sweep(self, machine: Machine) -> None:
        """Take away what a run leaves that is killed while it makes or takes back this change."""

    def detail(self, machine: Machine) -> str:
        """Return more about it for a person who reads the plan; "" when there is no more."""
        return ""
