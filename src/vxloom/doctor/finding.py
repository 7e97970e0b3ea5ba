"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import msgspec


class Severity(IntEnum):
    """How bad it is; the exit code of ``vxloom doctor`` is the greatest one's."""

    NOTE = 0
    """Worth knowing; nothing is wrong."""
    WARNING = 1
    """Nothing is lost yet."""
    ERROR = 2
    """Traffic of somebody is lost, or will be at the next change."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of finding: what stays the same whenever it is found. Its page in the reference is made from this."""

    code: str
    """Stable; programs and alerts go by it."""
    severity: Severity
    title: str
    meaning: str
    """What it does to whom, in a sentence or two."""
    remedy: str
    """What to do; ``{where}`` stands for the finding's place."""
    explains: frozenset[str] = frozenset()
    """Codes of what follows from it, on the same host or on the way between it and another: not told apart from it."""

    def found(self, where: str, *, expected: str = "", seen: str = "", remedy: str = "", host: str = "", remote: str = "") -> Finding:
        """Return a finding of this kind at a place; ``host`` where the check looks at many, ``remote`` of a way to a VTEP."""
        return Finding(
            code=self.code,
            severity=self.severity.name.lower(),
            title=self.title,
            where=where,
            expected=expected,
            seen=seen,
            remedy=remedy or self.remedy.replace("{where}", where),
            host=host,
            remote=remote,
        )


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it should be."""

    code: str
    severity: str
    title: str
    where: str
    """Device, VNI, address or file on the host."""
    expected: str = ""
    seen: str = ""
    remedy: str = ""
    host: str = ""
    remote: str = ""
    """The VTEP at the other end, of a finding about the way from the host to it."""
    explains: tuple[str, ...] = ()
    """Findings that follow from this one, as ``code where``; they are not listed by themselves. A check that knows may say so, too."""
