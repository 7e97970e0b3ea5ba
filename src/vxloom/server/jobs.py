"""The jobs' runner: carries every pending job on as its hosts acknowledge, or ends its phase at the deadline.

All it knows is in the store; a restarted server goes on where the last one stopped. One thread; it sleeps until something is committed
or acknowledged.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import structlog

from vxloom.errors import RequestError, StateError, VxloomError
from vxloom.server import sessions
from vxloom.server.command import find
from vxloom.server.fleet import Fleet
from vxloom.server.lifecycle.collector import Collector, watch_pools
from vxloom.server.lifecycle.expunging import expunge_overdue
from vxloom.server.waiting import SILENT, Outcome, Step, children_of, fail, names
from vxloom.store import Store, Transaction, records

ACTOR = "jobs"
_LOOK_EVERY = 1.0
"""Seconds between questions whether it is time to look for idle networks: the setting may have changed."""
_SWEEP_EVERY = 60.0
_SWEPT = 500
"""Seconds between looks for old jobs, and how many go at a time."""
_log = structlog.get_logger(__name__)


class Runner:
    """Advances jobs. ``patience``: seconds after a start in which a host without a stream is still expected back."""

    def __init__(
        self,
        store: Store,
        fleet: Fleet,
        *,
        busy: float = 0.02,
        idle: float = 1.0,
        patience: float = 5.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._fleet = fleet
        self._busy = busy
        self._idle = idle
        self._clock = clock
        self._expect_until = clock() + patience
        self._collector = Collector(store)
        self._changed = threading.Event()
        self._expunged_at = float("-inf")
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Take over the jobs a stopped server left behind, then run."""
        self.take_over()
        self._unsubscribe = self._store.subscribe(lambda *_: self.wake())
        self._thread.start()

    def take_over(self) -> None:
        """Give the jobs a stopped server left behind their full time again: their hosts come back only now."""
        with self._store.write(ACTOR) as tx:
            until = self._clock() + tx.setting_float("vxloom.job.deadline")
            for job in tx.pending_jobs():
                if job.deadline is not None:
                    tx.update(records.Job, job.id, deadline=max(job.deadline, until))

    def stop(self) -> None:
        """End the thread; a job in the middle stays in the store as it is."""
        self._unsubscribe()
        self._stopping = True
        self.wake()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def wake(self) -> None:
        """Look at the jobs now. Any thread."""
        self._changed.set()

    def turn(self) -> int:
        """Carry on every job that can be; return how many are still pending."""
        with self._store.read() as rx:
            jobs = [(job, rx.waits(job.id)) for job in rx.pending_jobs()]
        live = self._fleet.live()
        pending = {job.id for job, _ in jobs}
        left = 0
        for job, waits in jobs:
            waits_for_jobs = not children_of(job).isdisjoint(pending)
            if waits_for_jobs or not self._ready(job, waits, live) or not self._advance(job, live):
                left += 1
        return left

    def _run(self) -> None:
        sweep_at = look_at = 0.0
        while not self._stopping:
            left = 0
            try:
                left = self.turn()
                if time.monotonic() >= sweep_at:
                    self.sweep()
                    sweep_at = time.monotonic() + _SWEEP_EVERY
                if time.monotonic() >= look_at:
                    self._collector.turn(self._clock())
                    look_at = time.monotonic() + _LOOK_EVERY
            except Exception:  # noqa: BLE001 - the thread must outlive a locked or full store: jobs end
                _log.exception("jobs could not be advanced; trying again")
            # Acknowledgements come many a second and take no revision, so a busy runner looks at short intervals.
            self._changed.wait(self._busy if left else self._idle)
            self._changed.clear()

    def _ready(self, job: records.Job, waits: list[records.JobWait], live: frozenset[str]) -> bool:
        waiting = [w for w in waits if not w.acked and (w.role is records.WaitRole.MUST or self._expected(w.host, live))]
        return not waiting or (job.deadline is not None and self._clock() >= job.deadline)

    def _expected(self, host: str, live: frozenset[str]) -> bool:
        return host in live or self._clock() < self._expect_until

    def _advance(self, seen: records.Job, live: frozenset[str]) -> bool:
        """Carry one job on; return False when the store could not be written."""
        try:
            with self._store.write(ACTOR) as tx:
                job = tx.get(records.Job, seen.id)
                if job is None or job.status is not records.JobStatus.PENDING or job.phase != seen.phase:
                    return True
                _carry_on(Step(tx, job, _outcome(tx, job, live), live, self._fleet.strained()))
        except StateError as error:  # the database is locked or full: nothing was written, so the job is as it was; try again
            _log.error("a job could not be advanced; trying again", job=seen.id, command=seen.command, error=str(error))
            return False
        except Exception as error:  # noqa: BLE001 - jobs end, whatever a command's next phase does
            self._fail(seen, error)
        _log.info("job advanced", job=seen.id, command=seen.command, phase=seen.phase)
        return True

    def _fail(self, job: records.Job, error: Exception) -> None:
        """End a job whose next phase could not be written; its intent stays as it is."""
        if isinstance(error, RequestError):
            code, text = error.code, str(error)
        elif isinstance(error, VxloomError):
            code, text = 530, str(error)
        else:
            _log.error("job failed", job=job.id, command=job.command, phase=job.phase, exc_info=error)
            code, text = 530, "Internal error, please contact your system administrator"
        with self._store.write(ACTOR) as tx:
            fail(tx, job, text, code=code)

    def sweep(self) -> None:
        """Forget jobs and remembered answers nobody may ask for any more (``vxloom.job.keep``, seconds), and sessions that are over;
        look at the pools of VNIs.
        """
        with self._store.read() as rx:
            before = self._clock() - rx.setting_int("vxloom.job.keep")
            ended = (records.JobStatus.DONE, records.JobStatus.FAILED)
            old = [job.id for job in rx.all(records.Job, order="completed", limit=_SWEPT, status=ended) if (job.completed or 0) < before]
            said = [row.id for row in rx.all(records.Answered, order="created", limit=_SWEPT) if row.created < before]
        if old or said:
            with self._store.write(ACTOR) as tx:
                tx.delete_where(records.Job, id=old)
                tx.delete_where(records.Answered, id=said)
        sessions.sweep(self._store, self._clock())
        watch_pools(self._store)
        self._expunge()

    def _expunge(self) -> None:
        """Expunge what was destroyed long enough ago, every ``expunge.interval`` seconds (but not oftener than sweeps come)."""
        with self._store.read() as rx:
            due = self._expunged_at + rx.setting_int("expunge.interval")
        if self._clock() >= due:
            self._expunged_at = self._clock()
            expunge_overdue(self._store, self._clock())


def _carry_on(step: Step) -> None:
    outcome = step.outcome
    if outcome.pending and _peers_count(step):
        outcome = replace(outcome, silent=tuple(sorted({*outcome.silent, *outcome.pending})))
    for wait in step.tx.waits(step.job.id):
        if wait.acked and wait.host not in outcome.quiet:
            step.tx.resolve_alert(SILENT, wait.host)
    for host in outcome.quiet:
        [name] = names(step.tx, [host])
        text = f"host {name} is connected but has not acknowledged job {step.job.id} ({step.job.command}) in time; see its agent's log"
        step.tx.alert(SILENT, host, text)
    find(step.job.command).advance(replace(step, outcome=outcome))


def _peers_count(step: Step) -> bool:
    """Tell whether a silent peer fails the job, in the zone of the hosts it waits for."""
    waiting = step.tx.all(records.Host, id=sorted({wait.host for wait in step.tx.waits(step.job.id) if not wait.acked}))
    return any(step.tx.setting_bool("vxloom.job.peers.required", zone) for zone in {host.zone for host in waiting})


def _outcome(tx: Transaction, job: records.Job, live: frozenset[str]) -> Outcome:
    open_waits = [wait for wait in tx.waits(job.id) if not wait.acked]
    must = {wait.host for wait in open_waits if wait.role is records.WaitRole.MUST}
    peers = {wait.host for wait in open_waits if wait.role is records.WaitRole.PEER} - must
    return Outcome(tuple(names(tx, must)), tuple(names(tx, peers)), tuple(sorted((must | peers) & live)))
