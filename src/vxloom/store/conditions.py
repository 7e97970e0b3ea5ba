"""Conditions on rows, as SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from vxloom.store import records as r
from vxloom.store.schema import TABLES

CHUNK = 500
"""Values in one IN (…): far below every database's limit."""


@dataclass(frozen=True, slots=True)
class Fold:
    """Condition: equal, ignoring case."""

    text: str


@dataclass(frozen=True, slots=True)
class Contains:
    """Condition: holds this text, ignoring case."""

    text: str


@dataclass(frozen=True, slots=True)
class NoneOf:
    """Condition: none of these values."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tagged:
    """Condition on a row: it has one of these tags, each a key and a value. Give it as ``tagged=``."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Keyword:
    """Condition on several fields: one of them holds this text, ignoring case. Give it as ``keyword=``."""

    text: str
    fields: tuple[str, ...]

    def __init__(self, text: str, *fields: str) -> None:
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "fields", fields or ("name",))


class _Holds(sa.sql.functions.FunctionElement[bool]):
    """``column`` holds a text, ignoring case. SQLite's LIKE does so as it is: ``lower()`` around it trebles the cost of a long scan."""

    type = sa.Boolean()
    inherit_cache = True


@compiles(_Holds, "sqlite")
def _like(element: _Holds, compiler: SQLCompiler, **options: Any) -> str:
    column, pattern = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} LIKE {pattern} ESCAPE '/'"


@compiles(_Holds)
def _ilike(element: _Holds, compiler: SQLCompiler, **options: Any) -> str:
    return _like(element, compiler, **options).replace(" LIKE ", " ILIKE ", 1)


def _holds(column: sa.ColumnElement[Any], text: str) -> sa.ColumnElement[bool]:
    escaped = text.replace("/", "//").replace("%", "/%").replace("_", "/_")
    return _Holds(column, sa.literal(f"%{escaped}%"))


@dataclass(frozen=True, slots=True)
class Either:
    """Condition: all of one of several sets of conditions. Give it as ``either=``."""

    sets: tuple[dict[str, object], ...]

    def __init__(self, *sets: dict[str, object]) -> None:
        object.__setattr__(self, "sets", sets)


def chunks(values: Iterable[str], size: int = CHUNK) -> Iterator[list[str]]:
    """Yield the distinct values, sorted, in lists of at most ``size``."""
    ordered = sorted(set(values))
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def _condition(table: sa.Table, name: str, value: object) -> sa.ColumnElement[bool]:
    if isinstance(value, Keyword):
        return sa.or_(*(_holds(table.c[f], value.text) for f in value.fields))
    if isinstance(value, Either):
        return sa.or_(sa.false(), *(sa.and_(*(_condition(table, *one) for one in part.items())) for part in value.sets))
    if isinstance(value, Tagged):
        tags = TABLES[r.Tag]
        fitting = sa.or_(*(sa.and_(tags.c.key == key, tags.c.value == text) for key, text in value.pairs))
        column_of_id: sa.ColumnElement[Any] = table.c.id
        return column_of_id.in_(sa.select(tags.c.resource).where(fitting))
    column: sa.ColumnElement[Any] = table.c[name]
    if value is None:
        return column.is_(None)
    if isinstance(value, Fold):
        return sa.func.lower(column) == value.text.lower()
    if isinstance(value, Contains):
        return _holds(column, value.text)
    if isinstance(value, NoneOf):
        return sa.or_(column.is_(None), column.not_in(value.values))  # SQL's "not in" leaves out what is nothing
    if isinstance(value, (set, frozenset, list, tuple)):
        return column.in_(list(value))
    return column == value


def conditions(kind: type, where: dict[str, object]) -> list[sa.ColumnElement[bool]]:
    """Return SQL conditions; raises :class:`KeyError` for a field the record does not have."""
    table = TABLES[kind]
    return [_condition(table, name, value) for name, value in where.items()]
