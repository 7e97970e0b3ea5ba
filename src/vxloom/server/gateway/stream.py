"""One host's stream: what is sent next, and what comes in. Bounded whatever the host does: a document, a set of VNIs, a few questions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

from vxloom.errors import TransportError
from vxloom.model.wire import (
    Ack,
    Answer,
    Ask,
    Beat,
    Certificate,
    Claim,
    Confirm,
    Current,
    FromAgent,
    Refused,
    Renew,
    Report,
    SegmentWanted,
    decode_from_agent,
    encode,
)
from vxloom.server.authority import Claimant
from vxloom.server.gateway.connection import Channel
from vxloom.server.gateway.tables import Held, Segment
from vxloom.server.gateway.timing import Timing

_BEAT = encode(Beat())
_QUESTIONS = 64
_EARLY = 15


class Recipient(Protocol):
    """Where a stream's news goes. Nothing here waits but :meth:`renew`."""

    def acknowledged(self, stream: HostStream, ack: Ack) -> None:
        """An acknowledgement, already held against what this stream was sent."""

    def reported(self, stream: HostStream, report: Report) -> None:
        """Health and findings."""

    def claimed(self, stream: HostStream, claim: Claim) -> None:
        """A shared address announced on a tap."""

    async def renew(self, stream: HostStream, csr: str) -> str:
        """Return a new certificate (PEM) of the stream's host; raises :class:`vxloom.errors.IdentityError`."""


class HostStream:
    """A host that has been welcomed. Subscribes to its zone's feed; ends when :meth:`run` returns or raises.

    ``held`` is what it says it holds, None when it comes from another history: then nothing it says of revisions counts.
    """

    def __init__(
        self,
        connection: Channel,
        claimant: Claimant,
        zone: str,
        epoch: str,
        segments: Mapping[int, Segment],
        held: Mapping[int, Held] | None,
        recipient: Recipient,
        timing: Timing,
    ) -> None:
        self.host = claimant.host
        self.serial = claimant.serial
        self.claimant = claimant
        self.zone = zone
        self.expires = claimant.expires
        self.report: Report | None = None
        self._connection = connection
        self._epoch = epoch
        self._segments = segments
        self._lineage = held is not None
        self._held: dict[int, Held] = dict(held or {})
        self._early: list[Ack] = []
        self._recipient = recipient
        self._timing = timing
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._document: bytes | None = None
        self._document_revision = 0
        self._sent_document = 0
        self._needs: frozenset[int] = frozenset()
        self._dirty: dict[int, None] = {}  # ordered: no segment starves
        self._reached: tuple[int, str] | None = None
        self._told_current: tuple[int, str] | None = None
        self._current_due = False
        self._confirm_due = False
        self._certificate: str | None = None
        self._asks: dict[int, bytes] = {}
        self._questions: dict[int, asyncio.Future[bytes]] = {}
        self._question = 0
        self._asked_again: dict[int, float] = {}
        self._end: asyncio.Future[Refused | None] = self._loop.create_future()

    @property
    def peer(self) -> str:
        """The agent's IP address."""
        return self._connection.peer

    # --- the feed's side (Subscriber) ---------------------------------------------------------------------------------

    def tell(self, document: bytes, needs: frozenset[int], revision: int) -> None:
        """Take the newest host document (encoded), the VNIs it names, and its revision."""
        self._document, self._document_revision = document, revision
        for vni in needs - self._needs:
            self._dirty[vni] = None
        for vni in self._needs - needs:
            self._dirty.pop(vni, None)
        for vni in self._held.keys() - needs:  # the agent lets go of what its document does not name, of what it held before we met, too
            del self._held[vni]
        self._needs = needs
        self._wake.set()

    def mark(self, vni: int) -> None:
        """Take note that a segment has a newer table."""
        if vni in self._needs:
            self._dirty[vni] = None
            self._wake.set()

    def reached(self, revision: int, nonce: str, *, soon: bool) -> None:
        """Take note that all changes up to a zone revision are marked; hosts not concerned learn it with their next beat."""
        self._reached = (revision, nonce)
        early, self._early = self._early, []
        for ack in early:
            self._recipient.acknowledged(self, self._credible(ack))
        self._current_due = self._current_due or soon
        if soon:
            self._wake.set()

    def removed(self) -> None:
        """End the stream for good: the host is not ours any more."""
        self.end(Refused("this host was removed, or joined again elsewhere", final=True))

    # --- the API's side -----------------------------------------------------------------------------------------------

    def end(self, reason: Refused | None = None) -> None:
        """End the stream, with a word if there is one to say."""
        if not self._end.done():
            self._end.set_result(reason)

    def confirm(self) -> None:
        """Send Confirm after the next Current."""
        self._confirm_due = self._current_due = True
        self._wake.set()

    async def ask(self, what: str, patience: float, about: bytes = b"") -> bytes:
        """Return the host's answer (JSON); raises :class:`TransportError` when there is none in time, or it says it cannot."""
        if len(self._questions) >= _QUESTIONS:
            raise TransportError("too many questions to this host are open", remedy="try again later")
        self._question += 1
        number = self._question
        answer: asyncio.Future[bytes] = self._loop.create_future()
        self._questions[number] = answer
        self._asks[number] = encode(Ask(number, what, about))
        self._wake.set()
        try:
            async with asyncio.timeout(patience):
                return await answer
        except TimeoutError as error:
            raise TransportError(f"the host did not answer within {patience:g} s", remedy="look at its agent") from error
        finally:
            self._questions.pop(number, None)
            self._asks.pop(number, None)

    # --- the stream itself ----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve until the stream ends; raises what ended it (:class:`vxloom.errors.VxloomError`)."""
        tasks = [asyncio.create_task(self._send()), asyncio.create_task(self._receive())]
        try:
            waiting: list[asyncio.Future[Refused | None] | asyncio.Task[None]] = [*tasks, self._end]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            for question in self._questions.values():
                if not question.done():
                    question.set_exception(TransportError("the host's stream ended before it answered"))
        if self._end.done():
            reason = self._end.result()
            if reason is not None:
                await self._connection.finish(encode(reason))
            return
        for outcome in ended:
            if isinstance(outcome, Exception):
                raise outcome

    async def _send(self) -> None:
        while True:
            message = self._next()
            if message is None:
                try:
                    async with asyncio.timeout(self._timing.beat):
                        await self._wake.wait()
                except TimeoutError:
                    self._current_due = self._reached != self._told_current
                    if self._current_due:
                        continue
                    message = _BEAT
                self._wake.clear()
            if message is not None:
                await self._connection.send(message)

    def _next(self) -> bytes | None:
        """Return the next message: questions first, then document, tables, and what closes the batch."""
        if self._certificate is not None:
            message, self._certificate = encode(Certificate(self._certificate)), None
            return message
        if self._asks:
            return self._asks.pop(next(iter(self._asks)))
        if self._document is not None:
            document, self._document = self._document, None
            self._sent_document = self._document_revision
            return document
        while self._dirty:
            vni = next(iter(self._dirty))
            del self._dirty[vni]
            segment = self._segments.get(vni)
            if segment is None or vni not in self._needs:
                continue
            table = segment.message_for(self._held.get(vni))
            self._held[vni] = segment.now
            if table is not None:
                return table
        return self._closing()

    def _closing(self) -> bytes | None:
        if self._current_due and self._reached is not None:
            self._current_due = False
            self._told_current = self._reached
            return encode(Current(*self._reached))
        if self._confirm_due and self._reached is not None:
            self._confirm_due = False
            return encode(Confirm(self._epoch, self._reached[0]))
        return None

    async def _receive(self) -> None:
        while True:
            message = decode_from_agent(await self._connection.receive())
            await self._received(message)

    async def _received(self, message: FromAgent) -> None:
        match message:
            case Beat():
                pass
            case Ack() if self._reached is None:
                # It speaks before it was told anything: of what it holds from before. What that proves is known after the first look.
                self._early = [*self._early[-_EARLY:], message]
            case Ack():
                self._recipient.acknowledged(self, self._credible(message))
            case Report():
                self.report = message
                self._recipient.reported(self, message)
            case Claim():
                self._recipient.claimed(self, message)
            case SegmentWanted():
                self._again(message.vni)
            case Answer():
                self._answered(message)
            case Renew():
                self._certificate = await self._recipient.renew(self, message.csr)
                self._wake.set()
            case _:
                raise TransportError(f"the host sent a {type(message).__name__} in the middle of its stream")

    def renewed(self, expires: datetime) -> None:
        """Take note of the certificate that follows the present one."""
        self.expires = expires

    def expired(self, now: datetime | None = None) -> bool:
        """Tell whether the stream's certificate has ended without a successor."""
        return (now or datetime.now(UTC)) >= self.expires

    def _credible(self, ack: Ack) -> Ack:
        """Return an acknowledgement without what proves nothing: revisions we have not reached, or not sent to another history's host."""
        reached = self._reached[0] if self._reached is not None else 0
        most = reached if self._lineage else self._sent_document
        segments = {vni: revision for vni, revision in ack.segments.items() if vni in self._needs and revision <= reached}
        if not self._lineage:
            segments = {vni: revision for vni, revision in segments.items() if revision <= self._held.get(vni, (0, 0))[0]}
        return Ack(
            document=ack.document if ack.document <= most else 0,
            segments=segments,
            absent=ack.absent,
            absent_ports=ack.absent_ports,
            problems=ack.problems,
        )

    def _again(self, vni: int) -> None:
        """Send a snapshot, soon: not oftener than once in ``timing.again`` for one segment."""
        if vni not in self._needs:
            return
        self._held.pop(vni, None)
        now = self._loop.time()
        due = self._asked_again.get(vni, 0.0) + self._timing.again
        self._asked_again[vni] = max(now, due)
        self._loop.call_later(max(0.0, due - now), self._mark_again, vni)

    def _mark_again(self, vni: int) -> None:
        """The snapshot, and the word that closes a batch: an agent acts on what it was sent when it has it all."""
        self._current_due = True
        self.mark(vni)

    def _answered(self, answer: Answer) -> None:
        question = self._questions.get(answer.id)
        if question is None or question.done():
            return
        if answer.error:
            question.set_exception(TransportError(f"the host cannot answer: {answer.error}"))
        else:
            question.set_result(answer.body)
