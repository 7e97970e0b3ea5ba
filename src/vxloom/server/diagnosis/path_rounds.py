"""The server's own measurements of paths: a new sample every ``vxloom.path.interval`` seconds, two hosts at a time.

What was found to be wrong is in every sample, so that its alert ends when it is cured. A round that takes longer than the interval is
followed by the next.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from itertools import islice

import structlog

from vxloom.server.diagnosis.asking import ask_paths
from vxloom.server.diagnosis.keeping import keep
from vxloom.server.diagnosis.planning import PathPlan, plan_paths
from vxloom.server.diagnosis.sample import Sample
from vxloom.server.diagnosis.turning import Turning
from vxloom.server.fleet import Fleet
from vxloom.store import Store, records

_log = structlog.get_logger(__name__)
_AT_ONCE = 2


class PathRounds(Turning):
    """Measures."""

    def __init__(self, store: Store, fleet: Fleet, *, idle: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__("paths", idle)
        self._store = store
        self._fleet = fleet
        self._clock = clock
        self._since = clock()
        self._left: Iterator[str] = iter(())
        """Who has still to send in this round."""
        self._plan: PathPlan | None = None

    def turn(self) -> bool:
        """Have two hosts measure, or begin a round if it is time; return whether there is more to do."""
        with self._store.read() as rx:
            interval = rx.setting_float("vxloom.path.interval")
        if interval <= 0:
            self._plan, self._since = None, self._clock()
            return False
        if self._plan is None:
            if self._clock() < self._since + interval:
                return False
            self._since = self._clock()
            self._begin()
        return self._measure()

    def _begin(self) -> None:
        with self._store.read() as rx:
            hosts = rx.all(records.Host)
        self._plan = plan_paths(self._store, self._fleet, hosts, seed=secrets.randbelow(1 << 31))
        self._left = iter(self._plan.sample.directions)
        sample = self._plan.sample
        _log.info("measuring paths", directions=sample.count, total=sample.total, seed=sample.seed)

    def _measure(self) -> bool:
        senders = list(islice(self._left, _AT_ONCE))
        if self._plan is None or not senders:
            self._plan = None
            return False
        part = Sample({host: self._plan.sample.directions[host] for host in senders})
        hosts = [host for host in self._plan.hosts if host.id in part.ends]
        told = ask_paths(self._fleet, hosts, part, self._plan.rate, at_once=_AT_ONCE)
        if not self._ended.is_set():
            keep(self._store, told)
        return True
