"""The listener, and all that is shared by the streams of one server process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

from vxloom.errors import ConfigError, IdentityError, StateError, TransportError, VxloomError
from vxloom.model.wire import (
    Ack,
    Certificate,
    Claim,
    Hello,
    Join,
    Joined,
    Refused,
    Renew,
    Report,
    Welcome,
    decode_from_agent,
    encode,
)
from vxloom.server.authority import Authority, Claimant, claimant
from vxloom.server.gateway.admission import admit, check_schema, issue_token, join, renew
from vxloom.server.gateway.connection import Channel, Connection, accepted, host_and_port, listen
from vxloom.server.gateway.door import Door
from vxloom.server.gateway.ledger import DISCONNECTED, FINDING, HOLDING, TWICE, Ledger
from vxloom.server.gateway.reading import Look, Wanted, look
from vxloom.server.gateway.stream import HostStream
from vxloom.server.gateway.tables import Held
from vxloom.server.gateway.timing import Timing
from vxloom.server.gateway.zone import Zone
from vxloom.server.health import Health, Watch
from vxloom.server.simulator import Simulator
from vxloom.settings import ServerSettings
from vxloom.store import Store, Transaction, records

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")
_STRANGER_LIMIT = 64 * 1024
"""Bytes of a first message from somebody without a certificate: a token and a request are 2 kB."""
_THREADS = 4
_TAKEOVERS, _TAKEOVER_TIME = 4, 60.0
"""So many streams of a host that replaced a living one, within so many seconds, are no accident."""
_BEAT = 5.0
"""Seconds; agents count on a sign of life at least every 15."""


class Gateway:
    """Serves the agents' streams. ``run`` in the loop; the methods of :class:`vxloom.server.fleet.Fleet` from any other thread."""

    def __init__(self, settings: ServerSettings, store: Store, *, timing: Timing | None = None, lifetime: timedelta | None = None) -> None:
        self._listen = host_and_port(settings.agent_listen)
        self._store = store
        with store.read() as rx:
            silence = rx.setting_float("vxloom.host.timeout")
            self._timing = timing or Timing(beat=min(_BEAT, silence / 3), silence=silence)
            lifetime = lifetime or timedelta(days=rx.setting_float("vxloom.certificate.days"))
            fresh = rx.count(records.Certificate) == 0
        self._authority = Authority(settings.data / "ca", lifetime=lifetime, fresh=fresh)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="gateway")
        # A storm of greetings must not delay what those already welcomed are waiting for.
        self._steady = ThreadPoolExecutor(_THREADS, thread_name_prefix="gateway-steady")
        self._streams: dict[str, HostStream] = {}
        self._live: frozenset[str] = frozenset()
        self._zones: dict[str, Zone] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections: set[asyncio.Task[None]] = set()
        self._lost: dict[str, asyncio.TimerHandle] = {}
        self._ledger = Ledger(store, self._in_steady_thread, self._acknowledged, self._timing)
        self._watch = Watch(self._ledger.condition)
        self._door = Door()
        self._takeovers: dict[str, list[float]] = {}
        self.port = 0
        """The port listened on, once :attr:`started`."""
        self.started = asyncio.Event()
        self.on_acknowledged: Callable[[tuple[str, ...]], None] | None = None
        """Told, in the loop, the ids of jobs with a wait newly satisfied; must be quick."""

    # --- what the API calls, from any thread (vxloom.server.fleet.Fleet) ------------------------------------------------

    def live(self) -> frozenset[str]:
        """Return the ids of the hosts that have a stream now."""
        return self._live

    def report(self, host: str) -> Report | None:
        """Return the last report of a host on its present stream."""
        stream = self._streams.get(host)
        return stream.report if stream is not None else None

    def health(self, host: str) -> Health | None:
        """Return what a host's hardware says, None when it has told nothing on its present stream."""
        return self._watch.health(host)

    def strained(self) -> Mapping[str, str]:
        """Return host id → why it is the last choice for a machine."""
        return self._watch.strained()

    def ask(self, host: str, what: str, timeout: float, about: bytes = b"") -> bytes:
        """Return a host's answer (JSON) to a question of the wire's; raises :class:`TransportError` after ``timeout`` seconds."""
        return asyncio.run_coroutine_threadsafe(self._stream(host).ask(what, timeout, about), self._loop).result()

    def confirm(self, host: str) -> None:
        """Tell a holding host that a person confirmed; raises :class:`TransportError` when it has no stream."""
        self._loop.call_soon_threadsafe(self._stream(host).confirm)

    def cut(self, host: str) -> None:
        """End the stream of a removed host now; nothing happens when there is none."""
        stream = self._streams.get(host)
        if stream is not None:
            self._loop.call_soon_threadsafe(stream.removed)

    def reconnect(self, host: str) -> None:
        """End a host's stream, so that it greets anew; raises :class:`TransportError` when it has none."""
        self._loop.call_soon_threadsafe(self._stream(host).end)

    def simulate(self, host: str) -> None:
        """Start a simulated host that is in the store; it has a stream when this returns."""
        rows = self._simulator.rows(host)
        asyncio.run_coroutine_threadsafe(self._simulator.begin(rows), self._loop).result()

    def issue_token(self, zone: str, name: str, actor: str, tx: Transaction | None = None) -> str:
        """Return the text of a new one-time join token for a host of that name in that zone; with ``tx``, written in that transaction."""
        with contextlib.nullcontext(tx) if tx is not None else self._store.write(actor) as writing:
            return issue_token(writing, self._authority, zone, name)

    # --- the server -------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve until cancelled. Raises :class:`ConfigError` when the address cannot be listened on."""
        self._loop = asyncio.get_running_loop()
        self._simulator = Simulator(self._store, self._serve_host, again=self._timing.again)
        thresholds = partial(self._in_thread, partial(self._watch.read, self._store))
        await thresholds()
        unsubscribe = self._store.subscribe(self._changed)
        loops = (self._ledger.run(), self._sweep(), self._watch.run(thresholds, self._timing.beat))
        background = [asyncio.create_task(each) for each in loops]
        try:
            listening = listen(*self._listen)
        except OSError as error:
            unsubscribe()
            await _cancelled(background)
            host, port = self._listen
            raise ConfigError(f"cannot listen on {host}:{port} for agents: {error.strerror}", remedy="change agent_listen") from error
        try:
            self.port = listening.getsockname()[1]
            background.append(asyncio.create_task(self._accept(listening)))
            await self._simulator.begin(await self._in_thread(self._simulator.rows))
            self.started.set()
            await asyncio.gather(*background)  # for ever, or until one of them breaks
        finally:
            unsubscribe()
            await self._simulator.end()
            await _cancelled([*background, *self._tasks, *self._connections])
            listening.close()
            for timer in self._lost.values():
                timer.cancel()
            self._threads.shutdown(wait=True)
            self._steady.shutdown(wait=True)

    async def _accept(self, listening: socket.socket) -> None:
        """Give every connection a task of its own, for ever."""
        context = self._authority.server_context()
        while True:
            try:
                sock, (address, *_) = await self._loop.sock_accept(listening)
            except OSError as error:  # out of descriptors, most likely: those in the door go at their deadline
                _log.warning("no connection can be accepted: %s", error)
                await asyncio.sleep(self._timing.again)
                continue
            task = asyncio.create_task(self._connected(sock, str(address), context))
            self._connections.add(task)
            self._door.enter(str(address), task)
            task.add_done_callback(partial(self._left, str(address)))

    def _left(self, address: str, task: asyncio.Task[None]) -> None:
        self._connections.discard(task)
        self._door.leave(address, task)

    async def _connected(self, sock: socket.socket, address: str, context: ssl.SSLContext) -> None:
        """Serve one connection from the TLS handshake to its end."""
        try:
            connection = await accepted(sock, context, greeting=self._timing.greeting, silence=self._timing.silence)
        except OSError as error:  # SSLError is one
            _log.info("no TLS with %s: %s", address, error)
            return
        task = asyncio.current_task()
        if connection.certificate is not None and task is not None:
            self._door.leave(address, task)
        try:
            await self._serve(connection)
        except IdentityError as error:
            _log.warning("%s refused: %s", connection.peer, error)
            await connection.finish(encode(Refused(str(error), final=True)))
        except VxloomError as error:
            _log.info("stream of %s ended: %s", connection.peer, error)
            if not isinstance(error, TransportError):
                await connection.finish(encode(Refused(str(error))))
        except Exception:  # noqa: BLE001 - a defect of ours: this stream ends and is logged, the others live
            _log.exception("stream of %s ended by a defect", connection.peer)
        finally:
            connection.abort()

    async def _serve(self, connection: Connection) -> None:
        der = connection.certificate
        try:
            async with asyncio.timeout(self._timing.greeting):
                body = await connection.receive(_STRANGER_LIMIT) if der is None else await connection.receive()
        except TimeoutError as error:
            raise TransportError("no greeting came") from error
        check_schema(body)
        message = decode_from_agent(body)
        match message:
            case Join():
                await self._join(connection, message)
            case Hello() if der is not None:
                await self._stream_of(connection, claimant(der), message)
            case Renew() if der is not None:
                issued = await self._in_thread(partial(renew, self._store, self._authority, claimant(der), message.csr))
                await connection.finish(encode(Certificate(issued.certificate)))
            case _:
                raise IdentityError("a stream without a host certificate may only join", remedy="join with a token")

    async def _join(self, connection: Connection, message: Join) -> None:
        if not message.token:  # "who are you?": the agent checks the CA against its token before it sends that
            await connection.finish(encode(Joined("", self._authority.certificate, "")))
            return
        host, issued = await self._in_thread(partial(join, self._store, self._authority, message))
        _log.info("host %s (%s) joined from %s", host, message.name, connection.peer)
        await connection.finish(encode(Joined(issued.certificate, self._authority.certificate, host)))

    async def _stream_of(self, connection: Connection, who: Claimant, hello: Hello) -> None:
        if who.expired(_now()):
            raise StateError("this host's certificate has ended", remedy="the agent renews it")
        admitted = await self._in_thread(partial(admit, self._store, who, hello, connection.peer))
        await connection.send(encode(Welcome(who.host, self._store.epoch, admitted.lineage, silence=self._timing.silence)))
        held = hello.segments if admitted.lineage else None
        await self._serve_host(connection, who, admitted.host.zone, held, confirm=not admitted.lineage and admitted.confirmed)

    async def _serve_host(
        self, channel: Channel, who: Claimant, zone: str, held: Mapping[int, Held] | None, *, confirm: bool = False
    ) -> None:
        """Serve one host's stream to its end; ``held`` as :class:`HostStream` takes it."""
        feed = self._zone(zone)
        stream = HostStream(channel, who, zone, self._store.epoch, feed.segments, held, self, self._timing)
        self._arrived(stream, feed)
        if confirm:
            stream.confirm()
        try:
            await stream.run()
        finally:
            self._departed(stream, feed)

    def _arrived(self, stream: HostStream, zone: Zone) -> None:
        earlier = self._streams.get(stream.host)
        if earlier is not None:
            earlier.end()
            self._took_over(stream, earlier)
        timer = self._lost.pop(stream.host, None)
        if timer is not None:
            timer.cancel()
        self._streams[stream.host] = stream
        self._live = frozenset(self._streams)
        self._ledger.state(stream.host, records.HostState.UP)
        self._ledger.alert(DISCONNECTED, stream.host, "")
        zone.join(stream)

    def _took_over(self, stream: HostStream, earlier: HostStream) -> None:
        """The newest stream wins; where that happens again and again, two agents have one identity, and push each other out."""
        now = self._loop.time()
        times = [*self._takeovers.get(stream.host, ()), now][-_TAKEOVERS:]
        self._takeovers[stream.host] = times
        if len(times) == _TAKEOVERS and now - times[0] < _TAKEOVER_TIME:
            where = " and ".join(sorted({stream.peer, earlier.peer}))
            text = f"two agents use its identity in turn, from {where}; stop one, and join it under its own name with a new token"
            self._ledger.alert(TWICE, stream.host, text)

    def _departed(self, stream: HostStream, zone: Zone) -> None:
        zone.leave(stream.host, stream)
        if self._streams.get(stream.host) is not stream:
            return
        del self._streams[stream.host]
        self._live = frozenset(self._streams)
        self._ledger.forget(stream.host)
        self._watch.forget(stream.host)
        self._missing(stream.host)

    def _missing(self, host: str) -> None:
        self._lost[host] = self._loop.call_later(self._timing.silence, self._silent, host)

    def _silent(self, host: str) -> None:
        self._lost.pop(host, None)
        if host not in self._streams:
            self._ledger.state(host, records.HostState.DISCONNECTED)
            self._ledger.alert(DISCONNECTED, host, "its agent is not connected; it keeps what it has")

    async def _sweep(self) -> None:
        """Start the clock of hosts that were up when an earlier server ended; then, once a second, end streams whose certificate has."""
        for host in await self._in_thread(self._up):
            if host not in self._streams and host not in self._lost:
                self._missing(host)
        while True:
            await asyncio.sleep(1)
            for host, times in list(self._takeovers.items()):
                if self._loop.time() - times[-1] > _TAKEOVER_TIME:
                    del self._takeovers[host]
                    self._ledger.alert(TWICE, host, "")
            now = _now()
            for stream in list(self._streams.values()):
                if stream.expired(now):
                    stream.end(Refused("this host's certificate has ended; the agent renews it"))

    def _up(self) -> list[str]:
        with self._store.read() as rx:
            return [host.id for host in rx.all(records.Host, state=records.HostState.UP)]

    # --- what streams tell (vxloom.server.gateway.stream.Recipient) -----------------------------------------------------------

    def acknowledged(self, stream: HostStream, ack: Ack) -> None:
        """An acknowledgement, already held against what this stream was sent."""
        self._ledger.acknowledged(stream.host, ack)

    def reported(self, stream: HostStream, report: Report) -> None:
        """Health and findings: alerts, raised once and resolved when gone."""
        self._ledger.alert(HOLDING, stream.host, f"holding, nothing is withdrawn: {report.holding}" if report.holding else "")
        self._ledger.alert(FINDING, stream.host, "; ".join(report.findings))
        self._watch.reported(stream.host, stream.zone, report.hardware)

    def claimed(self, stream: HostStream, claim: Claim) -> None:
        """A shared address announced on a tap."""
        self._ledger.claimed(stream.host, claim.nic, claim.address)

    async def renew(self, stream: HostStream, csr: str) -> str:
        """Return a new certificate (PEM) of the stream's host; raises :class:`IdentityError`."""
        issued = await self._in_thread(partial(renew, self._store, self._authority, stream.claimant, csr))
        stream.renewed(issued.expires)
        return issued.certificate

    def _acknowledged(self, jobs: tuple[str, ...]) -> None:
        if self.on_acknowledged is not None:
            self.on_acknowledged(jobs)

    # --- the store ------------------------------------------------------------------------------------------------------------

    def _zone(self, zone: str) -> Zone:
        feed = self._zones.get(zone)
        if feed is None:
            feed = Zone(zone, self._store.epoch, self._look, poll=self._timing.poll, again=self._timing.again)
            self._zones[zone] = feed
            task = asyncio.create_task(feed.run())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return feed

    async def _look(self, wanted: Wanted) -> Look:
        return await self._in_steady_thread(partial(look, self._store, wanted))

    def _changed(self, zone: str, revision: int) -> None:
        """Called by the store after a commit, in the writer's thread."""
        self._loop.call_soon_threadsafe(self._call, zone)

    def _call(self, zone: str) -> None:
        feed = self._zones.get(zone)
        if feed is not None:
            feed.call()

    async def _in_thread(self, work: Callable[[], _Result]) -> _Result:
        return await self._loop.run_in_executor(self._threads, work)

    async def _in_steady_thread(self, work: Callable[[], _Result]) -> _Result:
        return await self._loop.run_in_executor(self._steady, work)

    def _stream(self, host: str) -> HostStream:
        stream = self._streams.get(host)
        if stream is None:
            raise TransportError(f"host {host} is not connected", remedy="look at its agent: systemctl status vxloom-agent")
        return stream


def _now() -> datetime:
    return datetime.now(UTC)


async def _cancelled(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait until they have ended."""
    waiting = list(tasks)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
