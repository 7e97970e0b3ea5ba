"""The one thread that writes to the kernel (law 10). It is told targets and scopes; it tells rounds.

What is asked for while it works is folded into one scope. Between the chunks of a long deletion it looks up: anything
waiting that does not touch what is being deleted is done at once, so a move overtakes a deletion.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from vxloom.agent.held import Held
from vxloom.agent.reconcile import Reconciler, Round, Target, merge
from vxloom.agent.statefile import StateFile
from vxloom.errors import DataplaneError, StateError, VxloomError
from vxloom.planner.plan import Outcome, Plan, Scope

_log = structlog.get_logger("vxloom.agent.writer")
RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
UNPROVEN_SECONDS = 60.0
"""How long something told that does not come to stand keeps the host's document from being acknowledged: longer than a job
waits, so that no job is told a lie, but not for ever, so that one broken network does not end all jobs of a host."""


@dataclass(frozen=True, slots=True)
class Done:
    """A round, the belief it was for, and why it ran ("told", "event", "timer", "retry")."""

    held: Held
    target: Target
    round: Round
    cause: str
    seconds: float
    partial: bool
    """It overtook a longer round: only its own scope is settled."""
    failing: Scope | None
    """What is not as wanted and waits to be tried again, after this round; None: nothing."""
    proven: bool
    """Of what the server told up to this round's belief, nothing is among that."""


@dataclass(frozen=True, slots=True)
class _Retry:
    due: float
    """On the monotonic clock."""
    scope: Scope
    told: float
    """Until when the server's word is not proven, on the monotonic clock: some of it was told lately, and never stood yet."""


class Writer:
    """Start it once; stop it before the process ends. ``told`` is called in the writer's thread with every round."""

    def __init__(self, reconciler: Reconciler, state: StateFile, told: Callable[[Done], None]) -> None:
        self._reconciler = reconciler
        self._state = state
        self._told = told
        self._wake = threading.Condition()
        self._held = Held()
        self._target = Target()
        self._saved: Held | None = None
        self._pending: dict[str, Scope] = {}
        self._retry: _Retry | None = None
        self._unproven = 0.0
        """See :attr:`_Retry.told`; kept while what was to be tried again is being tried."""
        self._failures = 0
        self._questions: list[Callable[[Reconciler, Target], None]] = []
        self._stopping = False
        self.idle = False
        """Nothing is being done and nothing waits, but for what is to be tried again later."""
        self.progress = time.monotonic()
        """When the thread last got something done or found nothing to do (health)."""
        self._thread = threading.Thread(target=self._work, name="vxloom-writer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, seconds: float = 10.0) -> None:
        """Finish the round at hand and end."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join(seconds)

    def aim(self, held: Held, target: Target, scope: Scope) -> None:
        """Set what is wanted, and where it changed."""
        with self._wake:
            self._held, self._target = held, target
            self._add("told", scope)

    def look(self, scope: Scope, cause: str) -> None:
        """Compare a part of the kernel with what is wanted."""
        with self._wake:
            self._add(cause, scope)

    def ask(self, question: Callable[[Reconciler, Target], None]) -> None:
        """Run a question in the writer's thread, between rounds."""
        with self._wake:
            self._questions.append(question)
            self._wake.notify()

    def _add(self, cause: str, scope: Scope) -> None:
        known = self._pending.get(cause)
        self._pending[cause] = merge([known, scope]) if known else scope
        self._wake.notify()

    def _work(self) -> None:
        while True:
            with self._wake:
                while not (self._due() or self._pending or self._questions or self._stopping):
                    self.idle = True
                    self._wake.wait(max(self._retry.due - time.monotonic(), 0.001) if self._retry else 5.0)
                    self.progress = time.monotonic()
                if self._stopping:
                    return
                self.idle = False
                questions, self._questions = self._questions, []
            for question in questions:
                self._answer(question)
            self._turn()

    def _due(self) -> bool:
        """Take up what is to be tried again, if its time has come: also under a storm of events. Holds the condition."""
        if self._retry is None or self._retry.due > time.monotonic():
            return False
        self._add("retry", self._retry.scope)
        self._unproven, self._retry = self._retry.told, None
        return True

    def _answer(self, question: Callable[[Reconciler, Target], None]) -> None:
        try:
            question(self._reconciler, self._target)
        except VxloomError as error:
            _log.warning("question not answered", error=str(error))
        except Exception:  # noqa: BLE001 - the thread must outlive a defect: without it nothing is repaired any more
            _log.exception("question failed")

    def _turn(self, apart_from: Scope | None = None) -> None:
        """Take what is pending (all of it, or only what does not touch ``apart_from``) and run one round."""
        with self._wake:
            taken = {c: s for c, s in self._pending.items() if apart_from is None or _apart(s, apart_from)}
            if not taken:
                return
            for cause in taken:
                del self._pending[cause]
            held, target = self._held, self._target
        scope = merge(list(taken.values()))
        cause = "told" if "told" in taken else next(iter(taken))
        started = time.monotonic()
        partial = apart_from is not None
        result = self._round(held, target, scope, nested=partial)
        self.progress = time.monotonic()
        if not result.verified:
            self._again(scope, result, told=cause == "told")
        elif self._retry is None:
            self._failures, self._unproven = 0, 0.0
        waiting = self._retry
        failing, proven = (waiting.scope, waiting.told <= time.monotonic()) if waiting else (None, True)
        self._told(Done(held, target, result, cause, time.monotonic() - started, partial, failing, proven))

    def _round(self, held: Held, target: Target, scope: Scope, *, nested: bool) -> Round:
        try:
            if held is not self._saved:
                self._state.save(held)
                self._saved = held
            return self._reconciler.run(target, scope, None if nested else self._overtake)
        except (DataplaneError, StateError) as error:
            return Round(scope, Plan(), Outcome(), verified=False, problems=(str(error),))
        except Exception as error:  # noqa: BLE001 - the thread must outlive a defect: it is logged whole, reported, retried
            _log.exception("round failed")
            return Round(scope, Plan(), Outcome(), verified=False, problems=(f"defect in the agent: {error!r}; see its log",))

    def _overtake(self, busy: Scope) -> None:
        """Called between chunks of long work that touches ``busy``."""
        self.progress = time.monotonic()
        self._turn(apart_from=busy)

    def _again(self, scope: Scope, result: Round, *, told: bool) -> None:
        failing = result.failing or scope
        delay = RETRY_SECONDS[min(self._failures, len(RETRY_SECONDS) - 1)]
        self._failures += 1
        if self._failures in {1, 10, 100}:  # the first of many equal failures, then now and then
            _log.warning("not as wanted yet", problems=result.problems, next_try=delay, tries=self._failures)
        with self._wake:
            now, before = time.monotonic(), self._retry
            until = max(before.told if before else 0.0, self._unproven, now + UNPROVEN_SECONDS if told else 0.0)
            self._retry = _Retry(now + delay, merge([before.scope, failing]) if before else failing, until)


def _apart(scope: Scope, other: Scope) -> bool:
    if scope.vnis is None or other.vnis is None:
        return False
    return not (scope.vnis & other.vnis or scope.taps & other.taps)
