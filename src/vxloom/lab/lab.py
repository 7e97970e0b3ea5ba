"""``Lab``: bring a cloud up, find its nodes and guests, run the project's processes on them, take it down.

    with Lab(hypervisors=2, name="example") as lab:
        lab.node("h1").run(["ping", "-c1", lab.node("h2").address])

As a context manager the lab lives no longer than the calling process, however that ends. ``up(keep=True)`` leaves it
to ``vxloom lab down``.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from vxloom.errors import ConfigError, TransportError, VxloomError
from vxloom.lab import control, holder, services, state, topology
from vxloom.lab.node import Node, Place
from vxloom.lab.topology import Spec

_UP_SECONDS = 60.0  # the kernel's link lock spans all namespaces: a big clean-up elsewhere holds us up
_DOWN_SECONDS = 5.0
_POLL_SECONDS = 0.01

Progress = Callable[[str, float], None]


def _silent(text: str, seconds: float) -> None:
    """The default for callers that show nothing."""


class Lab:
    """One lab, living or about to. Raises ``ConfigError`` for a spec that cannot be built."""

    def __init__(
        self,
        hypervisors: int = 3,
        *,
        mtu: int = topology.DEFAULT_MTU,
        nic_mtu: int = 0,
        name: str | None = None,
        api_port: int = 8080,
        progress: Progress = _silent,
    ) -> None:
        """``name`` defaults to one of this process's own, so that labs of parallel tests never meet."""
        unique = f"lab-{os.getpid()}-{os.urandom(2).hex()}"
        self.spec = topology.check(Spec(name=name or unique, hypervisors=hypervisors, mtu=mtu, nic_mtu=nic_mtu, api_port=api_port))
        self.directory = state.directory(self.spec.name)
        self._progress = progress
        self._owner: socket.socket | None = None
        self._nodes: dict[str, Node] = {}

    @classmethod
    def attach(cls, name: str = topology.DEFAULT_NAME) -> Self:
        """A lab that is up already. Raises ``TransportError`` if it is not."""
        lab = cls(name=name)
        lab._load()
        return lab

    # ------------------------------------------------------------------------------------------------------ life

    def up(self, *, keep: bool = False) -> Self:
        """Build the lab; returns when every node can reach every other.

        ``keep``: leave it running when this process ends. Raises ``VxloomError`` saying which step failed.
        """
        if os.geteuid() != 0:
            raise ConfigError("a lab needs root, to make namespaces", remedy="use sudo, or `unshare --map-root-user --net --mount`")
        self._owner, theirs = socket.socketpair()
        with theirs:
            subprocess.run(
                [sys.executable, "-P", "-m", "vxloom.lab.supervisor", str(theirs.fileno()), msgspec.json.encode(self.spec).decode()],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=None,  # a crash of the supervisor is a defect: let it be seen
                start_new_session=True,
                check=True,
            )
        try:
            self._await_ready(self._owner)
            self._load()
            if keep:
                self._owner.sendall(control.DETACH)
        except BaseException:
            self._hang_up()
            raise
        if keep:
            self._hang_up()
        return self

    def _await_ready(self, owner: socket.socket) -> None:
        owner.settimeout(_UP_SECONDS)
        try:
            with owner.makefile("rb") as lines:
                for line in lines:
                    match msgspec.json.decode(line, type=control.Birth):
                        case control.Progress(text, seconds):
                            self._progress(text, seconds)
                        case control.Refused(message, remedy):
                            raise VxloomError(message, remedy=remedy)
                        case control.Ready():
                            return
        except TimeoutError:
            raise VxloomError(f"lab {self.spec.name!r} was not up within {_UP_SECONDS:g} s", remedy="is the machine overloaded?") from None
        except ConnectionError:
            pass
        raise VxloomError(f"the supervisor of lab {self.spec.name!r} died before the lab was up", remedy="its last words are above")

    def _load(self) -> None:
        report = self.report()
        self.spec = report.spec
        self._nodes = {node.spec.name: Node(node) for node in report.nodes}

    def _hang_up(self) -> None:
        """Let go of the lab, which ends with that unless it was told to go on alone."""
        if self._owner is not None:
            self._owner.close()
            self._owner = None

    def down(self) -> None:
        """End the lab and wait until no process, namespace or file of it is left. A lab that is gone already is fine.

        Raises ``VxloomError`` naming what is left, if anything is after all.
        """
        try:
            report = self.report()
        except TransportError:
            report = None
        if report is not None:
            pids = [(report.pid, report.started), *((node.pid, node.started) for node in report.nodes)]
            with suppress(TransportError):  # it ended between the two questions
                self._ask(control.Down())
            self._wait_gone(pids)
        self._hang_up()
        deadline = time.monotonic() + _DOWN_SECONDS
        while not state.sweep(self.directory):
            if time.monotonic() > deadline:
                raise VxloomError(f"lab {self.spec.name!r} still holds {self.directory}", remedy="`fuser` names the process")
            time.sleep(_POLL_SECONDS)

    def _wait_gone(self, pids: Sequence[tuple[int, int]]) -> None:
        """Until all of these processes ended; a supervisor that does not is killed, which kills the rest."""
        deadline = time.monotonic() + _DOWN_SECONDS
        killed = False
        while left := [pid for pid, started in pids if _is_alive(pid, started)]:
            if time.monotonic() > deadline:
                if killed:
                    raise VxloomError(f"lab {self.spec.name!r}: processes {left} do not end", remedy="look at them with `ps`")
                for pid in left:
                    os.kill(pid, signal.SIGKILL)
                killed, deadline = True, time.monotonic() + _DOWN_SECONDS
            time.sleep(_POLL_SECONDS)

    def __enter__(self) -> Self:
        return self.up()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.down()

    # ------------------------------------------------------------------------------------------------------ places

    def report(self) -> control.Report:
        """What the supervisor says now. Raises ``TransportError`` if the lab is not up."""
        return control.report(self.directory / "control.sock")

    def node(self, name: str) -> Node:
        """A node by name: ``h1`` …, ``mgmt``, ``underlay``. Raises ``VxloomError`` naming those there are."""
        try:
            return self._nodes[name]
        except KeyError:
            raise VxloomError(f"the lab has no node {name!r}", remedy=f"it has {', '.join(self._nodes)}") from None

    @property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(self._nodes.values())

    @property
    def hypervisors(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.spec.is_hypervisor)

    def guest(self, name: str) -> Place:
        """A namespace guest, wherever it is now: by its VM's name, or by the full ``<VM>.<id>`` where tenants share a name.

        Raises ``VxloomError`` naming the guests there are, or those that could be meant.
        """
        guests = [(guest, node) for node in self.hypervisors for guest in node.guests()]
        found = [(guest, node) for guest, node in guests if name in {guest, guest.rpartition(".")[0]}]
        if len(found) == 1:
            return found[0][1].guest(found[0][0])
        if found:
            several = ", ".join(f"{guest} on {node.name}" for guest, node in found)
            raise VxloomError(f"{name!r} could be {several}", remedy="give the full name, or wait for the move to end")
        raise VxloomError(f"no hypervisor has a guest {name!r}", remedy=f"guests: {', '.join(guest for guest, _ in guests) or 'none'}")

    # ------------------------------------------------------------------------------------------------------ processes

    def start_process(self, node: str, name: str, argv: Sequence[str], env: Mapping[str, str] | None = None) -> int:
        """Start a long-lived process on a node; it lives until killed or the lab ends. Returns its PID here.

        Its output goes to ``log_path(node, name)``.
        """
        self._ask(control.Spawn(node, name, tuple(argv), dict(env or {})))
        return self.process(node, name).pid

    def process(self, node: str, name: str) -> control.ProcessReport:
        """The process as it is now. Raises ``VxloomError`` if none of that name was ever started there."""
        for process in self.report().processes:
            if (process.node, process.name) == (node, name):
                return process
        raise VxloomError(f"no process {name!r} was started on {node}", remedy="`vxloom lab status` lists them")

    def send_signal(self, node: str, name: str, number: int) -> None:
        """Signal a process; one that has ended already is fine."""
        self._ask(control.Kill(node, name, int(number)))

    def kill(self, node: str, name: str, number: int = signal.SIGKILL, *, timeout: float = 10.0) -> None:
        """Signal a process and wait until it has ended; one that has ended already is fine."""
        self.send_signal(node, name, number)
        deadline = time.monotonic() + timeout
        while self.process(node, name).running:
            if time.monotonic() > deadline:
                raise VxloomError(f"{name} on {node} does not end on signal {int(number)}", remedy=f"see {self.log_path(node, name)}")
            time.sleep(_POLL_SECONDS)

    def start_server(self) -> None:
        """The management server on ``mgmt``, ready to answer. See ``services.start_server``."""
        services.start_server(self)

    def start_agent(self, node: str, *, token: str = "", labels: Mapping[str, str] | None = None) -> None:
        """An agent on ``node``, configured to join the lab's server. See ``services.start_agent``."""
        services.start_agent(self, node, token=token, labels=labels)

    def restart(self, node: str, name: str) -> None:
        """``restart("h1", "agent")``: end it if it runs, start it as before."""
        services.restart(self, node, name)

    def environment(self) -> dict[str, str]:
        """``CLOUDSTACK_ENDPOINT``, ``_KEY`` and ``_SECRET`` for a client on the real machine."""
        return services.client_environment(self)

    def tell(self, text: str, seconds: float) -> None:
        """Pass progress on to whoever made this object: what is going on, seconds since it began."""
        self._progress(text, seconds)

    def log_path(self, node: str, name: str) -> Path:
        return self.directory / "logs" / f"{node}-{name}.log"

    def _ask(self, request: control.Request) -> control.Reply:
        return control.ask(self.directory / "control.sock", request)


def _is_alive(pid: int, started: int) -> bool:
    try:
        return holder.start_time(pid) == started
    except ProcessLookupError:
        return False
