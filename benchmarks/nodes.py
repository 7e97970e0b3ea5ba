"""Network namespaces as hypervisors and guests, inside the namespaces of a case: named ones, in the case's private ``/run``."""

from __future__ import annotations

import os
import signal
import subprocess
import traceback
from collections.abc import Callable
from pathlib import Path

from vxloom.lab import syscalls

NETNS = Path("/run/netns")


def ip(*words: str) -> None:
    """Run ``ip``; raises ``CalledProcessError``."""
    subprocess.run(["ip", *words], check=True)


def add_node(name: str) -> None:
    """Make a namespace."""
    ip("netns", "add", name)
    ip("-n", name, "link", "set", "lo", "up")


def enter(name: str) -> None:
    """Move this process into a namespace, with a sysfs that shows its links. For a process that will do nothing else.

    Mounts below ``/run/netns`` stay shared with the case: guests that are made here are seen there.
    """
    syscalls.unshare(syscalls.CLONE_NEWNS)
    fd = os.open(NETNS / name, os.O_RDONLY | os.O_CLOEXEC)
    syscalls.setns(fd, syscalls.CLONE_NEWNET)
    os.close(fd)
    syscalls.mount("sysfs", "/sys", "sysfs", syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC)


def fork_in(name: str, work: Callable[[], None]) -> int:
    """Start ``work`` in a process of its own in a namespace; return its PID. It ends with the case."""
    pid = os.fork()
    if pid:
        return pid
    try:
        syscalls.die_with_parent(signal.SIGKILL)
        enter(name)
        work()
        os._exit(0)
    except BaseException:  # noqa: BLE001 - a fork must never unwind into its parent's stack
        traceback.print_exc()
        os._exit(1)


def run_in(name: str, work: Callable[[], None]) -> None:
    """Run ``work`` in a namespace to its end; raises ``RuntimeError`` if it fails (its words are on standard error)."""
    await_end(fork_in(name, work))


def await_end(pid: int) -> None:
    """Wait for a process of :func:`fork_in`."""
    _, status = os.waitpid(pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise RuntimeError("what was run in a namespace failed; it said so above")
