"""Lists: paging, filters, and the one way a list command answers. Rules: BaseListCmd.java; facts of clients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from vxloom.errors import RequestError
from vxloom.server.parameters import Arguments
from vxloom.server.responses import Fields, many
from vxloom.store import Fold, Keyword, ReadTransaction, Tagged

Row = TypeVar("Row")
_TAGS = 100
"""Most tags a list is filtered by: databases bound how long a condition may be."""
Where: TypeAlias = dict[str, object]
"""Conditions: column → value, as the store takes them."""


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list is wanted; ``limit`` None: all of it."""

    offset: int = 0
    limit: int | None = None


def window(given: Arguments, largest: int) -> Window:
    """Return the page asked for; raises :class:`RequestError` 431 where page and pagesize do not fit together.

    ``largest`` is the setting ``default.page.size``: the greatest page, and the answer's size when none was asked for.
    """
    page, size = given.number("page"), given.number("pagesize")
    if page is None and size == -1:
        return Window()
    if page is None and size is None:
        return Window(0, largest)
    if page is None or size is None:
        raise RequestError("pageSize and page must be specified together", remedy="give page=1 too, or pagesize=-1 alone for everything")
    if page < 1 or size < 1:
        raise RequestError(f"page {page} and pagesize {size} must be 1 or more")
    if size > largest:
        raise RequestError(f"pagesize {size} is larger than {largest}", remedy="the setting default.page.size is the most")
    return Window((page - 1) * size, size)


def listed(
    rx: ReadTransaction,
    given: Arguments,
    kind: type[Row],
    name: str,
    view: Callable[[Sequence[Row]], Sequence[Fields]],
    where: Where,
    *,
    order: str | None = None,
) -> Fields:
    """Return the answer of a list command: the rows of one kind that fit ``where``, one page of them, as clients see them."""
    part = window(given, rx.setting_int("default.page.size"))
    rows = select(rx, kind, where, order=order, part=part)
    whole = part.limit is None or (part.offset == 0 and len(rows) < part.limit)
    return many(name, view(rows), len(rows) if whole else rx.count(kind, **where))


def select(rx: ReadTransaction, kind: type[Row], where: Where, *, order: str | None = None, part: Window | None = None) -> list[Row]:
    """Return the rows that fit ``where``; ``part``: only those of a page."""
    part = part or Window()
    return rx.all(kind, order=order, limit=part.limit, offset=part.offset, **where)


def paged(rx: ReadTransaction, given: Arguments, name: str, items: Sequence[Fields]) -> Fields:
    """Return the answer of a list command whose items are not rows of one table."""
    part = window(given, rx.setting_int("default.page.size"))
    end = None if part.limit is None else part.offset + part.limit
    return many(name, items[part.offset : end], len(items))


def same(given: Arguments, **columns: str) -> Where:
    """Return equality filters: parameter → column, for those given."""
    return {column: value for parameter, column in columns.items() if (value := given.filled(parameter)) is not None}


def alike(given: Arguments, **columns: str) -> Where:
    """Return filters that ignore case (names, states, enumerations): parameter → column, for those given."""
    return {column: Fold(value) for parameter, column in columns.items() if (value := given.filled(parameter)) is not None}


def keyword(given: Arguments, *columns: str) -> Where:
    """Return the filter of ``keyword``: part of one of the columns, in any case."""
    value = given.filled("keyword")
    return {} if value is None else {"keyword": Keyword(value, *columns)}


def tagged(given: Arguments) -> Where:
    """Return the filter of ``tags``: one of these tags (as the real server joins them); raises 431 for an entry without key or value."""
    rows = [{name.lower(): value for name, value in row.items()} for row in given.rows("tags")]
    if len(rows) > _TAGS:
        raise RequestError(f"{len(rows)} tags in one request", remedy=f"give at most {_TAGS}")
    if any("key" not in row or "value" not in row for row in rows):
        raise RequestError("Each of tags needs a key and a value", remedy="write tags[0].key=KEY&tags[0].value=VALUE")
    return {"tagged": Tagged(tuple((row["key"], row["value"]) for row in rows))} if rows else {}
