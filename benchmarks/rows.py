"""A row of figures: ours, the peer's, the ratio, the bound and whether it holds. And the forms in which rows are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec


class Bound(msgspec.Struct, frozen=True):
    """A promise: the ratio, or the value itself, is at least or at most ``limit``."""

    of: Literal["ratio", "value"]
    relation: Literal[">=", "<="]
    limit: float

    def holds(self, value: float, ratio: float | None) -> bool:
        """Tell whether the promise is kept. A ratio that could not be taken keeps no promise."""
        measured = value if self.of == "value" else ratio
        if measured is None:
            return False
        return measured >= self.limit if self.relation == ">=" else measured <= self.limit

    def __str__(self) -> str:
        """``ratio >= 3``."""
        return f"{self.of} {self.relation} {self.limit:g}"


class Row(msgspec.Struct, frozen=True):
    """One line of the table, and one object of ``build/bench.json``. Made by :func:`row`."""

    name: str
    unit: str
    value: float
    peer: str | None
    peer_value: float | None
    ratio: float | None
    """Ours to the peer's: the median over pairs of runs, so not always ``value / peer_value``."""
    bound: str | None
    holds: bool | None
    """None: nothing was promised."""


def row(
    name: str,
    unit: str,
    value: float,
    *,
    peer: str | None = None,
    peer_value: float | None = None,
    ratio: float | None = None,
    bound: Bound | None = None,
) -> Row:
    """Return a row; without ``ratio`` it is ``value / peer_value`` where there is a peer."""
    if ratio is None and peer_value:
        ratio = value / peer_value
    held = None if bound is None else bound.holds(value, ratio)
    return Row(name, unit, value, peer, peer_value, ratio, None if bound is None else str(bound), held)


HEADINGS = ("name", "value", "unit", "peer's", "ratio", "bound", "holds", "peer")


def cells(each: Row) -> tuple[str, ...]:
    """Return a row's texts, one per heading."""
    return (
        each.name,
        number(each.value),
        each.unit,
        "" if each.peer_value is None else number(each.peer_value),
        "" if each.ratio is None else f"{each.ratio:.2f}",
        each.bound or "",
        {None: "", True: "yes", False: "NO"}[each.holds],
        each.peer or "",
    )


def number(value: float) -> str:
    """Return three significant digits or all of the integer part: 12,345 · 4.56 · 0.00123."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def as_tabs(rows: Sequence[Row]) -> str:
    """Return a table for a pipe: one line per row, cells separated by tabs, headings first."""
    return "".join("\t".join(line) + "\n" for line in (HEADINGS, *map(cells, rows)))


def as_json(rows: Sequence[Row]) -> bytes:
    """Return the list of rows as JSON, one row per line."""
    return b"[\n" + b",\n".join(map(msgspec.json.encode, rows)) + b"\n]\n" if rows else b"[]\n"


def exit_code(rows: Sequence[Row], failed: Sequence[str]) -> int:
    """Return 0 if every promise is kept and every case came to its end, 1 if not."""
    return int(bool(failed) or any(each.holds is False for each in rows))
