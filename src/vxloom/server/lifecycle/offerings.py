"""What machines are made of and may still be chosen: service offerings and templates."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.parameters import unknown_id
from vxloom.store import ReadTransaction, records


def size(rx: ReadTransaction, given: str, parameter: str = "serviceofferingid") -> records.ServiceOffering:
    """Return a service offering by id; raises :class:`RequestError` 431 for none, and for a deleted one."""
    row = rx.get(records.ServiceOffering, given)
    if row is None or row.removed is not None:
        raise unknown_id(parameter, given)
    return row


def template(call: Call, rx: ReadTransaction, given: str, parameter: str = "templateid") -> records.Template:
    """Return a template the caller may use: a public one, or one it reaches; raises 431 for any other, and for a deleted one."""
    row = rx.get(records.Template, given)
    if row is None or row.removed is not None or not (row.is_public or owners.reaches(rx, call.caller, row.account)):
        raise unknown_id(parameter, given)
    return row


def own_template(call: Call, rx: ReadTransaction, given: str, parameter: str = "id") -> records.Template:
    """Return a template the caller may change; raises 431 as :func:`template`: a public one of another's cannot be changed."""
    row = template(call, rx, given, parameter)
    if not owners.reaches(rx, call.caller, row.account):
        raise unknown_id(parameter, given)
    return row
