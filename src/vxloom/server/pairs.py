"""Two machines that somebody asks about, by name or id, and the NICs by which they would talk."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server.lifecycle.naming import called
from vxloom.server.parameters import Arguments
from vxloom.store import ReadTransaction, records


def machine(rx: ReadTransaction, given: Arguments, parameter: str) -> records.Vm:
    """Return the machine of an id or name (in any case). Raises :class:`RequestError` 431 for none, and for several of that name."""
    return called(rx, records.Vm, given.need(parameter), parameter)


def nics(rx: ReadTransaction, here: records.Vm, there: records.Vm) -> tuple[records.Nic, records.Nic]:
    """Return one NIC of each: in the first network they share, else the first of each. Raises :class:`RequestError` where one has none."""
    mine = rx.all(records.Nic, order="position", vm=here.id)
    its = rx.all(records.Nic, order="position", vm=there.id)
    pairs = [(a, b) for a in mine for b in its]
    if not pairs:
        raise RequestError("A machine without a NIC sends and receives nothing")
    return next(((a, b) for a, b in pairs if a.network == b.network), pairs[0])
