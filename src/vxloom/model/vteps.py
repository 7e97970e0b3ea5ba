"""A set of VTEP addresses in columns: what an allow-list holds, ten thousand as easily as ten."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from vxloom.model.addresses import IpPair, pack_ip, unpack_ip
from vxloom.model.rows import FLOOD, Rows, difference, empty, table, union, within

SHOWN = 3
"""Addresses told in words; the rest is counted."""


@dataclass(frozen=True, slots=True, eq=False)
class Vteps:
    """A set; never changed in place."""

    rows: Rows = field(default_factory=lambda: empty(FLOOD))
    """Canonical."""

    @classmethod
    def of(cls, addresses: Iterable[str]) -> Vteps:
        """Return the set of some addresses, IPv4 or IPv6."""
        return cls(table(FLOOD, map(pack_ip, addresses)))

    def addresses(self) -> list[str]:
        """Return them as text, IPv4 first."""
        return [str(unpack_ip(high, low)) for high, low in self.rows.tolist()]

    def __contains__(self, pair: IpPair) -> bool:
        """Tell whether an address is in it."""
        return bool(within(table(FLOOD, [pair]), self.rows, ("hi", "lo"))[0])

    def __len__(self) -> int:
        """Return how many."""
        return len(self.rows)

    def __eq__(self, other: object) -> bool:
        """Compare bytes: the same addresses."""
        if not isinstance(other, Vteps):
            return NotImplemented
        return len(self.rows) == len(other.rows) and np.array_equal(self.rows.view("u1"), other.rows.view("u1"))

    def __hash__(self) -> int:
        """Return the same number for the same addresses."""
        return hash(self.rows.tobytes())

    def __sub__(self, other: Vteps) -> Vteps:
        """Return those that are not in the other."""
        if not len(other):
            return self
        first, last = _same_ends(self.rows, other.rows)
        return Vteps(difference(self.rows[first : len(self) - last], other.rows[first : len(other) - last]))

    def __or__(self, other: Vteps) -> Vteps:
        """Return those of both."""
        first, last = _same_ends(self.rows, other.rows)
        between = union(self.rows[first : len(self) - last], other.rows[first : len(other) - last])
        return Vteps(np.concatenate([self.rows[:first], between, self.rows[len(self) - last :]]))

    def __str__(self) -> str:
        """Name a few and count the rest."""
        more = len(self) - SHOWN
        return ", ".join(Vteps(self.rows[:SHOWN]).addresses()) + (f" and {more:,} more" if more > 0 else "")


def _same_ends(left: Rows, right: Rows) -> tuple[int, int]:
    """Return how many rows agree at the beginning, and how many of the rest at the end: of two long lists mostly all but a few."""
    short = min(len(left), len(right))
    first = _same(left[:short], right[:short])
    return first, _same(left[::-1][: short - first], right[::-1][: short - first])


def _same(left: Rows, right: Rows) -> int:
    differ = (left["lo"] != right["lo"]) | (left["hi"] != right["hi"])
    return int(differ.argmax()) if differ.any() else len(left)
