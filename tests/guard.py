"""Has this run changed the machine it ran on? Links, addresses, routes, nft rules, named namespaces, processes: before against after."""

from __future__ import annotations

import fcntl
import os
import subprocess
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_MARK = "VXLOOM_TEST_RUN"
_PATIENCE = 5.0  # seconds: the kernel tears namespaces down in the background, and killed children take a moment to go


@dataclass(frozen=True)
class Guard:
    """What the machine looked like when the run began. Children inherit the mark in their environment, so they can be told from others'."""

    mark: str
    links: frozenset[str]
    routes: frozenset[str]
    nft: frozenset[str]
    namespaces: frozenset[str]
    processes: frozenset[str]
    """Those of ours that run already: a session's database, when a guard is started within it."""
    lock: int

    @classmethod
    def start(cls) -> Guard:
        mark = uuid.uuid4().hex
        os.environ[_MARK] = mark
        # The network namespace itself is the lock file: everybody who can change it can open it, and nothing is left on disk.
        lock = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_SH)
        return cls(mark, _links(), _routes(), _nft(), _namespaces(), frozenset(_left_processes(mark)), lock)

    def finish(self, patience: float = _PATIENCE) -> list[str]:
        """One line for each thing that is there now and was not, or was and is not; waits for what is still going away."""
        left = [
            *_settle(patience, lambda: _difference("link or address", self.links, _links())),
            *_settle(patience, lambda: _difference("route", self.routes, _routes())),
            *_settle(patience, lambda: _difference("nft rule", self.nft, _nft())),
            *_settle(patience, lambda: [f"process {p}" for p in _left_processes(self.mark) if p not in self.processes]),
        ]
        if self._alone():  # names of namespaces do not tell whose they are; with a second run beside us they prove nothing
            left += _settle(patience, lambda: _difference("named namespace", self.namespaces, _namespaces()))
        os.close(self.lock)
        return left

    def _alone(self) -> bool:
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _settle(patience: float, look: Callable[[], list[str]]) -> list[str]:
    deadline = time.monotonic() + patience
    while (found := look()) and time.monotonic() < deadline:
        threading.Event().wait(0.05)
    return found


def _difference(what: str, before: frozenset[str], after: frozenset[str]) -> list[str]:
    return [f"new {what}: {line}" for line in sorted(after - before)] + [f"lost {what}: {line}" for line in sorted(before - after)]


def _lines(*command: str) -> frozenset[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # Without the right to look (an unprivileged run of the pure strata) there is nothing this run could have changed.
    return frozenset(line.strip() for line in done.stdout.splitlines() if line.strip()) if done.returncode == 0 else frozenset()


def _links() -> frozenset[str]:
    return _lines("ip", "-brief", "link") | _lines("ip", "-brief", "address")


def _routes() -> frozenset[str]:
    return _lines("ip", "route", "show", "table", "all") | _lines("ip", "rule")


def _nft() -> frozenset[str]:
    return _lines("nft", "--stateless", "list", "ruleset")


def _namespaces() -> frozenset[str]:
    named = Path("/run/netns")
    return frozenset(path.name for path in named.iterdir()) if named.is_dir() else frozenset()


def _left_processes(mark: str) -> list[str]:
    """Processes that carry the mark (also orphans) or descend from us (also forks that never called exec, which show no mark)."""
    parents: dict[int, int] = {}
    marked: set[int] = set()
    wanted = f"{_MARK}={mark}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            if state == "Z":
                continue
            parents[int(entry.name)] = int(parent)
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                marked.add(int(entry.name))
        except OSError:  # gone meanwhile, or not ours to read
            continue
    ours = os.getpid()
    found = (marked | {pid for pid in parents if _descends(pid, ours, parents)}) - {ours}
    named = {pid: _command(pid) for pid in sorted(found)}
    return [f"{pid}: {name}" for pid, name in named.items() if name and "multiprocessing.resource_tracker" not in name]


def _descends(pid: int, ancestor: int, parents: dict[int, int]) -> bool:
    while (pid := parents.get(pid, 0)) > 1:
        if pid == ancestor:
            return True
    return False


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""
