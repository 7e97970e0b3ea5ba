"""The server's own looks at its hosts: each once in ``vxloom.doctor.interval`` seconds, a few at a time, all through the interval.

A thread of its own: it asks, which waits for hosts, and writes only when an alert comes or goes. A round that takes longer than the
interval is followed by the next; hosts are never asked oftener, nor more of them at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from vxloom.doctor.evidence import HostAnswer
from vxloom.server.diagnosis.asking import Told, ask_hosts, differing
from vxloom.server.diagnosis.keeping import keep
from vxloom.server.diagnosis.planning import real
from vxloom.server.diagnosis.turning import Turning
from vxloom.server.fleet import Fleet
from vxloom.store import Store, records

_AT_ONCE = 8
_IDLE = 1.0
"""Seconds between questions whether somebody is due: the setting may have changed."""
_AGAIN = 5.0
"""Seconds until a host that did not answer is asked again."""


class Rounds(Turning):
    """Examines the fleet. What it remembers is when who is due, and the last answers for looks at all hosts together."""

    def __init__(self, store: Store, fleet: Fleet, *, idle: float = _IDLE, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__("doctor", idle)
        self._store = store
        self._fleet = fleet
        self._clock = clock
        self._due: dict[str, float] = {}
        self._answers: dict[str, HostAnswer] = {}
        self._silent: set[str] = set()
        """Hosts that did not answer the last time."""
        self._survey_at: float | None = None

    def turn(self) -> bool:
        """Examine some of the hosts that are due; return whether more are."""
        with self._store.read() as rx:
            interval = rx.setting_float("vxloom.doctor.interval")
        if interval <= 0:
            self._due.clear()
            self._survey_at = None
            return False
        now = self._clock()
        due = self._who(interval, now)
        if due:
            self._due |= dict.fromkeys(due[:_AT_ONCE], now + interval)
            self._examine(due[:_AT_ONCE], now)
        if self._survey_at is None:
            self._survey_at = now + interval
        elif now >= self._survey_at and not self._ended.is_set():
            self._survey_at = now + interval
            self._survey()
        return len(due) > _AT_ONCE

    def _who(self, interval: float, now: float) -> list[str]:
        """Return the hosts that are due, the longest overdue first. Who comes is given a time of its own in the half interval ahead."""
        live = self._fleet.live()
        self._due = {host: min(due, now + interval) for host, due in self._due.items() if host in live}
        for host in sorted(live - self._due.keys()):
            self._due[host] = now + interval * (0.5 + 0.5 * _share(host))
        return sorted((host for host, due in self._due.items() if due <= now), key=self._due.__getitem__)

    def _examine(self, ids: Sequence[str], now: float) -> None:
        with self._store.read() as rx:
            hosts = real(rx.all(records.Host, id=list(ids)))
        if not hosts:
            return
        told = ask_hosts(self._fleet, hosts, at_once=_AT_ONCE)
        if self._ended.is_set():
            return  # a stream that ends because we do is no finding
        for host, answer in told.answers.items():
            if answer.silence and host not in self._silent:  # a stream may break at any moment: asked again before it counts
                self._due[host] = now + _AGAIN
                self._silent.add(host)
                continue
            self._answers[host] = answer
            if not answer.silence:
                self._silent.discard(host)
        keep(self._store, told)

    def _survey(self) -> None:
        """Look at all hosts together, by what each answered last. A zone in which one has a stream and was not asked yet waits."""
        with self._store.read() as rx:
            every = rx.all(records.Host)
        live = self._fleet.live()
        hosts = tuple(real(every))
        self._answers = {host.id: self._answers[host.id] for host in hosts if host.id in live and host.id in self._answers}
        self._silent &= live
        answers = {host.id: self._answers.get(host.id, HostAnswer(host.name, connected=False, vtep=host.vtep)) for host in hosts}
        unasked = {host.zone for host in hosts if host.id in live and host.id not in self._answers}
        if doubted := differing(Told(hosts, answers, {})):  # what they said is as old as the interval
            fresh = ask_hosts(self._fleet, [host for host in hosts if host.id in doubted], at_once=_AT_ONCE).answers
            answers |= {host: answer for host, answer in fresh.items() if not answer.silence}
        keep(self._store, Told(hosts, answers, {}), whole={host.zone for host in hosts} - unasked, known=[host.id for host in every])


def _share(host: str) -> float:
    """Return a number from 0 to 1 that is a host's own: ids are random."""
    return int(host.replace("-", "")[:8], 16) / 0xFFFF_FFFF
