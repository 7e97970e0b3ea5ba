"""How a command gets into a node: ``nsenter`` into all of the holder's namespaces, then the command as its child.

util-linux's ``nsenter`` and ``setpriv`` take two milliseconds; a Python launcher would take thirty.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_SYSTEM_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_HOME = "/tmp"  # noqa: S108 - the node's own, in memory
_HANDED_ON = ("LANG", "LC_ALL", "TERM", "TZ", "COLORTERM", "NO_COLOR")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a command in a node finds: the project's own commands on PATH, a home it may write to, nothing of the caller's."""
    inherited = {key: os.environ[key] for key in _HANDED_ON if key in os.environ}
    path = ":".join((str(Path(sys.prefix, "bin")), *_SYSTEM_PATH))
    return {"LANG": "C.UTF-8", **inherited, "PATH": path, "HOME": _HOME, "PYTHONUNBUFFERED": "1", **(extra or {})}


def command(holder: int, argv: Sequence[str], *, guest: str | None = None, tied: bool = True) -> list[str]:
    """The argument list that runs ``argv`` in the node held by process ``holder``, or in one of its guests.

    ``tied``: the command is killed when what carries it (``nsenter``) is. Time, power and modules stay the real machine's alone.
    """
    enter = ["nsenter", f"--target={holder}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--"]
    limits = ["setpriv", "--bounding-set=-sys_time,-sys_boot,-sys_module", *(["--pdeathsig=KILL"] if tied else []), "--"]
    inside = ["nsenter", f"--net=/run/netns/{guest}", "--"] if guest else []
    return [*enter, *inside, *limits, *argv]


def network_only(holder: int, argv: Sequence[str]) -> list[str]:
    """``argv`` in the node's network namespace but with the real machine's files and process numbers (for wiring)."""
    return ["nsenter", f"--target={holder}", "--net", "--", *argv]


def child_of(carrier: int) -> int | None:
    """The command's own PID, given its ``nsenter``'s; None while it has not been forked or when it is gone."""
    try:
        children = Path(f"/proc/{carrier}/task/{carrier}/children").read_text(encoding="ascii").split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(children[0]) if children else None
