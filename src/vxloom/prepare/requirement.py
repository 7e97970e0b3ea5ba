"""What a host must have, and should have: rows in the manual's own form, judged from evidence."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Sequence
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


def judged(
    name: str,
    good: bool,  # noqa: FBT001 - reads as a sentence: judged("kernel", release >= (5, 10), …)
    *,
    found: str,
    asked: str,
    standard: str,
    impact: int,
    required: bool = True,
    remedy: str = "",
    floor: str = "",
) -> Requirement:
    """Return a row: ok, or failed where it is required, else a warning."""
    verdict = Verdict.OK if good else (Verdict.FAILED if required else Verdict.WARNING)
    return Requirement(
        name=name,
        found=found,
        asked=asked,
        standard=standard,
        impact=impact,
        required=required,
        verdict=verdict,
        remedy="" if good else remedy,
        floor=floor,
    )


def not_applicable(name: str, why: str, *, asked: str, standard: str, impact: int, required: bool = True) -> Requirement:
    """Return a row that has no meaning here."""
    return Requirement(
        name=name, found="–", asked=asked, standard=standard, impact=impact, required=required, verdict=Verdict.NOT_APPLICABLE, remedy=why
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
            rows.append(judged(name, False, found="cannot be looked at", asked="–", standard="–", impact=10, remedy=str(error)))
    return sorted(rows, key=lambda row: (-row.impact, not row.required, row.name))
