"""The first free number of an interval, found among the rows that are taken: cost follows the run of taken numbers, never the interval."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

Interval = tuple[int, int]
"""Both ends included."""

_TRIES = 32
"""At nine tenths taken, all fail in one pick of thirty."""


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

    def holding(self, connection: sa.Connection, values: Collection[int]) -> set[int]:
        """Return those of some numbers that are taken."""
        column = self.table.c[self.column]
        return set(connection.execute(sa.select(column).where(*self._where(self.table), column.in_(sorted(values)))).scalars())

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


def subtract(intervals: Sequence[Interval], holes: Sequence[Interval]) -> list[Interval]:
    """Return disjoint intervals, ascending, without the numbers of some holes."""
    left: list[Interval] = []
    for start, end in sorted(intervals):
        low = start
        for first, last in sorted(holes):
            if last < low or first > end:
                continue
            if first > low:
                left.append((low, first - 1))
            low = last + 1
        if low <= end:
            left.append((low, end))
    return left


def random_free(connection: sa.Connection, taken: Taken, intervals: Sequence[Interval]) -> int | None:
    """Return a free number of some disjoint intervals, at random; None: all are taken.

    Some numbers are tried at once; in a pool so full that all of them are taken, the first gap after a random place is. The gap alone
    would do, but its picks grow clusters, and a search through a cluster costs its length (linear probing).
    """
    total = sum(high - low + 1 for low, high in intervals)
    if not total:
        return None
    ordered = sorted(intervals)
    tries = [_number(ordered, secrets.randbelow(total)) for _ in range(_TRIES)]
    held = taken.holding(connection, tries)
    for one in tries:
        if one not in held:
            return one
    place = tries[0]
    at = next(index for index, (low, high) in enumerate(ordered) if low <= place <= high)
    low, high = ordered[at]
    around = [(place, high), *ordered[at + 1 :], *ordered[:at], (low, place - 1)]
    return next((found for one in around if (found := taken.first_gap(connection, one)) is not None), None)


def _number(intervals: Sequence[Interval], place: int) -> int:
    """Return the number at a place (0 is the first) of ascending intervals."""
    for low, high in intervals:
        if place <= high - low:
            return low + place
        place -= high - low + 1
    raise IndexError(place)


def next_free(connection: sa.Connection, taken: Taken, intervals: Sequence[Interval]) -> int | None:
    """Return the number after the highest taken one, else the lowest gap of some ascending disjoint intervals. None: all taken."""
    for low, high in intervals:
        last = taken.last(connection, (low, high))
        if last is None or last < high:
            return low if last is None else last + 1
    return next((found for one in intervals if (found := taken.first_gap(connection, one)) is not None), None)
