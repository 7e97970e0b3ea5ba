"""The process that one case lives in: ``python -m benchmarks.case NAME --rows a,b --parent PID [--quick]``.

It moves into network, mount and PID namespaces of its own before anything else. Whoever started it may be killed: the kernel
then kills this process and with it the PID namespace; links, rules and mounts vanish with the namespaces. What it has to
tell (:class:`Progress`, :class:`Figure`) goes to standard output, one JSON object a line.
"""

from __future__ import annotations

import argparse
import importlib
import os
import select as polling
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import NoReturn

import msgspec

from benchmarks.calm import await_calm
from benchmarks.measure import Bench
from benchmarks.rows import Row
from benchmarks.selection import CASES
from vxloom.lab import syscalls

SCRATCH = "/run"
"""A file system in memory, private to the case: `ip netns` names, sockets, state. (A checkout may well lie under /tmp or /var.)"""


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """How far it is."""

    text: str


class Figure(msgspec.Struct, frozen=True, tag="row"):
    """A row is there."""

    row: Row


Word = Progress | Figure
Run = Callable[[Bench], Iterator[Row]]


def main() -> NoReturn:
    """Run one case; exit 0 if it came to its end."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.case")
    parser.add_argument("name", choices=CASES)
    parser.add_argument("--rows", required=True)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    wanted = frozenset(asked.rows.split(","))
    isolate(asked.parent)
    _tell(Progress("waiting for the kernel's link lock to be free"))
    await_calm()
    run: Run = importlib.import_module(f"benchmarks.cases.{asked.name}").run
    for each in run(Bench(quick=asked.quick, wanted=wanted, say=lambda text: _tell(Progress(text)))):
        if each.name in wanted:
            _tell(Figure(each))
    # The end of the process is the end of the namespaces. No clean-up by hand: the next case waits for the lock itself.
    sys.exit(0)


def isolate(parent: int) -> None:
    """Move into new namespaces; returns in a child that is PID 1 there, while the parent waits and exits as the child does.

    Raises ``OSError`` without the right to make namespaces.
    """
    syscalls.die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the line above
        sys.exit("whoever started this case is gone")
    alive, held = os.pipe()
    syscalls.unshare(syscalls.CLONE_NEWNET | syscalls.CLONE_NEWNS | syscalls.CLONE_NEWPID)
    pid = os.fork()
    if pid:
        os.close(alive)
        _, status = os.waitpid(pid, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    os.close(held)
    syscalls.die_with_parent(signal.SIGKILL)
    if polling.select([alive], [], [], 0)[0]:  # the parent ended before the line above
        os._exit(1)
    syscalls.mount("", "/", flags=syscalls.MS_REC | syscalls.MS_PRIVATE)
    syscalls.mount("proc", "/proc", "proc", syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC)
    syscalls.mount("sysfs", "/sys", "sysfs", syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC)
    syscalls.mount("tmpfs", SCRATCH, "tmpfs", syscalls.MS_NOSUID)
    os.environ["TMPDIR"] = SCRATCH
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def _tell(word: Word) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(word) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
