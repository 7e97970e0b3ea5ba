"""What the server asks of this host, and the answers. Runs in the event loop; a question never keeps the writer from its work for long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import msgspec
import structlog

from vxloom.agent.held import Held
from vxloom.agent.reconcile import Reconciler, Target, stray_text
from vxloom.agent.writer import Writer
from vxloom.errors import DataplaneError, VxloomError
from vxloom.model.wire import FINDINGS, Answer, Ask
from vxloom.planner import render
from vxloom.planner.plan import ALL

_log = structlog.get_logger("vxloom.agent")


class Questions:
    """Answers them. ``examine``: the doctor's look at this host, as JSON; None: findings are asked in vain."""

    def __init__(self, writer: Writer, send: Callable[[Answer], object], examine: Callable[[], bytes] | None = None) -> None:
        self._writer = writer
        self._send = send
        self._examine = examine
        self._examination: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()

    def take(self, question: Ask, held: Held) -> None:
        """See that a question is answered: with findings, or with the plan at present."""
        if question.what != FINDINGS or self._examine is None:
            self._plan(question, held)
        elif self._examination is not None and not self._examination.done():
            self._send(Answer(question.id, b"{}", error="this host is being examined already"))
        else:
            self._examination = asyncio.create_task(self._findings(question, self._examine), name="examination")

    async def _findings(self, question: Ask, examine: Callable[[], bytes]) -> None:
        try:
            answer = Answer(question.id, await asyncio.to_thread(examine))
        except VxloomError as error:
            answer = Answer(question.id, b"{}", error=str(error))
        except Exception as error:  # noqa: BLE001 - a check of ours that fails is told; the agent goes on
            _log.exception("this host could not be examined")
            answer = Answer(question.id, b"{}", error=f"the examination failed: {error!r}; see the agent's log")
        self._send(answer)

    def _plan(self, question: Ask, held: Held) -> None:
        def work(reconciler: Reconciler, target: Target) -> None:
            try:
                # While holding a person asks what a confirmation would do: the server's own word counts, not what is kept.
                word = held.said if held.base is not None and held.said.document is not None else target.word
                plan, desired, observed, refused = reconciler.plan(replace(target, word=word, prune=True), ALL)
                body = {
                    "plan": "".join([*(f"! {stray_text(stray)}\n" for stray in observed.strays), render(plan)]),
                    "steps": len(plan.steps),
                    "resources": {"desired": len(desired.resources), "observed": len(observed.resources)},
                    "refused": [f"{port.nic}: {port.reason}" for port in refused],
                    "holding": held.holding or held.doubt,
                    "dropped": ", ".join(f"{name} {count}" for name, count in reconciler.counters().items() if count),
                }
                answer = Answer(question.id, msgspec.json.encode(body))
            except DataplaneError as error:
                answer = Answer(question.id, b"{}", error=str(error))
            self._loop.call_soon_threadsafe(self._send, answer)

        self._writer.ask(work)
