"""How the check files are found."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from vxloom.doctor import checks
from vxloom.doctor.evidence import CloudEvidence, HostEvidence
from vxloom.doctor.finding import Fault, Finding

Look = Callable[[HostEvidence], Iterable[Finding]]
Survey = Callable[[CloudEvidence], Iterable[Finding]]


def _nothing(_: object) -> Iterable[Finding]:
    return ()


@dataclass(frozen=True, slots=True)
class Check:
    """One file of ``checks/``."""

    name: str
    summary: str
    """The first line of its docstring."""
    faults: tuple[Fault, ...]
    look: Look = _nothing
    """What it finds on one host."""
    survey: Survey = _nothing
    """What it finds by looking at all hosts from the management side."""

    @property
    def surveys(self) -> bool:
        """Whether it looks at all hosts: else at each by itself."""
        return self.survey is not _nothing


@cache
def registry() -> dict[str, Check]:
    """Return every check by its file's name. A file that is half done, or a code declared twice, is a defect of ours."""
    found: dict[str, Check] = {}
    codes: dict[str, str] = {}
    for info in pkgutil.iter_modules(checks.__path__, f"{checks.__name__}."):
        module = importlib.import_module(info.name)
        name = info.name.rpartition(".")[2]
        faults = getattr(module, "FAULTS", ())
        looks = {each: getattr(module, each) for each in ("look", "survey") if inspect.isfunction(getattr(module, each, None))}
        if not faults or len(looks) != 1:  # one of them: an alert is resolved by the kind of look that raised it
            raise TypeError(f"{info.name} needs FAULTS and one function, look or survey")
        for fault in faults:
            if fault.code in codes:
                raise ValueError(f"{name} and {codes[fault.code]} both declare {fault.code}")
            codes[fault.code] = name
        found[name] = Check(name, (inspect.getdoc(module) or "").partition("\n")[0], tuple(faults), **looks)
    return found


@cache
def faults() -> dict[str, Fault]:
    """Return every kind of finding by its code."""
    return {fault.code: fault for check in registry().values() for fault in check.faults}
