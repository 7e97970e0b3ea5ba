"""The first free number of an interval, found among the rows that are taken: cost follows the run of taken numbers, never the interval."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

Interval = tuple[int, int]
"""Both ends included."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A table column whose values are taken, within a scope (a zone, a network)."""

    table: sa.Table
    column: str
    scope: dict[str, Any]

    def _where(self, table: sa.FromClause) -> list[sa.ColumnElement[bool]]:
        return [table.c[name] == value for name, value in self.scope.items()]

    def holds(self, connection: sa.Connection, value: int) -> bool:
        """Tell whether a number is taken."""
        query = sa.select(sa.literal(1)).where(*self._where(self.table), self.table.c[self.column] == value).limit(1)
        return connection.execute(query).first() is not None

    def last(self, connection: sa.Connection, interval: Interval) -> int | None:
        """Return the highest taken number within an interval."""
        column = self.table.c[self.column]
        query = sa.select(column).where(*self._where(self.table), column.between(*interval)).order_by(column.desc()).limit(1)
        found = connection.execute(query).scalar()
        return None if found is None else int(found)

    def first_gap(self, connection: sa.Connection, interval: Interval) -> int | None:
        """Return the lowest free number of an interval, or None."""
        low, high = interval
        if low > high:
            return None
        if not self.holds(connection, low):
            return low
        here, after = self.table.alias("here"), self.table.alias("after")
        number = here.c[self.column]
        followed = sa.exists().where(*self._where(after), after.c[self.column] == number + 1)
        query = sa.select(number + 1).where(*self._where(here), number >= low, number < high, ~followed).order_by(number).limit(1)
        found = connection.execute(query).scalar()
        return None if found is None else int(found)


def random_free(connection: sa.Connection, taken: Taken, intervals: Sequence[Interval]) -> int | None:
    """Return a free number of some disjoint intervals: a random place, then the first gap from there, round about. None: all taken."""
    total = sum(high - low + 1 for low, high in intervals)
    if not total:
        return None
    ordered = sorted(intervals)
    place = secrets.randbelow(total)
    index = 0
    while place > ordered[index][1] - ordered[index][0]:
        place -= ordered[index][1] - ordered[index][0] + 1
        index += 1
    low, high = ordered[index]
    around = [(low + place, high), *ordered[index + 1 :], *ordered[:index], (low, low + place - 1)]
    return next((found for one in around if (found := taken.first_gap(connection, one)) is not None), None)


def next_free(connection: sa.Connection, taken: Taken, intervals: Sequence[Interval]) -> int | None:
    """Return the number after the highest taken one, else the lowest gap of some ascending disjoint intervals. None: all taken."""
    for low, high in intervals:
        last = taken.last(connection, (low, high))
        if last is None or last < high:
            return low if last is None else last + 1
    return next((found for one in intervals if (found := taken.first_gap(connection, one)) is not None), None)
