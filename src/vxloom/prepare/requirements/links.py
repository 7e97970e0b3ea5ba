"""Bonds: whether the legs carry, and whether the other side joins them as we do."""

from __future__ import annotations

from collections.abc import Sequence

from vxloom.prepare import bonds
from vxloom.prepare.machine import Machine
from vxloom.prepare.requirement import Requirement, Subject
from vxloom.settings import HostSettings

_ASKED = "LACP, two members or more, all up in one aggregator"


def look(machine: Machine, settings: HostSettings) -> Sequence[Requirement]:
    """Return a row for each bond there is, and one for the bond that is wanted and is not there."""
    found = bonds.look(machine)
    wanted = settings.bond.name if settings.bond.members else ""
    rows = [_row(bond, settings) for bond in found.values()]
    if wanted and wanted not in found:
        rows.append(_subject(wanted).judged(False, "not there", "vxloom host apply --only bond makes it"))
    return rows or [_subject("none").not_applicable("this machine has no bond, and host.toml asks for none")]


def _row(bond: bonds.Bonded, settings: HostSettings) -> Requirement:
    """Judge how it stands; where it is the wanted one, also what it is like."""
    is_wanted = settings.bond.members and settings.bond.name == bond.name
    wrong = [*bonds.faults(bond), *(bonds.differences(bond, settings.bond) if is_wanted else ())]
    legs = ", ".join(f"{leg.name} {'up' if leg.up else 'down'}" for leg in bond.legs) or "no members"
    return _subject(bond.name).judged(not wrong, f"{bond.mode}, {legs}", "; ".join(wrong))


def _subject(name: str) -> Subject:
    return Subject(f"bond {name}" if name != "none" else "bonds", _ASKED, "IEEE 802.1AX", impact=6, required=False)
