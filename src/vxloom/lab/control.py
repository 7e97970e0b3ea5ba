"""How a client speaks to a lab's supervisor: one JSON line each way per connection, over ``control.sock``.

Requests and replies are tagged structs, so both sides share this file and nothing else.
"""

from __future__ import annotations

import socket
from pathlib import Path

import msgspec

from vxloom.errors import TransportError, VxloomError
from vxloom.lab.topology import NodeSpec, Spec

_ANSWER_SECONDS = 15.0


class Spawn(msgspec.Struct, frozen=True, tag=True):
    """Start ``argv`` on ``node`` as the long-lived process ``name``; a dead one of that name is replaced."""

    node: str
    name: str
    argv: tuple[str, ...]
    env: dict[str, str] = {}


class Kill(msgspec.Struct, frozen=True, tag=True):
    """Send a signal to the process itself (not to what carries it into the node)."""

    node: str
    name: str
    signal: int


class Status(msgspec.Struct, frozen=True, tag=True):
    """Ask for a ``Report``."""


class Down(msgspec.Struct, frozen=True, tag=True):
    """End the lab."""


Request = Spawn | Kill | Status | Down


class NodeReport(msgspec.Struct, frozen=True):
    """A node and its holder, numbered as the real machine does. ``started``: clock ticks since boot."""

    spec: NodeSpec
    pid: int
    started: int


class ProcessReport(msgspec.Struct, frozen=True):
    """A long-lived process. ``pid`` is the real machine's number; ``exit_status`` None while it runs, negative = signal."""

    node: str
    name: str
    argv: tuple[str, ...]
    env: dict[str, str]
    pid: int
    exit_status: int | None
    log: str

    @property
    def running(self) -> bool:
        return self.exit_status is None


class Report(msgspec.Struct, frozen=True, tag=True):
    """The lab as its supervisor sees it. ``pid`` and ``started`` are the supervisor's; ``since``: seconds since the epoch."""

    spec: Spec
    pid: int
    started: int
    since: float
    api_port: int
    nodes: tuple[NodeReport, ...]
    processes: tuple[ProcessReport, ...]


class Done(msgspec.Struct, frozen=True, tag=True):
    """The request was carried out."""


class Refused(msgspec.Struct, frozen=True, tag=True):
    """It was not, and why."""

    message: str
    remedy: str = ""


Reply = Report | Done | Refused


class Progress(msgspec.Struct, frozen=True, tag=True):
    """Sent to the owner while the lab comes up. ``seconds`` since the start."""

    text: str
    seconds: float


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The lab stands."""


Birth = Progress | Ready | Refused

#: What an owner sends to let the lab live on without it; an owner that hangs up without a word takes the lab with it.
DETACH = b"detach\n"


def ask(path: Path, request: Request) -> Reply:
    """One question to the supervisor behind ``path`` (control.sock).

    Raises ``TransportError`` if nobody answers, ``VxloomError`` with the supervisor's words if it refused.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_ANSWER_SECONDS)
            connection.connect(str(path))
            connection.sendall(msgspec.json.encode(request) + b"\n")
            with connection.makefile("rb") as lines:
                line = lines.readline()
    except OSError as error:
        raise TransportError(f"lab {path.parent.name!r} does not answer: {error}", remedy="`vxloom lab up` starts one") from error
    if not line:
        raise TransportError(f"lab {path.parent.name!r} hung up", remedy="look at its state with `vxloom lab status`")
    reply: Reply = msgspec.json.decode(line, type=Reply)
    if isinstance(reply, Refused):
        raise VxloomError(reply.message, remedy=reply.remedy)
    return reply


def report(path: Path) -> Report:
    """The lab's ``Report``. Raises like ``ask``."""
    reply = ask(path, Status())
    if not isinstance(reply, Report):
        raise TransportError(f"lab {path.parent.name!r} answered a status question with {type(reply).__name__}")
    return reply
