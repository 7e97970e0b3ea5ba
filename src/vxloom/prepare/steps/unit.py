"""The step *unit*."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from vxloom.errors import PrepareError
from vxloom.prepare import services
from vxloom.prepare.changes import AnyChange, Run, WriteFile
from vxloom.prepare.machine import Machine
from vxloom.prepare.step import Step
from vxloom.settings import HostSettings

PROGRAM = "/usr/bin/vxloom"
"""What the units name; the Debian package has it there."""
USER_FILE = "/etc/sysusers.d/vxloom.conf"
_BROUGHT = ("/usr/lib/systemd/system", "/lib/systemd/system")
_HEAD = "# Made by vxloom host apply; vxloom host undo removes it.\n"
_HIDDEN = {"home", "root", "tmp"}
"""Folders of ``/`` that a unit with ProtectHome and PrivateTmp does not see (systemd.exec(5))."""


class Unit(Step):
    """Have systemd units for the agent and the server, where they are configured."""

    name = "unit"
    after = ("agent-properties",)

    def not_applicable(self, machine: Machine, settings: HostSettings) -> str:
        """Without systemd, without anything configured, or where the Debian package has brought the units."""
        if reason := services.without_systemd(machine):
            return reason
        units = services.wanted(machine)
        if not units:
            return f"nothing is configured: {services.AGENT_FILE} names no server, {services.SERVER_FILE} says nothing"
        brought = all(_is_brought(machine, unit) and not _ours(machine, unit) for unit in units)
        return "the package brought them" if brought else ""

    def changes(self, machine: Machine, settings: HostSettings) -> Sequence[AnyChange]:
        """Write the units with this program's path in them; take one away that would hide the package's."""
        units = services.wanted(machine)
        changes: list[AnyChange] = [_file(machine, unit) for unit in units]
        if services.SERVER in units and not _is_brought(machine, services.SERVER):
            changes += [
                WriteFile(path=USER_FILE, text=_HEAD + _text("vxloom.sysusers"), reason="the server runs as a user of its own"),
                Run(
                    name="make the user vxloom",
                    look=("getent", "passwd", "vxloom"),
                    command=("systemd-sysusers", machine.path(USER_FILE).name),
                    reason="the server runs as a user of its own; undo leaves it, files may be its",
                ),
            ]
        changes = [change for change in changes if not change.done(machine)]
        if any(isinstance(change, WriteFile) for change in changes) or any(services.standing(machine, unit).reload for unit in units):
            reload = ("systemctl", "daemon-reload")
            changes.append(Run(name="reload units", look=(), command=reload, reason="systemd reads changed units only when it is told"))
        return changes


def _is_brought(machine: Machine, unit: str) -> bool:
    return any(machine.exists(f"{folder}/{unit}") for folder in _BROUGHT)


def _ours(machine: Machine, unit: str) -> bool:
    """Tell whether an earlier run wrote the unit: it would go before the package's."""
    return (machine.read(_path(unit)) or "").startswith(_HEAD)


def _path(unit: str) -> str:
    return f"/etc/systemd/system/{unit}"


def _file(machine: Machine, unit: str) -> WriteFile:
    if _is_brought(machine, unit):
        text = None if _ours(machine, unit) else machine.read(_path(unit))
        return WriteFile(path=_path(unit), text=text, reason="the package has brought a unit, which this one would hide")
    program = _program()
    if unit == services.SERVER and Path(program).parts[1] in _HIDDEN:
        raise PrepareError(
            f"{program} is in a folder that the server's unit does not see", remedy="install vxloom under /opt, or from its Debian package"
        )
    return WriteFile(path=_path(unit), text=_HEAD + _text(unit).replace(PROGRAM, program), reason="systemd starts it, now and at boot")


def _program() -> str:
    """Return the command that belongs to this installation."""
    program = Path(sys.prefix) / "bin" / "vxloom"
    if not program.exists():
        raise PrepareError(f"there is no {program}, which the unit would start", remedy="install vxloom in its virtual environment")
    return str(program)


def _text(name: str) -> str:
    return resources.files("vxloom.prepare").joinpath("units", name).read_text(encoding="utf-8")
