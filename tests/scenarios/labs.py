"""Labs for scenarios: state directories of their own, and looks at what the real machine still holds of one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from vxloom.lab import Lab
from vxloom.lab.control import Report


def network_namespace(pid: int) -> int:
    """The inode that names the process's network namespace."""
    return Path(f"/proc/{pid}/ns/net").stat().st_ino


def namespaces_of(lab: Lab) -> frozenset[int]:
    return frozenset(network_namespace(node.pid) for node in lab.report().nodes)


def processes_in(namespaces: Iterable[int]) -> list[int]:
    """Every process on the machine that lives in one of these network namespaces."""
    wanted = frozenset(namespaces)
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if network_namespace(int(entry.name)) in wanted:
                    found.append(int(entry.name))
            except OSError:  # gone meanwhile, or a zombie, which is in no namespace
                continue
    return found


def alive(pids: Iterable[int]) -> list[int]:
    """Those of the processes that run (a zombie does not)."""
    running = []
    for pid in pids:
        try:
            if Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in {"Z", "X"}:
                running.append(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return running


def pids_of(report: Report) -> list[int]:
    return [report.pid, *(node.pid for node in report.nodes), *(process.pid for process in report.processes)]


def sweeper_of(supervisor: int) -> int:
    """The supervisor's sweeper: its child that is in no new PID namespace."""
    own = Path(f"/proc/{supervisor}/ns/pid").readlink()
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text(encoding="ascii").split()
    (found,) = [int(child) for child in children if Path(f"/proc/{child}/ns/pid").readlink() == own]
    return found
