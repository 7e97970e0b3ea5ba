"""Counters become rates: what was counted in the last minute, per second. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from itertools import pairwise

WINDOW = 60.0
_Sample = tuple[float, Mapping[str, int]]


class Rates:
    """A window over counters. A counter that goes back (a card was reset, or is another one) begins anew."""

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque()

    def add(self, now: float, totals: Mapping[str, int]) -> None:
        """Take one look, at a time in seconds that only goes forward."""
        self._samples.append((now, totals))
        while len(self._samples) > 2 and now - self._samples[1][0] >= WINDOW:
            self._samples.popleft()

    def of(self, name: str) -> float:
        """Return a counter's rate, rounded to two digits so that it is not news each time; 0 before the second look."""
        counted = seconds = 0.0
        for (before, old), (after, new) in pairwise(list(self._samples)):
            if name in old and name in new:
                counted += max(0, new[name] - old[name])
                seconds += after - before
        return float(f"{counted / seconds:.2g}") if seconds > 0 else 0.0
