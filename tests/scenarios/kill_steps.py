"""Run inside a lab node: every step of preparing it, killed at every point where it touches the node. Prints what it saw as JSON.

In the node because there a step may do all it does to a real machine; one process that forks, because there are many runs.
"""

from __future__ import annotations

import json
import os
import stat
from functools import cache
from pathlib import Path

from tests.killing import killed, points
from tests.waiting import wait_until
from vxloom.cli.prepare import CONFIG
from vxloom.errors import StateError
from vxloom.prepare import run
from vxloom.prepare.journal import LOCK
from vxloom.prepare.machine import Machine
from vxloom.settings import HostSettings, load

LEAST = 15
"""Points at the least: two for a file, two for a setting."""
_TREES = ("/etc", "/var/lib/vxloom")
_OWN = str(Path(LOCK).parent)
machine = Machine()
settings = load(HostSettings, CONFIG if CONFIG.exists() else None, {})


def apply() -> list[str]:
    """Return what was changed, when no guard of a killed run is at work any more."""
    parts = wait_until(_try_apply, "the lock is free")
    problems = [f"{part.step}: {part.problem}" for part in parts if part.problem]
    assert not problems, problems
    return [change.what for part in parts for change in part.changes]


def _try_apply() -> list[run.Part] | None:
    try:
        return run.apply(machine, settings, run.chosen())
    except StateError as error:
        if "guard" not in error.message:
            raise
        return None


def undo() -> None:
    assert wait_until(_try_undo, "the lock is free") == "done"


def _try_undo() -> str:
    try:
        return " ".join(run.undo(machine)) or "done"
    except StateError as error:
        if "guard" not in error.message:
            raise
        return ""


def seen() -> dict[str, object]:
    """Return every file, folder and link of /etc and of ours (kind, rights, owner, content), every MTU, and what the kernel's
    network settings are."""
    found: dict[str, object] = {}
    for tree in _TREES:
        for folder, folders, names in os.walk(tree):
            folders[:] = [name for name in folders if f"{folder}/{name}" != _OWN]
            found |= {path: _entry(path) for path in [f"{folder}/{name}" for name in (*folders, *names)]}
    for folder, folders, names in os.walk("/proc/sys/net"):
        if folder.endswith(("/conf", "/neigh")):
            folders[:] = ["all", "default"]
        found |= {path: _setting(path) for path in [f"{folder}/{name}" for name in names]}
    return found | {f"mtu {link.name}": link.mtu for link in machine.links().values()}


def _entry(path: str) -> tuple[int, int, int, bytes]:
    status = os.lstat(path)
    return status.st_mode, status.st_uid, status.st_gid, _content(path, status.st_mode, (status.st_ino, status.st_mtime_ns, status.st_size))


@cache
def _content(path: str, mode: int, unchanged: tuple[int, int, int]) -> bytes:
    """Read a file, or where a link points: once, while it is the same file."""
    if stat.S_ISLNK(mode):
        return os.fsencode(Path(path).readlink())
    return Path(path).read_bytes() if stat.S_ISREG(mode) else b""


def _setting(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:  # write-only, or a device that has no such value
        return b""


def difference(one: dict[str, object], other: dict[str, object]) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def main() -> None:
    before = seen()
    changes = apply()
    after = seen()
    wrong, counted = [], {"apply": 0, "undo": 0}
    undo()
    wrong += [f"undo: {name}" for name in difference(seen(), before)]
    for point in points(apply, LEAST):
        counted["apply"] += 1
        undo()
        wrong += [f"undo after a kill of apply at {point}: {name}" for name in difference(seen(), before)]
        killed(apply, point)
        apply()
        wrong += [f"apply after a kill at {point}: {name}" for name in difference(seen(), after)]
        undo()
    apply()
    for point in points(undo, LEAST):
        counted["undo"] += 1
        undo()
        wrong += [f"undo after a kill of undo at {point}: {name}" for name in difference(seen(), before)]
        apply()
        wrong += [f"apply after that: {name}" for name in difference(seen(), after)]
    print(json.dumps({"changes": changes, "touched": difference(before, after), "points": counted, "wrong": wrong}))


if __name__ == "__main__":
    main()
