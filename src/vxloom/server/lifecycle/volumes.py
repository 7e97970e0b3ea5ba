"""From a ROOT volume to its machine: there are no rows of volumes."""

from __future__ import annotations

import uuid

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.parameters import unknown_id
from vxloom.server.views.derived import root_volume_id
from vxloom.server.views.volumes import PREFIX
from vxloom.store import ReadTransaction, records

PRESENT = tuple(state for state in records.VmState if state not in {records.VmState.DESTROYED, records.VmState.EXPUNGING})
"""States of machines whose volumes are listed."""


def machine_of(call: Call, rx: ReadTransaction, volume: str, parameter: str = "volumeid") -> records.Vm:
    """Return the machine of a ROOT volume; raises :class:`RequestError` 431 for none, and for another's."""
    vm = rx.get(records.Vm, root_volume_id(volume))
    if vm is None or not owners.reaches(rx, call.caller, vm.account):
        raise unknown_id(parameter, volume)
    return vm


def machine_ids(volumes: tuple[str, ...]) -> set[str]:
    """Return the ids of the machines these volumes would be of; what is no id is left out."""
    found: set[str] = set()
    for volume in volumes:
        try:
            found.add(root_volume_id(str(uuid.UUID(volume))))
        except ValueError:
            continue
    return found


def instance_name(volume_name: str) -> str:
    """Return the internal name of the machine whose volume has this name; "" where none can have it."""
    return volume_name[len(PREFIX) :] if volume_name.upper().startswith(PREFIX) else ""
