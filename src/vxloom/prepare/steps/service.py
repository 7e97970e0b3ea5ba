"""The step *service*."""

from __future__ import annotations

from collections.abc import Sequence

from vxloom.errors import PrepareError
from vxloom.prepare import services
from vxloom.prepare.changes import AnyChange, Run, WriteFile
from vxloom.prepare.journal import Journal
from vxloom.prepare.machine import Machine
from vxloom.prepare.step import Step
from vxloom.settings import HostSettings

_FILES = {services.AGENT: services.AGENT_FILE, services.SERVER: services.SERVER_FILE}
_STANDS = "state=$(systemctl show -p ActiveState {unit}) || exit 2; case $state in ActiveState=inactive|ActiveState=failed) exit 1 ;; esac"
"""What succeeds while there is something to stop, a unit that systemd goes on starting too. ``is-active`` says 1 when it cannot tell."""
_PATIENCE = 90.0
"""Seconds a service has to become healthy: CloudStack's agent is a Java program."""


class Service(Step):
    """Have the services run, with what is configured now, and see them healthy."""

    name = "service"
    after = ("agent-properties", "unit")

    def not_applicable(self, machine: Machine, settings: HostSettings) -> str:
        """Without systemd, or with nothing that is configured here."""
        if reason := services.without_systemd(machine):
            return reason
        return "" if self._units(machine) else "nothing is configured here that runs as a service"

    def changes(self, machine: Machine, settings: HostSettings) -> Sequence[AnyChange]:
        """Enable and start ours; start again what began before its file was changed (CloudStack's: changed by us)."""
        return [change for unit in self._units(machine) for change in _changes(machine, unit)]

    def following(self, machine: Machine, settings: HostSettings, planned: Sequence[AnyChange]) -> Sequence[AnyChange]:
        """Start again what runs, when its settings or its unit are to be written."""
        written = {change.path for change in planned if isinstance(change, WriteFile)}
        if not written or services.without_systemd(machine):
            return ()
        read = {unit: (file, f"/etc/systemd/system/{unit}") for unit, file in _FILES.items()} | {
            services.CLOUDSTACK: (services.CLOUDSTACK_FILE,)
        }
        found = []
        for unit, files in read.items():
            file = next((file for file in files if file in written), "")
            if file and services.standing(machine, unit).state == "active":
                found.append(_restart(unit, file))
        return found

    def watch(self, machine: Machine, settings: HostSettings) -> None:
        """Wait until each is healthy; all that are not are told of."""
        failures: list[PrepareError] = []
        for unit in self._units(machine):
            try:
                services.watch(machine, unit, seconds=_PATIENCE)
            except PrepareError as error:
                failures.append(error)
        if failures:
            raise PrepareError("; ".join(map(str, failures)), remedy="mend it, then run this again")

    def _units(self, machine: Machine) -> list[str]:
        ours = services.wanted(machine)
        return [*ours, services.CLOUDSTACK] if _was_changed_here(machine, services.CLOUDSTACK_FILE) else ours


def _was_changed_here(machine: Machine, file: str) -> bool:
    return any(isinstance(entry.change, WriteFile) and entry.change.path == file for entry in Journal(machine).entries())


def _changes(machine: Machine, unit: str) -> list[AnyChange]:
    now = services.standing(machine, unit)
    if unit == services.CLOUDSTACK:
        return [_restart(unit, services.CLOUDSTACK_FILE)] if now.running and _is_stale(machine, services.CLOUDSTACK_FILE, now) else []
    found: list[AnyChange] = [
        Run(
            name=f"enable {unit}",
            look=("systemctl", "is-enabled", "--quiet", unit),
            command=("systemctl", "enable", "--quiet", unit),
            back=("systemctl", "disable", "--quiet", unit),
            reason="after a boot, too",
        )
    ]
    file = next((file for file in (_FILES[unit], f"/etc/systemd/system/{unit}") if _is_stale(machine, file, now)), "")
    if now.state == "active":
        found += [_restart(unit, file)] if file else []
    else:
        found.append(
            Run(
                name=f"start {unit}",
                look=("systemctl", "is-active", "--quiet", unit),
                command=("systemctl", "start", "--no-block", unit),
                back=("systemctl", "stop", unit),
                stands=("sh", "-c", _STANDS.format(unit=unit)),
                reason=f"{_FILES[unit]} says what it is to do",
            )
        )
    return [change for change in found if not change.done(machine)]


def _is_stale(machine: Machine, file: str, now: services.Standing) -> bool:
    return services.is_newer(machine, file, now.since)


def _restart(unit: str, file: str) -> Run:
    return Run(
        name=f"restart {unit}", look=(), command=("systemctl", "restart", "--no-block", unit), reason=f"it began before {file} was changed"
    )
