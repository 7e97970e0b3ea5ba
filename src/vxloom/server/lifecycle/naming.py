"""Objects that a person names by id or by name."""

from __future__ import annotations

from typing import TypeVar

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.parameters import Arguments
from vxloom.store import Fold, ReadTransaction

Row = TypeVar("Row")


def called(rx: ReadTransaction, kind: type[Row], text: str, parameter: str) -> Row:
    """Return the row that has this id or this name (in any case); raises :class:`RequestError` 431 for none or several."""
    wanted = text.strip()
    found = rx.all(kind, id=wanted) or rx.all(kind, name=Fold(wanted), limit=2)
    if len(found) > 1:
        raise RequestError(f"Several objects are called {wanted[:80]}", remedy=f"give the id in {parameter}")
    return found[0] if found else owners.fetch(rx, kind, wanted, parameter)


def named(rx: ReadTransaction, kind: type[Row], given: Arguments, id_parameter: str, name_parameter: str) -> Row:
    """Return the row of an id or of a name (in any case); raises :class:`RequestError` 431 for none, several, or neither given."""
    if wanted := given.filled(id_parameter):
        return owners.fetch(rx, kind, wanted, id_parameter)
    name = given.filled(name_parameter)
    if name is None:
        raise RequestError(f"Give {id_parameter} or {name_parameter}")
    found = rx.all(kind, name=Fold(name), limit=2)
    if len(found) != 1:
        what = "several objects" if found else "no object"
        raise RequestError(f"There is {what} with {name_parameter}={name[:80]}", remedy=f"give {id_parameter}")
    return found[0]
