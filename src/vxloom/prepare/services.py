"""The processes of ours and of CloudStack's that systemd keeps running here: which are wanted, how they stand, what they said."""

from __future__ import annotations

import re
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

from vxloom import notify
from vxloom.errors import PrepareError
from vxloom.prepare.machine import Machine

AGENT, SERVER, CLOUDSTACK = "vxloom-agent.service", "vxloom-server.service", "cloudstack-agent.service"
AGENT_FILE, SERVER_FILE = "/etc/vxloom/agent.toml", "/etc/vxloom/server.toml"
CLOUDSTACK_FILE = "/etc/cloudstack/agent/agent.properties"
CLOUDSTACK_LOG = "/var/log/cloudstack/agent/agent.log"
_BAD = re.compile(r"\b(fatal|error|exception|failed|failure|denied|refused|cannot|warn(ing)?)\b|^vxloom: ", re.IGNORECASE)
_CONNECTED = "Startup Response Received"
"""What CloudStack's agent logs when its server has taken it in. Source: Agent.java, 4.11 to 4.22."""
_BEYOND_REPAIR = 2
"""Starts again after which a service is not waited for any longer."""
_IDLE = 5
"""Looks in a row at a unit that nobody starts after which it is not waited for any longer."""


def without_systemd(machine: Machine) -> str:
    """Return why there is no systemd to speak to; "" when there is. Source: sd_booted(3)."""
    if not machine.exists("/run/systemd/system"):
        return "no systemd runs here"
    first, own = (_namespace(machine, pid) for pid in ("1", "self"))
    return "" if first == own else "systemd runs in another network namespace: this is not its host"


def _namespace(machine: Machine, pid: str) -> str:
    try:
        return str(machine.path(f"/proc/{pid}/ns/net").readlink())
    except OSError:
        return ""


def wanted(machine: Machine) -> list[str]:
    """Return the units of ours that are to run: the agent when its file names a server, the server when its file says anything.

    Raises :class:`PrepareError` for a file that is no TOML.
    """
    found = [AGENT] if _settings(machine, AGENT_FILE).get("server") else []
    return [*found, SERVER] if _settings(machine, SERVER_FILE) else found


def _settings(machine: Machine, file: str) -> dict[str, object]:
    try:
        return tomllib.loads(machine.read(file) or "")
    except tomllib.TOMLDecodeError as error:
        raise PrepareError(f"{file} is not valid TOML: {error}", remedy="mend the file") from error


@dataclass(frozen=True, slots=True)
class Standing:
    """How a unit stands, as ``systemctl show`` tells it."""

    state: str
    """active, activating, inactive, failed, …"""
    busy: bool
    """A start, stop or restart is under way."""
    running: bool
    """Its main process is there, has said that it is ready where it is to say so, and is not to be ended."""
    status: str
    """What the process says of itself, sd_notify(3)."""
    starts: int
    """How often systemd has started it again by itself."""
    since: float
    """When its main process began, seconds on the monotonic clock; 0: never."""
    reload: bool
    """Its file was changed after systemd read it."""


def standing(machine: Machine, unit: str) -> Standing:
    """Ask systemd. Raises :class:`PrepareError` when it does not answer."""
    names = "ActiveState,SubState,StatusText,NRestarts,ExecMainStartTimestampMonotonic,NeedDaemonReload,Job"
    told = dict(line.partition("=")[::2] for line in machine.must("systemctl", "show", "-p", names, unit).splitlines())
    state, busy = told.get("ActiveState", ""), int(told.get("Job") or 0) != 0
    return Standing(
        state=state,
        busy=busy,
        running=state == "active" and told.get("SubState") == "running" and not busy,
        status=told.get("StatusText", ""),
        starts=int(told.get("NRestarts") or 0),
        since=int(told.get("ExecMainStartTimestampMonotonic") or 0) / 1e6,
        reload=told.get("NeedDaemonReload") == "yes",
    )


def is_newer(machine: Machine, file: str, moment: float) -> bool:
    """Tell whether a file was changed after a moment on the monotonic clock."""
    try:
        changed = machine.path(file).stat().st_mtime
    except OSError:
        return False
    return time.monotonic() - (time.time() - changed) > moment


def watch(machine: Machine, unit: str, *, seconds: float, pause: float = 0.3) -> None:
    """Wait until a unit that is being started is healthy. Raises :class:`PrepareError` with the line of its log that says why it is not."""
    deadline, first = time.monotonic() + seconds, standing(machine, unit)
    now, idle = first, 0
    while not _is_healthy(machine, unit, now):
        idle = idle + 1 if now.state == "inactive" and not now.busy else 0  # between two starts it is so for a moment
        over = now.state == "failed" or idle >= _IDLE or now.starts - first.starts >= _BEYOND_REPAIR
        if over or time.monotonic() > deadline:
            raise PrepareError(_why(machine, unit, now), remedy=_remedy(unit))
        time.sleep(pause)
        now = standing(machine, unit)


def _is_healthy(machine: Machine, unit: str, now: Standing) -> bool:
    if unit != CLOUDSTACK:
        return now.running and now.status.startswith(notify.HEALTHY)
    return now.running and any(_CONNECTED in line for line in _cloudstack_lines(machine, now))


def _why(machine: Machine, unit: str, now: Standing) -> str:
    if unit != CLOUDSTACK and now.running and now.status:
        return f"{unit} runs, but: {now.status}"
    line = last_words(machine, unit, now)
    told = f"its log says: {line}" if line else "its log says nothing"
    return f"{unit} runs, but has not reached its server; {told}" if now.running else f"{unit} does not run ({now.state}); {told}"


def _remedy(unit: str) -> str:
    more = f"tail {CLOUDSTACK_LOG}" if unit == CLOUDSTACK else f"journalctl -u {unit}"
    return f"more: {more}"


def last_words(machine: Machine, unit: str, now: Standing) -> str:
    """Return the last line of a unit's log that tells of trouble, else its last line; "" when there is none."""
    lines = _cloudstack_lines(machine, now) if unit == CLOUDSTACK else []
    if not lines:
        own = ("journalctl", "--no-pager", "-q", "-o", "cat", "-n", "200")
        lines = machine.run(*own, f"_SYSTEMD_UNIT={unit}").output.splitlines() or machine.run(*own, "-u", unit).output.splitlines()
    lines = [line.strip() for line in lines if line.strip()]
    return next((line for line in reversed(lines) if _BAD.search(line)), lines[-1] if lines else "")[:400]


def _cloudstack_lines(machine: Machine, now: Standing) -> list[str]:
    """Return what CloudStack's agent has logged since it began. Its lines begin with the local time, log4j's ``%d{DEFAULT}``."""
    began = time.time() - (time.monotonic() - now.since)
    lines = _tail(machine.path(CLOUDSTACK_LOG))
    first = next((number for number, line in enumerate(lines) if _said_at(line) >= int(began)), len(lines))
    return lines[first:]


def _said_at(line: str) -> float:
    try:
        return time.mktime(time.strptime(line[:19], "%Y-%m-%d %H:%M:%S"))
    except ValueError:
        return 0.0


def _tail(file: Path, size: int = 256 * 1024) -> list[str]:
    try:
        with file.open("rb") as opened:
            opened.seek(max(0, file.stat().st_size - size))
            return opened.read().decode(errors="replace").splitlines()
    except OSError:
        return []
