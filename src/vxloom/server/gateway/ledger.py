"""What hosts tell, on its way to the store: folded per host, written in batches, by one thread at a time.

Beats never come here. What cannot be written stays folded and is tried again; it grows with the number of hosts, not with time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

from vxloom.model.wire import Ack
from vxloom.server.gateway.admission import ACTOR, HOST_ALERT
from vxloom.server.gateway.timing import Timing
from vxloom.server.health import CODES, Condition
from vxloom.server.waiting import SILENT
from vxloom.store import Acknowledgement, Store, Transaction, records

_log = logging.getLogger(__name__)
DISCONNECTED, HOLDING, FINDING, TWICE = "host.disconnected", "host.holding", "host.finding", "host.twice"
EVENT = "HOST.HEALTH"


@dataclass(slots=True)
class _Batch:
    acks: dict[str, list[Acknowledgement]] = field(default_factory=dict)
    states: dict[str, records.HostState] = field(default_factory=dict)
    alerts: dict[tuple[str, str], str] = field(default_factory=dict)
    """(code, host) → text; empty: resolved."""
    conditions: dict[str, Condition] = field(default_factory=dict)
    """Host → all that is wrong with its hardware."""
    claims: dict[tuple[str, str, str], None] = field(default_factory=dict)
    """(host, NIC, address), in the order they came: the last word wins."""

    def __bool__(self) -> bool:
        return bool(self.acks or self.states or self.alerts or self.conditions or self.claims)


class Ledger:
    """Collects in the loop, writes in a thread (``in_thread``). ``written`` is told the jobs whose waits were satisfied."""

    def __init__(
        self,
        store: Store,
        in_thread: Callable[[Callable[[], tuple[str, ...]]], Awaitable[tuple[str, ...]]],
        written: Callable[[tuple[str, ...]], None],
        timing: Timing,
    ) -> None:
        self._store = store
        self._in_thread = in_thread
        self._written = written
        self._timing = timing
        self._batch = _Batch()
        self._alerts: dict[tuple[str, str], str] = {}
        self._conditions: dict[str, Condition] = {}
        self._called = asyncio.Event()
        self._reaped = 0.0

    def acknowledged(self, host: str, ack: Ack) -> None:
        """Fold an acknowledgement into what is known of the host and not yet written."""
        _fold(self._batch.acks.setdefault(host, []), Acknowledgement(host, ack.document, ack.segments, ack.absent, ack.absent_ports))
        self._called.set()

    def state(self, host: str, state: records.HostState) -> None:
        """Note a host's state (Disconnected, with its alert; or Up again)."""
        self._batch.states[host] = state
        self._called.set()

    def alert(self, code: str, host: str, text: str) -> None:
        """Raise an alert once, or resolve it (empty text). The first word about a host is always written: an older one may be open."""
        if self._alerts.get((code, host)) == text:
            return
        self._alerts[code, host] = text
        self._batch.alerts[code, host] = text
        self._called.set()

    def condition(self, host: str, condition: Condition) -> None:
        """Raise what is wrong with a host's hardware, once, and resolve what is not wrong any more. The first word is always written."""
        if self._conditions.get(host) == condition:
            return
        self._conditions[host] = condition
        self._batch.conditions[host] = condition
        self._called.set()

    def forget(self, host: str) -> None:
        """Drop what is remembered of a host that is gone; its open alerts stay until it speaks again."""
        self._conditions.pop(host, None)
        for code in (HOLDING, FINDING):
            self._alerts.pop((code, host), None)

    def claimed(self, host: str, nic: str, address: str) -> None:
        """Note that a NIC of this host announced a shared address. The latest claim of an address comes last."""
        self._batch.claims.pop((host, nic, address), None)
        self._batch.claims[host, nic, address] = None
        self._called.set()

    async def run(self) -> None:
        """Write what has come in, for ever."""
        while True:
            await self._wait()
            batch, self._batch = self._batch, _Batch()
            try:
                jobs = await self._in_thread(lambda batch=batch: self._write(batch))  # type: ignore[misc]  # mypy cannot see a lambda's default
            except Exception:  # noqa: BLE001 - a locked or broken database must not end the streams
                _log.exception("what hosts acknowledged cannot be written; trying again in %g s", self._timing.again)
                self._give_back(batch)
                await asyncio.sleep(self._timing.again)
                continue
            if jobs:
                self._written(jobs)

    async def _wait(self) -> None:
        """Return when there is something to write, or when drained allocations may be returned to their pools."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timing.reap):
                await self._called.wait()
        self._called.clear()

    def _give_back(self, batch: _Batch) -> None:
        for host, newer in self._batch.acks.items():
            for ack in newer:
                _fold(batch.acks.setdefault(host, []), ack)
        batch.states |= self._batch.states
        batch.alerts |= self._batch.alerts
        batch.conditions |= self._batch.conditions
        batch.claims |= self._batch.claims
        self._batch = batch
        self._called.set()

    def _write(self, batch: _Batch) -> tuple[str, ...]:
        jobs: tuple[str, ...] = ()
        if batch.acks:
            jobs = self._store.acknowledge(*(ack for acks in batch.acks.values() for ack in acks))
            self._not_silent(batch.acks.keys())
        if batch.states or batch.alerts or batch.conditions or batch.claims:
            self._write_rest(batch)
        if time.monotonic() - self._reaped >= self._timing.reap:
            self._reaped = time.monotonic()
            self._store.reap()
        return jobs

    def _not_silent(self, hosts: Collection[str]) -> None:
        """Resolve what jobs said of hosts that did not acknowledge in time: they do now."""
        with self._store.read() as rx:
            over = {alert.subject for alert in rx.all(records.Alert, name=SILENT, resolved=None)} & set(hosts)
        if over:
            with self._store.write(ACTOR) as tx:
                for host in over:
                    tx.resolve_alert(SILENT, host)

    def _write_rest(self, batch: _Batch) -> None:
        """Write states, alerts and claims; a read decides first whether there is anything to write."""
        told = batch.alerts | {
            (code, host): condition[code][0] if code in condition else "" for host, condition in batch.conditions.items() for code in CODES
        }
        hosts = sorted({*batch.states, *(host for _, host in told)})
        with self._store.read() as rx:
            rows = {host.id: host for host in rx.all(records.Host, id=hosts)} if hosts else {}
            opened = {(a.name, a.subject): a.description for a in rx.all(records.Alert, subject=hosts, resolved=None)} if hosts else {}
        states = {host: state for host, state in batch.states.items() if host in rows and rows[host].state != state}
        texts = {key: f"host {rows[key[1]].name}: {text}" for key, text in told.items() if text and key[1] in rows}
        raised = {key: text for key, text in texts.items() if opened.get(key) != text}
        resolved = [key for key, text in told.items() if not text and key in opened]
        if not (states or raised or resolved or batch.claims):
            return
        with self._store.write(ACTOR) as tx:
            for host, state in states.items():
                if tx.get(records.Host, host) is not None:
                    tx.update(records.Host, host, state=state, disconnected=None if state is records.HostState.UP else time.time())
            for (code, host), text in raised.items():
                tx.alert(code, host, text, type=HOST_ALERT)
                if code in CODES:
                    _audit(tx, host, text, "ERROR" if batch.conditions[host][code][1] else "WARN")
            for code, host in resolved:
                tx.resolve_alert(code, host)
                if code in CODES:
                    _audit(tx, host, f"cured: {opened[code, host]}", "INFO")
            for host, nic, address in batch.claims:
                if tx.one(records.Binding, nic=nic, host=host) is not None:  # a host speaks for its own ports only
                    tx.claim(nic, address)


def _audit(tx: Transaction, host: str, text: str, level: str) -> None:
    tx.event(EVENT, text, level=level, resource_type="Host", resource=host)


def _fold(acks: list[Acknowledgement], newer: Acknowledgement) -> None:
    """Add an acknowledgement, as part of the last one where that says the same.

    Absence is told of one document: said under a newer one it would also cover what that one withdrew and still stands.
    """
    older = acks[-1] if acks else None
    if older is None or (older.document != newer.document and (older.absent or older.absent_ports)):
        acks.append(newer)
        return
    segments = dict(older.segments)
    for vni, revision in newer.segments.items():
        segments[vni] = max(revision, segments.get(vni, 0))
    acks[-1] = Acknowledgement(
        newer.host,
        max(older.document, newer.document),
        segments,
        tuple(sorted({*older.absent, *newer.absent})),
        tuple(sorted({*older.absent_ports, *newer.absent_ports})),
    )
