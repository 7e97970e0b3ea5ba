"""What a host must have, and should have: rows in the manual's own form, judged from evidence."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import msgspec

from vxloom.errors import PrepareError
from vxloom.prepare import requirements
from vxloom.prepare.machine import Machine
from vxloom.settings import HostSettings


class Verdict(StrEnum):
    """How a row stands."""

    OK = "ok"
    FAILED = "failed"
    """A required thing is missing: exit 1."""
    WARNING = "warning"
    """A recommended thing is missing."""
    NOT_APPLICABLE = "not applicable"
    """It has no meaning on this machine; ``remedy`` says why."""


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """One row. ``impact``: 1 to 10, as the manual ranks it (kernel 10, MTU 9, UDP port 8, hypervisor 7, controller 6)."""

    name: str
    found: str
    asked: str
    standard: str
    """Protocol or standard it comes from."""
    impact: int
    required: bool
    verdict: Verdict
    remedy: str = ""
    """What to do, for a person; of a row that is not applicable: why."""
    floor: str = ""
    """What the manual asks for, where that is less than what we measured to be needed."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a row is about: all of it but what was found."""

    name: str
    asked: str
    standard: str
    impact: int
    required: bool = True
    floor: str = ""

    def judged(self, good: bool, found: str, remedy: str = "") -> Requirement:  # noqa: FBT001 - reads as a sentence
        """Return a row: ok, or failed where it is required, else a warning."""
        verdict = Verdict.OK if good else (Verdict.FAILED if self.required else Verdict.WARNING)
        return self._row(found, verdict, "" if good else remedy)

    def uncertain(self, found: str, remedy: str) -> Requirement:
        """Return a row that nothing here can judge: a warning, whatever it is about."""
        return self._row(found, Verdict.WARNING, remedy)

    def not_applicable(self, why: str) -> Requirement:
        """Return a row that has no meaning here."""
        return self._row("–", Verdict.NOT_APPLICABLE, why)

    def _row(self, found: str, verdict: Verdict, remedy: str) -> Requirement:
        return Requirement(
            name=self.name,
            found=found,
            asked=self.asked,
            standard=self.standard,
            impact=self.impact,
            required=self.required,
            verdict=verdict,
            remedy=remedy,
            floor=self.floor,
        )


Look = Callable[[Machine, HostSettings], Sequence[Requirement]]


@cache
def registry() -> dict[str, Look]:
    """Return the functions ``look`` of the files in ``requirements/``, by file name."""
    found: dict[str, Look] = {}
    for module in pkgutil.iter_modules(requirements.__path__, f"{requirements.__name__}."):
        look = getattr(importlib.import_module(module.name), "look", None)
        if not inspect.isfunction(look):
            raise TypeError(f"{module.name} has no function look")
        found[module.name.rpartition(".")[2]] = look
    return found


def check(machine: Machine, settings: HostSettings) -> list[Requirement]:
    """Return every row, the greatest impact first. Changes nothing but a VXLAN device of ours that lives for a moment."""
    rows: list[Requirement] = []
    for name, look in registry().items():
        try:
            rows += look(machine, settings)
        except PrepareError as error:
            rows.append(Subject(name, asked="can be looked at", standard="–", impact=10).judged(False, "cannot be looked at", str(error)))
    return sorted(rows, key=lambda row: (-row.impact, not row.required, row.name))
