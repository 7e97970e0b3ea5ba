"""The step *bond*."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence

from vxloom.errors import PrepareError
from vxloom.prepare import bonds
from vxloom.prepare.bonding import MakeBond, TellBack, bonding
from vxloom.prepare.changes import AnyChange
from vxloom.prepare.guard import taken_back
from vxloom.prepare.journal import Journal
from vxloom.prepare.machine import Machine
from vxloom.prepare.managers import known_manager, manager_of
from vxloom.prepare.step import Step
from vxloom.settings import Bond as Wanted
from vxloom.settings import HostSettings


class Bond(Step):
    """Make one link of several cards by LACP, now and after every boot."""

    name = "bond"
    whole = True

    def not_applicable(self, machine: Machine, settings: HostSettings) -> str:
        """Without a wish there is nothing to do."""
        return "" if settings.bond.members else "host.toml names no members of a bond"

    def changes(self, machine: Machine, settings: HostSettings) -> Sequence[AnyChange]:
        """Make the bond that is asked for; one that is there is compared, never made again."""
        wanted = settings.bond
        if wanted.name not in machine.links():
            return _open(machine, _with_files(machine, bonding(machine, wanted)))
        begun = _begun(machine, wanted)
        if begun is not None and (rest := _rest(machine, begun)):
            return rest
        faults = bonds.differences(bonds.look(machine).get(wanted.name), wanted)
        if faults:
            raise PrepareError(
                f"{wanted.name} is there, and is not as asked: {'; '.join(faults)}",
                remedy="change it where it was made, or ask for another name; one that was made here goes by vxloom host undo --only bond",
            )
        return []

    def guard(self, machine: Machine, settings: HostSettings) -> contextlib.AbstractContextManager[None]:
        """Take all back when a gateway or a management server does not answer any more, and when this run is killed."""
        journal = Journal(machine)
        earlier = len(journal.entries())

        def put_back() -> None:
            for entry in reversed(journal.entries()[earlier:]):
                with contextlib.suppress(PrepareError):
                    entry.change.undo(machine, entry.before)

        return taken_back(machine, put_back)


def _begun(machine: Machine, wanted: Wanted) -> MakeBond | None:
    """Return the change that made this bond, or was about to."""
    changes = [entry.change for entry in Journal(machine).entries() if isinstance(entry.change, MakeBond)]
    return next((change for change in reversed(changes) if change.wanted == wanted), None)


def _rest(machine: Machine, begun: MakeBond) -> Sequence[AnyChange]:
    """Return what a run that was killed has left to be made; nothing if it was not, whatever somebody has done to the bond since."""
    changes = [begun] if begun.tell else _with_files(machine, begun)  # what a program makes it from was there before
    written = all(change.done(machine) for change in changes if not isinstance(change, MakeBond))  # after ip(8) has made it
    return [] if written and begun.is_joined(machine) else _open(machine, changes)


def _with_files(machine: Machine, bond: MakeBond) -> Sequence[AnyChange]:
    """Return what whoever has the carrier in hand (or the bond already, or the bridge) needs to make the bond."""
    places = (bond.carrier, bond.wanted.name, bond.bridge)
    known = (known_manager(machine, place) for place in places if place)
    manager = next(filter(None, known), None) or manager_of(machine, bond.carrier, "bond")
    for member in bond.members[1:]:
        other = known_manager(machine, member.name)
        if other is not None and other.name != manager.name:
            raise PrepareError(
                f"{bond.carrier} is in the hands of {manager.name}, {member.name} in those of {other.name}",
                remedy=f"take {member.name} out of the files of {other.name} first",
            )
    return manager.bond(machine, bond)


def _open(machine: Machine, changes: Iterable[AnyChange]) -> list[AnyChange]:
    """Return the changes that are still to be made; what only serves the way back goes with the others."""
    wanted = [change for change in changes if not change.done(machine)]
    return [] if all(isinstance(change, TellBack) for change in wanted) else wanted
