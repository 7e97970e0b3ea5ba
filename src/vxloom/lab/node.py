"""A node (or a guest on one) as a caller uses it: run a command there, start one, read and write its files."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from vxloom.errors import VxloomError
from vxloom.lab import entry, holder
from vxloom.lab.control import NodeReport
from vxloom.lab.topology import NodeSpec

RUN_SECONDS = 30.0


class NodeProcess(subprocess.Popen[str]):
    """A command running in a node. Signals reach the command itself; killing what carries it kills it too."""

    def send_signal(self, sig: int) -> None:
        """Signal the command; nothing happens if it has ended."""
        if self.poll() is not None:
            return
        target = entry.child_of(self.pid)
        if target is None:  # not forked yet: end the carrier, and the command never starts
            super().send_signal(sig)
            return
        with suppress(ProcessLookupError):
            os.kill(target, sig)


class CommandError(VxloomError):
    """A command in a node ended with a status other than 0, or not in time. ``completed`` has what it wrote."""

    def __init__(self, message: str, completed: subprocess.CompletedProcess[str] | None = None) -> None:
        super().__init__(message)
        self.completed = completed


class Place:
    """Where commands can run: a node, or a guest's network namespace on one."""

    def __init__(self, report: NodeReport, guest: str | None = None) -> None:
        self._report = report
        self._guest = guest

    @property
    def name(self) -> str:
        return self._guest or self._report.spec.name

    @property
    def holder(self) -> int:
        """The holder's PID on the real machine, checked to be the holder still.

        Raises ``VxloomError`` if the lab is gone: a reused PID would have us enter the real machine's namespaces.
        """
        try:
            alive = holder.start_time(self._report.pid) == self._report.started
        except ProcessLookupError:
            alive = False
        if not alive:
            raise VxloomError(f"node {self._report.spec.name} is gone", remedy="`vxloom lab up` starts a new lab")
        return self._report.pid

    def command(self, argv: Sequence[str], *, tied: bool = True) -> list[str]:
        """The argument list that runs ``argv`` here when run on the real machine."""
        return entry.command(self.holder, argv, guest=self._guest, tied=tied)

    def run(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        timeout: float = RUN_SECONDS,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run ``argv`` here to its end, output captured as text.

        ``timeout`` in seconds. Raises ``CommandError`` when time is up or, with ``check``, on a status other than 0.
        """
        with self.popen(argv, stdin=None if stdin is None else subprocess.PIPE, env=env) as process:
            try:
                out, err = process.communicate(stdin, timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
                completed = subprocess.CompletedProcess(list(argv), -9, out, err)
                raise CommandError(f"{self.name}: {' '.join(argv)}: not done after {timeout:g} s", completed) from None
            except BaseException:
                process.kill()
                raise
        completed = subprocess.CompletedProcess(list(argv), process.returncode, out, err)
        if check and completed.returncode:
            words = (err.strip() or out.strip())[-2000:]
            raise CommandError(f"{self.name}: {' '.join(argv)}: exit {completed.returncode}: {words}", completed)
        return completed

    def popen(
        self,
        argv: Sequence[str],
        *,
        stdin: int | IO[str] | None = None,
        stdout: int | IO[str] | None = subprocess.PIPE,
        stderr: int | IO[str] | None = subprocess.PIPE,
        env: Mapping[str, str] | None = None,
    ) -> NodeProcess:
        """Start ``argv`` here. The caller ends it (or the lab does)."""
        return NodeProcess(
            self.command(argv),
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=stdout,
            stderr=stderr,
            text=True,
            env=entry.environment(env),
        )

    def ping(self, address: str, *, count: int = 1, wait: float = 2.0) -> bool:
        """Whether at least one of ``count`` echo requests, 50 ms apart, is answered; ``wait`` seconds for the last."""
        argv = ["ping", "-n", "-q", "-c", str(count), "-i", "0.05", "-W", str(wait), address]
        return self.run(argv, check=False, timeout=count * 0.05 + wait + 10).returncode == 0


class Node(Place):
    """A hypervisor, the management node or the router."""

    @property
    def spec(self) -> NodeSpec:
        return self._report.spec

    @property
    def address(self) -> str:
        """The node's IPv4 underlay address. ``VxloomError`` for the router, which has one per link."""
        if self.spec.address is None:
            raise VxloomError(f"{self.name} has an address per link, not one", remedy="ask for a hypervisor's or mgmt's")
        return str(self.spec.address)

    def write(self, path: str | Path, text: str, *, mode: int = 0o644) -> None:
        """Write a file of the node's own (``/etc``, ``/var``, ``/run``, ``/tmp``), directories made as needed."""
        script = 'mkdir -p -- "$(dirname -- "$1")" && cat > "$1" && chmod "$2" "$1"'
        self.run(["sh", "-c", script, "sh", str(path), f"{mode:o}"], stdin=text)

    def read(self, path: str | Path) -> str:
        """A file as the node sees it. ``CommandError`` if it cannot be read."""
        return self.run(["cat", "--", str(path)]).stdout

    def guests(self) -> tuple[str, ...]:
        """The network namespaces pinned in the node's /run/netns: namespace guests."""
        listing = self.run(["ls", "-1", "/run/netns"], check=False)
        return tuple(listing.stdout.split())

    def guest(self, name: str) -> Place:
        return Place(self._report, name)
