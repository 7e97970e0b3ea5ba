"""What can go wrong, on demand. Every fault works on the lab's own namespaces only, and ``heal`` undoes what can be undone.

``FAULTS`` is the list the command line shows. A file each for ``paths`` (the underlay), ``tables`` (what an agent wrote into the
kernel), ``devices`` (what somebody made by hand), ``hosts`` (addresses, routes, firewall), ``limits`` (what is full), ``storms`` (floods
and loops), ``hardware`` and ``processes``.
"""

from __future__ import annotations

from vxloom.lab.faults import devices, hardware, hosts, limits, paths, processes, storms, tables
from vxloom.lab.faults.fault import Fault
from vxloom.lab.lab import Lab

__all__ = ["FAULTS", "Fault", "cause", "heal"]

_BREAK = (
    *paths.FAULTS,
    *tables.FAULTS,
    *devices.FAULTS,
    *hosts.FAULTS,
    *limits.FAULTS,
    *storms.FAULTS,
    *hardware.FAULTS,
    *processes.FAULTS,
)


def heal(lab: Lab) -> str:
    """Undo every fault. Processes come last: a started agent looks at what there is."""
    told = [cure(lab) for cure in dict.fromkeys(fault.cure for fault in _BREAK)]
    return "; ".join(filter(None, told))


FAULTS = (*_BREAK, Fault("heal", (), "Undo: links, paths and MTUs as built, killed server and agents started, frozen ones thawed.", heal))


def cause(lab: Lab, name: str, *arguments: str) -> str:
    """Cause a fault of the list by its name; returns what it did. Raises as ``Fault.cause`` does."""
    (found,) = (fault for fault in FAULTS if fault.name == name)
    return found.cause(lab, *arguments)
