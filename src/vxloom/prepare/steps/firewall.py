"""The step *firewall*."""

from __future__ import annotations

from collections.abc import Sequence

from vxloom.errors import PrepareError
from vxloom.prepare.changes import AnyChange
from vxloom.prepare.firewall import permits, walls
from vxloom.prepare.machine import Machine
from vxloom.prepare.step import Step
from vxloom.settings import HostSettings


class Firewall(Step):
    """Let the tunnels' packets through the machine's own firewall, by the tool that keeps it."""

    name = "firewall"

    def not_applicable(self, machine: Machine, settings: HostSettings) -> str:
        """Where no program could show a rule there is nothing to go by."""
        return "" if walls.programs(machine) else "neither nft nor iptables is installed, so no rule can be seen"

    def changes(self, machine: Machine, settings: HostSettings) -> Sequence[AnyChange]:
        """Add a permit where a packet is, or may be, stopped; a rule that names the port is the operator's, and stays.

        An accept in a table of ours could not undo a drop in another one: a packet has to pass them all (nft(8)).
        """
        found: dict[str, AnyChange] = {}
        for wall in walls.look(machine, settings).walls:
            if not wall.admits:
                found |= {change.slot: change for change in permits.permit(machine, wall) if change.slot not in found}
        return [change for change in found.values() if not change.done(machine)]

    def watch(self, machine: Machine, settings: HostSettings) -> None:
        """Look again: another rule may come before the permit."""
        for wall in walls.look(machine, settings).walls:
            if wall.stops:
                raise PrepareError(
                    f"{wall.packet} was permitted, and {wall.where} still stops it: {wall.because}",
                    remedy="see which rule comes first, and take it out; vxloom host undo --only firewall takes the permit back",
                )
