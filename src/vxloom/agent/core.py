"""The agent: the server's word and the kernel's hints come in, targets and acks go out. Runs in the event loop.

stream ──► held (rules of law 6) ──► target ──► writer ──► kernel
  ▲                                                │
  └──────────── ack, report ◄──────── round ◄──────┘
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from vxloom import __version__, notify
from vxloom.agent import claims as sharing
from vxloom.agent import held as rules
from vxloom.agent.changes import covers, document_changes, strays_now
from vxloom.agent.contact import Contact
from vxloom.agent.facts import host_facts
from vxloom.agent.hardware import HardwareWatch
from vxloom.agent.questions import Look, Questions
from vxloom.agent.reconcile import Reconciler, Target, stray_text
from vxloom.agent.statefile import NOTHING_SAVED, StateFile
from vxloom.agent.writer import Done, Writer
from vxloom.dataplane.announcements import AnnouncementWatch, shared_form
from vxloom.dataplane.driver import Events, Hint
from vxloom.errors import DataplaneError, StateError
from vxloom.model.host import HostDocument, PortDocument
from vxloom.model.segment import SegmentTable, apply
from vxloom.model.state import Stray
from vxloom.model.wire import (
    Ack,
    Answer,
    Ask,
    Claim,
    Confirm,
    Current,
    Delta,
    Document,
    FromAgent,
    FromGateway,
    GuestReport,
    Hello,
    Report,
    SegmentWanted,
    Table,
    Welcome,
    delta_of,
    table_of,
)
from vxloom.planner.plan import ALL, Scope
from vxloom.settings import AgentSettings

_log = structlog.get_logger("vxloom.agent")
REPORT_SECONDS = 5.0
DEAF_SECONDS = 1.0


class Core:
    """One host's agent. ``send`` is the stream's, and answers False when there is none."""

    def __init__(
        self,
        settings: AgentSettings,
        name: str,
        state: StateFile,
        reconciler: Reconciler,
        events: Events,
        hardware: HardwareWatch | None = None,
        looks: Mapping[str, Look] | None = None,
    ) -> None:
        self._settings = settings
        self._name = name
        self._events = events
        self._hardware = hardware
        held, trouble = state.load()
        self._held = replace(held, doubt=trouble or held.doubt)
        if trouble and trouble != NOTHING_SAVED:
            _log.warning("the state on disk tells nothing; nothing is withdrawn until the server's word covers all", reason=trouble)
        self._released = ("", -1)
        """Epoch and revision up to which a person let plans beyond the brake's share pass."""
        self._pruning = False
        """What the writer was last told of pruning."""
        self._loop = asyncio.get_running_loop()
        self._writer = Writer(reconciler, state, self._told)
        self._questions = Questions(self._writer, self._say, looks)
        self._changed: set[int] = set()
        self._taps: set[str] = set()
        self._everything = True
        self._acked: tuple[int, dict[int, int]] = (-1, {})
        self._problems: dict[Scope, tuple[str, ...]] = {}
        self._refused: tuple[str, ...] = ()
        """Of the whole host: ports that are not bound, guests that could not be plugged in."""
        self._strays: frozenset[Stray] = frozenset()
        self._guests: tuple[GuestReport, ...] = ()
        self._repairs = 0
        self._counters: dict[str, int] = {}
        """Frames dropped, by reason, as last read."""
        self._claims: dict[tuple[int, str], str] = {}
        self._taps_of: dict[str, str] = {}
        """NIC id → the tap it really has."""
        self._watch = AnnouncementWatch()
        self._unwatched: tuple[str, ...] = ()
        self.send: Callable[[FromAgent], bool] = lambda _message: False
        self.leave: Callable[[Contact], None] = lambda _contact: None
        """Told of each stream that is won or lost; ``contact.leave``, but for whoever has no host."""

    # --- life ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Restore the last good state, then follow hints and the clock until cancelled."""
        self._writer.start()
        self._listen(self._events.fileno(), self._hinted)
        self._listen(self._watch.fileno(), self._announced)
        self._aim()
        try:
            while True:
                await asyncio.sleep(min(REPORT_SECONDS, self._settings.resync_seconds))
                self._report()
                self._writer.ask(self._count)
                self._questions.tidy()
                if self._problems or time.monotonic() - self._looked >= self._settings.resync_seconds:
                    self._look(ALL, "timer")
        finally:
            self._ended = True
            self._loop.remove_reader(self._events.fileno())
            self._loop.remove_reader(self._watch.fileno())
            self._writer.stop()
            self._events.close()
            self._watch.close()
            self._questions.close()

    _looked = 0.0
    _ended = False
    _ready = False

    def _listen(self, descriptor: int, heard: Callable[[], None]) -> None:
        if not self._ended:
            self._loop.add_reader(descriptor, self._hear, descriptor, heard)

    def _hear(self, descriptor: int, heard: Callable[[], None]) -> None:
        """Take what came on a descriptor. One that fails is left alone for a moment: it would stay readable and keep the loop busy."""
        try:
            heard()
        except DataplaneError as error:
            _log.warning("events lost; looking at everything", reason=str(error))
            self._loop.remove_reader(descriptor)
            self._loop.call_later(DEAF_SECONDS, self._listen, descriptor, heard)
            self._look(ALL, "event")

    def _hinted(self) -> None:
        self._heard(self._events.read())

    def _heard(self, hints: tuple[Hint, ...]) -> None:
        for hint in hints:
            self._look(ALL if hint.lost else hint.scope, "event")

    def _announced(self) -> None:
        """A guest announced a shared address: flip here at once, tell the server for everybody else."""
        document = self._held.effective().document
        for seen in self._watch.read():
            port = sharing.claimant(document, self._taps_of, seen.tap)
            if port is None:
                continue
            if self._holder(port, seen.address) == port.nic:
                if seen.taken:  # the server may have heard of another holder meanwhile: the last word must be the last said
                    self.send(Claim(port.nic, seen.address))
                continue
            self._claims[port.vni, seen.address] = port.nic
            self._changed.add(port.vni)
            self.send(Claim(port.nic, seen.address))
            _log.info("shared address claimed", address=seen.address, nic=port.nic, vni=port.vni)
        if self._changed:
            self._aim()

    def _holder(self, port: PortDocument, address: str) -> str:
        """Return the NIC of this host last known to hold a shared address, by claim or by the server's word."""
        held = {shared_form(one) for one in port.held}
        return self._claims.get((port.vni, address), port.nic if address in held else "")

    def _look(self, scope: Scope, cause: str) -> None:
        if scope.everything:
            self._looked = time.monotonic()
        self._writer.look(scope, cause)

    # --- the stream's listener -------------------------------------------------------------------------------------

    def hello(self) -> Hello:
        """Say what this host holds."""
        held = self._held
        vtep, labels, facts = host_facts(self._settings)
        return Hello(self._name, vtep, held.epoch, held.revision, held.nonce, held.known(), version=__version__, labels=labels, facts=facts)

    def connected(self, welcome: Welcome) -> None:
        """Meet a server: the one we knew, or another (then hold)."""
        self.leave(Contact())
        self._held = rules.welcomed(self._held, welcome.epoch, lineage=welcome.lineage)
        self._acked = (-1, {})
        if self._hardware:
            self._hardware.told(None)
        for (_, address), nic in self._claims.items():
            self.send(Claim(nic, address))
        if self._held.holding:
            _log.warning("holding: nothing will be withdrawn", reason=self._held.holding, do="vxloom host confirm")
        self._report()

    def disconnected(self, reason: str) -> None:
        """Go on headless."""
        self.leave(Contact(reason))
        _log.warning("no stream to the server; keeping the last good state", reason=reason)

    def received(self, message: FromGateway) -> None:
        """Take one message of the stream."""
        match message:
            case Document():
                self._take_document(message.document)
            case Table() | Delta():
                self._take_table(message)
            case Current():
                self._held = rules.reached(self._held, message.revision, message.nonce)
                self._aim()
            case Confirm():
                self._confirm(message)
            case Ask():
                self._questions.take(message, self._held)
            case _:
                _log.warning("unexpected message", kind=type(message).__name__)

    def _take_document(self, document: HostDocument) -> None:
        self._acked = (-1, self._acked[1])  # a word is acknowledged even if it says nothing new
        before, known = self._held.effective().document, self._held.said.document
        self._held = rules.documented(self._held, document)
        vnis, taps = document_changes(before, self._held.effective().document)
        self._changed |= vnis | (set(document.gone_segments) - set(known.gone_segments if known else ()))
        self._taps |= taps

    def _take_table(self, message: Table | Delta) -> None:
        epoch = self._held.session_epoch
        try:
            table = table_of(message, epoch) if isinstance(message, Table) else self._changed_table(message, epoch)
        except StateError as error:
            _log.warning("segment asked for again", reason=str(error))
            self.send(SegmentWanted(message.head.vni))
            return
        self._changed_by(table)
        self._held = rules.tabled(self._held, table)

    def _changed_table(self, message: Delta, epoch: str) -> SegmentTable:
        delta = delta_of(message)
        known = self._held.said.tables.get(delta.head.vni)
        if known is None:
            raise StateError(f"changes for segment {delta.head.vni}, of which nothing is held", remedy="a snapshot is asked for")
        return apply(delta, known, epoch)

    def _changed_by(self, table: SegmentTable) -> None:
        known = self._held.said.tables.get(table.vni)
        if known is None or not known.same_content(table) or self._held.base is not None:
            self._changed.add(table.vni)

    def _confirm(self, message: Confirm) -> None:
        if message.epoch != self._held.session_epoch or self._held.said.document is None:
            _log.warning("a confirmation of a database that has said nothing here is not taken", epoch=message.epoch)
            return
        self._held = rules.confirmed(self._held, message.epoch)
        self._released = (message.epoch, message.revision)
        self._everything = True
        _log.info("confirmed by a person: pruning again", epoch=message.epoch, revision=message.revision)
        self._aim()

    def _aim(self) -> None:
        """Hand what is wanted, and where it changed, to the writer."""
        prune = not self._held.holding and not self._held.doubt
        everything = self._everything or (prune and not self._pruning)  # what was kept meanwhile may lie anywhere
        scope = ALL if everything else Scope(frozenset(self._changed), frozenset(self._taps))
        self._changed, self._taps, self._everything, self._pruning = set(), set(), False, prune
        word = self._held.effective()
        self._claims = sharing.settled(word.document, self._claims)
        word = replace(word, document=sharing.claimed(word.document, self._claims))
        epoch, revision = self._released
        released = word.document is not None and word.document.epoch == epoch and word.document.revision <= revision
        target = Target(word, prune=prune, released=released)
        self._writer.aim(self._held, target, scope)

    # --- what the writer tells -------------------------------------------------------------------------------------

    def _told(self, done: Done) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody is left to tell
            self._loop.call_soon_threadsafe(self._take_round, done)

    def _take_round(self, done: Done) -> None:
        if not self._ready:
            self._ready = True
            notify.ready("the first look is over")  # what stood before a boot stands again, or it is known why not
        result = done.round
        self._problems = {scope: texts for scope, texts in self._problems.items() if not covers(result.scope, scope)}
        if result.problems:
            self._problems[result.scope] = result.problems
        # What was found wrong in a look at everything is known to be over only after the next one: something changed, so look.
        if ALL in self._problems and not result.scope.everything and time.monotonic() - self._looked > 1.0:
            self._look(ALL, "timer")
        before = (self._refused, self._strays)
        if result.failing is not None:  # else it did not get as far as looking
            self._strays = strays_now(self._strays, result)
            self._refused = (*result.refused, *(plug.problem for plug in result.plugs if plug.problem))
        self._taps_of = {plug.nic: plug.tap for plug in result.plugs}
        self._unwatched = self._rewatch(done.target.word.document)
        self._guests = tuple(GuestReport(plug.nic, plug.state) for plug in result.plugs)
        if result.plan and result.verified:
            self._log_round(done)
        self._settle_doubt(done)
        self._acknowledge(done)
        if result.problems or (self._refused, self._strays) != before:
            self._report()

    def _rewatch(self, document: HostDocument | None) -> tuple[str, ...]:
        """Watch the taps with shared addresses; return why that is not possible, if so."""
        try:
            self._watch.watch(sharing.watched(document, self._taps_of))
        except DataplaneError as error:
            return (str(error),)
        return ()

    def _log_round(self, done: Done) -> None:
        steps, seconds = len(done.round.plan.steps), round(done.seconds, 4)
        if done.cause in {"event", "timer"}:
            self._repairs += 1
            _log.info("drift repaired", steps=steps, seconds=seconds, what=[step.key[1] for step in done.round.plan.steps[:5]])
        else:
            _log.info("applied", steps=steps, seconds=seconds, revision=done.held.revision)

    def _settle_doubt(self, done: Done) -> None:
        """A missing state file stops mattering once the server's word covers all that the kernel holds."""
        complete = done.target.word.document is not None and done.round.scope.everything and done.held.revision > 0
        if self._held.doubt and complete and done.round.verified and done.round.leftovers == 0:
            self._held = replace(self._held, doubt="")
            self._aim()
        elif self._held.doubt and done.target.word.document is not None and not done.round.scope.everything:
            self._look(ALL, "timer")

    def _acknowledge(self, done: Done) -> None:
        word = done.held.said
        if word.document is None:
            return
        settled = self._settled(done, word.tables)
        fresh = {vni: revision for vni, revision in settled.items() if self._acked[1].get(vni) != revision}
        # A port left out because its VNI is another network's here does not stand, so its document does not either.
        proven = done.proven and not done.partial and not done.held.contested()
        document = word.document.revision if proven else self._acked[0]
        absent = (done.round.absent_segments, done.round.absent_ports) if done.failing is None and not done.partial else ((), ())
        if document == self._acked[0] and not fresh and not any(absent):
            return
        if self.send(Ack(document, fresh, absent[0], absent[1], (*done.round.problems, *self._refused))):
            self._acked = (document, {**self._acked[1], **settled})

    def _settled(self, done: Done, tables: Mapping[int, SegmentTable]) -> dict[int, int]:
        """Return VNI → revision of the segments of which this round (and those before) left the kernel as told."""
        failing = done.failing.vnis if done.failing else frozenset()
        looked_at = done.round.scope.vnis if done.partial else None  # a round that overtook knows only of its own part
        chosen = tables.keys() if looked_at is None else tables.keys() & looked_at
        return {} if failing is None else {vni: tables[vni].revision for vni in chosen - failing - set(done.held.contested())}

    def _report(self) -> None:
        contested = [f"VNI {vni} is another network's in the server's database: its new ports wait" for vni in self._held.contested()]
        texts = [
            *contested,
            *self._unwatched,
            *(text for texts in self._problems.values() for text in texts),
            *self._refused,
            *map(stray_text, self._strays),
        ]
        doubt = self._held.doubt  # a host that never had a state says nothing of it before it has been told something
        holding = self._held.holding or (doubt if self._held.said.document is not None or doubt != NOTHING_SAVED else "")
        healthy = time.monotonic() - self._writer.progress < 30 and not texts
        news, findings = self._hardware.news() if self._hardware else None, tuple(sorted(set(texts)))
        if self.send(Report(healthy, holding, findings, self._repairs, self._guests, self._counters, news)) and news and self._hardware:
            self._hardware.told(news)

    def _count(self, reconciler: Reconciler, _target: Target) -> None:
        """Runs in the writer's thread."""
        counters = reconciler.counters()
        self._loop.call_soon_threadsafe(setattr, self, "_counters", counters)

    def _say(self, answer: Answer) -> bool:
        """Send by the stream there is at that moment."""
        return self.send(answer)
