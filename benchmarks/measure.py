"""Taking times: interleaved pairs, medians, percentiles, progress. A single run tells little: neighbours share the machine."""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType

from benchmarks.rows import Bound, Row, row

Work = Callable[[], object]
_STARTS = frozenset({"subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"})
"""Audit events of Python's ways to start a process."""


def timed(work: Work) -> float:
    """Return the seconds that ``work`` took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


class Alone:
    """Where no process may be started: who tries inside gets a ``RuntimeError``. For a process of one case only: the hook stays in it."""

    def __init__(self) -> None:
        self._watching = False
        sys.addaudithook(self._refuse)

    def _refuse(self, event: str, _words: tuple[object, ...]) -> None:
        if self._watching and event in _STARTS:
            raise RuntimeError(f"{event}: a process is started where none may be")

    def __enter__(self) -> None:
        self._watching = True

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._watching = False


@dataclass(frozen=True)
class Pairs:
    """Seconds of our run and the peer's, pair by pair."""

    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    def rates(self, name: str, unit: str, count: float, peer: str, bound: Bound | None) -> Row:
        """Return a row of rates: ``count`` things per run. The ratio is above 1 where we are faster."""
        ratio = statistics.median(theirs / ours for ours, theirs in zip(self.ours, self.theirs, strict=True))
        ours, theirs = statistics.median(self.ours), statistics.median(self.theirs)
        return row(name, unit, count / ours, peer=peer, peer_value=count / theirs, ratio=ratio, bound=bound)

    def times(self, name: str, unit: str, factor: float, peer: str, bound: Bound | None) -> Row:
        """Return a row of times, ``factor`` units to the second. The ratio is below 1 where we are faster."""
        ratio = statistics.median(ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True))
        ours, theirs = statistics.median(self.ours), statistics.median(self.theirs)
        return row(name, unit, ours * factor, peer=peer, peer_value=theirs * factor, ratio=ratio, bound=bound)


class Bench:
    """What a case is given: how much to do, what is wanted of it, and where to say how far it is."""

    def __init__(self, *, quick: bool, wanted: frozenset[str], say: Callable[[str], None]) -> None:
        """``wanted``: names of rows; the case may leave out the work that only others need."""
        self.quick = quick
        self._wanted = wanted
        self._say = say

    def size(self, full: int, quick: int) -> int:
        """Return how much to do."""
        return quick if self.quick else full

    def wants(self, *names: str) -> bool:
        """Tell whether any of these rows is asked for."""
        return not self._wanted.isdisjoint(names)

    def say(self, text: str) -> None:
        """Tell how far it is."""
        self._say(text)

    def pairs(self, count: int, ours: Work, theirs: Work, between: Work = lambda: None) -> Pairs:
        """Time both, interleaved, each first in every second pair.

        ``between`` runs, untimed, after every run: it undoes what the run made, or makes what the next undoes.
        """
        mine: list[float] = []
        peers: list[float] = []
        for pair in range(count):
            order = ((ours, mine), (theirs, peers)) if pair % 2 == 0 else ((theirs, peers), (ours, mine))
            for work, seconds in order:
                seconds.append(timed(work))
                between()
            self.say(f"pair {pair + 1}/{count}: {mine[-1]:.3f} s, peer {peers[-1]:.3f} s")
        return Pairs(tuple(mine), tuple(peers))


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest of the values that at least ``percent`` of them do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
