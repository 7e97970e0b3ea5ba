"""What the server asks of this host, and the answers. Runs in the event loop; a question never keeps the writer from its work for long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

import msgspec
import structlog

from vxloom.agent.held import Held
from vxloom.agent.packets import Packets
from vxloom.agent.paths import Paths
from vxloom.agent.reconcile import Reconciler, Target, stray_text
from vxloom.agent.writer import Writer
from vxloom.errors import DataplaneError, VxloomError
from vxloom.model.wire import LISTEN, PACKET, PATHS, Answer, Ask
from vxloom.planner import render
from vxloom.planner.plan import ALL

_log = structlog.get_logger("vxloom.agent")
_WAITING = 4
"""Looks of a kind that wait: the server's own, and people's."""


Look = Callable[[bytes], bytes]
"""What a question is about → its answer; both JSON. It may take its time: it runs in a thread of its own."""


class Questions:
    """Answers them. ``looks``: question → look, for what the agent cannot look at itself; without one it is asked in vain."""

    def __init__(self, writer: Writer, send: Callable[[Answer], object], looks: Mapping[str, Look] | None = None) -> None:
        self._writer = writer
        self._send = send
        self._others = looks or {}
        self._paths = Paths()
        self._packets = Packets()
        self._looks: dict[str, list[asyncio.Task[None]]] = {}
        """What is asked → the looks that go on or wait; one of a kind at a time."""
        self._loop = asyncio.get_running_loop()

    def take(self, question: Ask, held: Held) -> None:
        """See that a question is answered; one of a later version with the plan at present."""
        word = held.effective()
        own: dict[str, Look] = {
            LISTEN: lambda _: self._paths.listen(word),
            PATHS: lambda about: self._paths.measure(word, about),
            PACKET: lambda about: self._packets.obey(about, word),
        }
        looks = {**self._others, **own}
        look = looks.get(question.what)
        if look is None:
            self._plan(question, held)
            return
        earlier = self._looks[question.what] = [task for task in self._looks.get(question.what, ()) if not task.done()]
        if len(earlier) > _WAITING:
            self._send(Answer(question.id, b"{}", error="this host is being looked at, and others wait to look"))
            return
        before = earlier[-1] if earlier else None
        earlier.append(asyncio.create_task(self._look(question, look, before), name=f"look for {question.what}"))

    def tidy(self) -> None:
        """Give back what a look needed and nobody asks for any more. Called every few seconds."""
        self._loop.run_in_executor(None, self._paths.tidy)  # it takes a link away, which takes a moment
        self._loop.run_in_executor(None, self._packets.tidy)

    def close(self) -> None:
        """Give everything back."""
        self._paths.close()
        self._packets.close()

    async def _look(self, question: Ask, look: Look, before: asyncio.Task[None] | None) -> None:
        """Look when the look before is over: what is asked now may not be in what that one sees."""
        if before is not None:
            await asyncio.wait([before])
        try:
            answer = Answer(question.id, await asyncio.to_thread(look, question.about))
        except VxloomError as error:
            answer = Answer(question.id, b"{}", error=str(error))
        except Exception as error:  # noqa: BLE001 - a look of ours that fails is told; the agent goes on
            _log.exception("this host could not be looked at", what=question.what)
            answer = Answer(question.id, b"{}", error=f"the look failed: {error!r}; see the agent's log")
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
