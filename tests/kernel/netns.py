"""Unnamed network namespaces for tests: nothing is left even when the run is killed, because nothing but the process holds them.

Python 3.11 has neither `os.unshare` nor `os.setns`, so libc is called directly. Both act on the calling thread; threads and
processes started inside inherit the namespace. sysfs keeps showing the namespace it was mounted in: look through `ip` or netlink.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_libc = ctypes.CDLL(None, use_errno=True)


class Netns:
    """A network namespace held open by a file descriptor. `lo` is up. Use as a context manager or call `close`."""

    def __init__(self) -> None:
        before = _open_current()
        try:
            _check(_libc.unshare(_CLONE_NEWNET), "unshare(CLONE_NEWNET)")
            try:
                self.fd = _open_current()
                subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            finally:
                _check(_libc.setns(before, _CLONE_NEWNET), "setns back")
        finally:
            os.close(before)

    @property
    def path(self) -> str:
        """A path other processes can open while we live: `ip link set X netns PATH`, `nsenter --net=PATH`."""
        return f"/proc/{os.getpid()}/fd/{self.fd}"

    @contextmanager
    def entered(self) -> Iterator[Netns]:
        """The calling thread (and what it starts) is inside; on leaving it is back where it was. May be nested."""
        before = _open_current()
        try:
            _check(_libc.setns(self.fd, _CLONE_NEWNET), "setns")
            try:
                yield self
            finally:
                _check(_libc.setns(before, _CLONE_NEWNET), "setns back")
        finally:
            os.close(before)

    def run(self, *command: str, check: bool = True, stdin: str | None = None) -> str:
        """Run a command inside and return its standard output; with `check`, a failure raises with what it said."""
        with self.entered():
            done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)} exited {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def sysctl(self, name: str, value: str | int) -> None:
        """Set `net.…` here: /proc/sys/net is resolved by the thread that opens it. A dot in a device's name is not understood."""
        with self.entered(), Path("/proc/sys", *name.split(".")).open("w", encoding="ascii") as file:
            file.write(str(value))

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


@contextmanager
def fresh_netns() -> Iterator[Netns]:
    """A new namespace, entered."""
    with Netns() as netns, netns.entered():
        yield netns


def veth(left: Netns, left_name: str, right: Netns, right_name: str) -> None:
    """A veth pair with one end in each namespace, both up."""
    left.run("ip", "link", "add", left_name, "type", "veth", "peer", "name", right_name, "netns", right.path)
    left.run("ip", "link", "set", left_name, "up")
    right.run("ip", "link", "set", right_name, "up")


def inode(pid: int | str = "thread-self") -> int:
    """Which network namespace a process is in."""
    return Path(f"/proc/{pid}/ns/net").stat().st_ino


def _open_current() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _check(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}; network namespaces need root")
