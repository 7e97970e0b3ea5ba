"""The agent's end of the stream: joins, greets, listens, comes back. Nothing in the host waits for it (law 11).

not joined ── token ──▶ joined ── connect, Hello ──▶ Welcome ── messages ──▶ lost ── back-off ──▶ connect …
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from vxloom.agent.identity import SERVER_NAME, Identity, Token, joining_context, parse_token, probing_context
from vxloom.errors import ConfigError, IdentityError, StateError, TransportError, VxloomError
from vxloom.model.wire import (
    MAX_MESSAGE,
    SCHEMA,
    Beat,
    Certificate,
    FromAgent,
    FromGateway,
    Hello,
    Join,
    Joined,
    Refused,
    Renew,
    Welcome,
    decode_from_gateway,
    encode,
)
from vxloom.settings import AgentSettings

_log = logging.getLogger(__name__)
_CHUNK = 256 * 1024
_BEAT = encode(Beat())


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things may take, in seconds. Tests shorten them; operators have no reason to."""

    beat: float = 5.0
    """Longest pause between two messages to the server."""
    silence: float = 15.0
    """A server not heard of for so long is dead to us (it beats as often as we do)."""
    connect: float = 5.0
    """For a TCP connection with its TLS handshake, and for the answer to a greeting."""
    first: float = 0.1
    """First pause before another attempt; it doubles…"""
    soon: float = 0.8
    """… up to this while the stream was lost less than ``patience`` ago (a server that restarts has everyone back in a second),"""
    late: float = 5.0
    """… and up to this afterwards."""
    patience: float = 30.0
    refused: float = 60.0
    """Pause after a refusal that retrying does not change (removed, wrong CA, used token)."""

    def in_step_with(self, silence: float) -> Timing:
        """Return the timing towards a server that gives an agent up after ``silence``: a third of that is the longest pause."""
        return replace(self, beat=min(self.beat, silence / 3), silence=min(self.silence, silence))


class StreamListener(Protocol):
    """The agent's core, as the stream sees it. Called in the loop; must be quick."""

    def hello(self) -> Hello:
        """Return what the agent holds now; asked at each connection."""

    def connected(self, welcome: Welcome) -> None:
        """The server answered. ``welcome.lineage`` False: another history; hold (law 6)."""

    def received(self, message: FromGateway) -> None:
        """A Document, Table, Delta, Current, Ask or Confirm came."""

    def disconnected(self, reason: str) -> None:
        """There is no stream, and why: once when it is lost, and again only when the reason is another one."""


class Stream:
    """The stream to whichever of the configured servers answers. Raises :class:`ConfigError` when an address is malformed."""

    def __init__(self, settings: AgentSettings, identity: Identity, listener: StreamListener, *, timing: Timing | None = None) -> None:
        self._settings = settings
        self._identity = identity
        self._listener = listener
        self._tried = ""
        """The token last shown to a server."""
        self._timing = self._own_timing = timing or Timing()
        self._servers = _addresses(settings.server)
        self._writer: asyncio.StreamWriter | None = None
        self._problem = "not connected yet"
        self._server = 0
        self._welcomed = False
        self._final = False
        self._renew_first = False
        self._last_sent = 0.0
        self._renewal_tried = 0.0

    @property
    def connected(self) -> bool:
        """Whether the server has welcomed us on a stream that still stands."""
        return self._writer is not None

    @property
    def problem(self) -> str:
        """Why there is no stream; empty while there is one."""
        return "" if self.connected else self._problem

    def send(self, message: FromAgent) -> bool:
        """Send a message; False when there is no stream. Nothing is kept for later: the next Hello tells it all."""
        writer = self._writer
        if writer is None or writer.transport.is_closing():
            return False
        if writer.transport.get_write_buffer_size() > MAX_MESSAGE:
            _log.warning("the server takes no data; starting over")
            writer.transport.abort()
            return False
        writer.write(encode(message))
        self._last_sent = asyncio.get_running_loop().time()
        return True

    async def run(self) -> None:
        """Connect, and come back whenever the stream is lost; until cancelled. Raises :class:`ConfigError` without a server."""
        if not self._servers:
            raise ConfigError("no server is configured", remedy="set `server` in agent.toml")
        loop = asyncio.get_running_loop()
        attempt, lost = 0, loop.time()
        while True:
            began, final = loop.time(), False
            try:
                await self._attempt(*self._servers[self._server % len(self._servers)])
            except IdentityError as error:
                final = self._final = True
                self._lost(str(error))
            except VxloomError as error:
                self._lost(str(error))
            except Exception as error:  # noqa: BLE001 - a defect of ours must not make the host deaf for ever
                _log.exception("the stream ended by a defect")
                self._lost(f"internal error: {error!r}")
            attempt += 1
            if self._welcomed:
                lost = loop.time()
                # A server that welcomes and hangs up at once is not one to run against ten times a second.
                attempt = 0 if lost - began >= self._timing.beat else attempt
            else:
                self._server += 1
            await self._rest(self._pause(attempt, loop.time() - lost, final=final))

    def _pause(self, attempt: int, away: float, *, final: bool) -> float:
        """Return the seconds until the next attempt, scattered so that a thousand hosts do not come at one moment."""
        most = self._timing.soon if away < self._timing.patience else self._timing.late
        pause = min(most, self._timing.first * float(2 ** min(attempt, 16)))
        if final and self._server % len(self._servers) == 0 and not self._token_untried():  # every server was asked
            pause = self._timing.refused
        return pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing

    async def _rest(self, seconds: float) -> None:
        """Wait until the next attempt; a new token ends the wait."""
        loop = asyncio.get_running_loop()
        until, before = loop.time() + seconds, self._token_text()
        while (left := until - loop.time()) > 0:
            await asyncio.sleep(min(left, 1.0))
            if left > 1.0 and self._token_text() != before:
                return

    def _lost(self, reason: str) -> None:
        was_connected, self._writer = self._writer is not None, None
        if was_connected or reason != self._problem:
            self._problem = reason
            _log.warning("no stream to the server: %s", reason)
            self._listener.disconnected(reason)

    async def _attempt(self, host: str, port: int) -> None:
        """Join if needed, then one stream from greeting to end. Returns after a renewal only; else ends by raising."""
        self._welcomed = False
        await self._ensure_joined(host, port)
        async with self._connection(host, port, self._identity.context()) as (reader, writer):
            if self._renew_first or self._identity.expired():
                self._renew_first = False
                await self._renew_now(reader, writer)
                return
            hello = self._listener.hello()
            writer.write(encode(hello))
            welcome = await self._answer(reader)
            if not isinstance(welcome, Welcome):
                raise TransportError(f"the server answered the greeting with {type(welcome).__name__}")
            if welcome.schema > SCHEMA:
                raise IdentityError(f"the server speaks schema {welcome.schema}, this agent up to {SCHEMA}", remedy="upgrade the agent")
            self._timing = self._own_timing.in_step_with(welcome.silence)
            self._writer, self._welcomed, self._final = writer, True, False
            self._listener.connected(welcome)
            beats = asyncio.ensure_future(self._beats(writer))
            try:
                while True:
                    self._received(await self._receive(reader, self._timing.silence))
            finally:
                beats.cancel()
                await asyncio.gather(beats, return_exceptions=True)

    def _received(self, message: FromGateway) -> None:
        match message:
            case Beat():
                pass
            case Certificate():
                self._identity.renewed(message.certificate)
                _log.info("certificate renewed")
            case Refused():
                raise self._refusal(message)
            case Joined() | Welcome():
                raise TransportError(f"the server sent a {type(message).__name__} in the middle of the stream")
            case _:
                self._listener.received(message)

    async def _beats(self, writer: asyncio.StreamWriter) -> None:
        """Give signs of life, and ask for the next certificate in time."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._timing.beat / 2)
            if loop.time() - self._last_sent >= self._timing.beat / 2:
                writer.write(_BEAT)
            # An absurd clock makes every certificate look due: never ask twice within a tenth of its life.
            between = self._identity.lifetime().total_seconds() / 10
            due = datetime.now(UTC) >= self._identity.renewal()
            if due and (not self._renewal_tried or loop.time() - self._renewal_tried >= between):
                self._renewal_tried = loop.time()
                self.send(Renew(self._identity.csr(self._name())))

    async def _renew_now(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(encode(Renew(self._identity.csr(self._name()))))
        answer = await self._answer(reader)
        if not isinstance(answer, Certificate):
            raise TransportError(f"the server answered a renewal with {type(answer).__name__}")
        self._identity.renewed(answer.certificate)
        _log.info("certificate renewed after its end")

    # --- joining ----------------------------------------------------------------------------------------------------------

    async def _ensure_joined(self, host: str, port: int) -> None:
        if self._identity.joined and not self._final:
            return
        token = self._token()
        if self._identity.joined and (token is None or self._identity.joined_with(token[1])):
            return
        if token is None:
            raise TransportError(
                f"this host has not joined, and there is no token in {self._settings.token_file}",
                remedy="make one with createHostJoinToken on the server",
            )
        text, body = token
        self._tried = text
        csr = self._identity.csr(self._name())
        # Nobody can be asked for his CA securely before the CA is known; so the token goes over a second connection.
        probe = await self._exchange(host, port, probing_context(), Join("", csr, self._name()))
        context = joining_context(probe.authority, body)
        joined = await self._exchange(host, port, context, Join(text, csr, self._name()))
        self._identity.joined_as(joined.certificate, joined.authority, body)
        _log.info("joined as host %s", joined.host)

    async def _exchange(self, host: str, port: int, context: ssl.SSLContext, message: Join) -> Joined:
        async with self._connection(host, port, context) as (reader, writer):
            writer.write(encode(message))
            answer = await self._answer(reader)
        if not isinstance(answer, Joined):
            raise TransportError(f"the server answered a joining host with {type(answer).__name__}")
        return answer

    def _token(self) -> tuple[str, Token] | None:
        text = self._token_text()
        return (text, parse_token(text)) if text else None

    def _token_text(self) -> str:
        """Return what the token file says, empty where there is none to read (then the host cannot join, and says so)."""
        try:
            return self._settings.token_file.read_text().strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def _token_untried(self) -> bool:
        """Tell whether there is a token that was never shown to a server: a host that was removed is given one before it is started."""
        text = self._token_text()
        return bool(text) and text != self._tried and not (self._identity.joined and self._known(text))

    def _known(self, text: str) -> bool:
        try:
            return self._identity.joined_with(parse_token(text))
        except IdentityError:
            return False  # a damaged one is said when it is tried

    def _name(self) -> str:
        return self._settings.name or socket.gethostname()

    # --- one connection -----------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _connection(
        self, host: str, port: int, context: ssl.SSLContext
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """Open a connection, and cut it afterwards; turns what the network says into our errors."""
        writer: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(self._timing.connect):
                reader, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=SERVER_NAME, ssl_shutdown_timeout=1)
            yield reader, writer
        except ssl.SSLCertVerificationError as error:
            raise IdentityError(
                f"{host}:{port} is not the server this host joined: {error.verify_message}", remedy="check `server` in agent.toml"
            ) from error
        except TimeoutError as error:
            raise TransportError(f"{host}:{port} does not answer") from error
        except OSError as error:  # ssl.SSLError is one
            raise TransportError(f"{host}:{port}: {error.strerror or error}") from error
        finally:
            if writer is not None:
                writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader) -> FromGateway:
        message = await self._receive(reader, self._timing.connect)
        if isinstance(message, Refused):
            raise self._refusal(message)
        return message

    def _refusal(self, message: Refused) -> TransportError:
        if message.final:
            return IdentityError(message.reason)
        self._renew_first = True  # our clock may be wrong about the certificate's end; renewing once too often is harmless
        return TransportError(message.reason)

    async def _receive(self, reader: asyncio.StreamReader, patience: float) -> FromGateway:
        length = int.from_bytes(await _exactly(reader, 4, patience), "big")
        if length > MAX_MESSAGE:
            raise StateError(f"the server announced a message of {length} bytes", remedy="upgrade the older side")
        return decode_from_gateway(await _exactly(reader, length, patience))


async def _exactly(reader: asyncio.StreamReader, count: int, patience: float) -> bytes:
    """Return ``count`` bytes; raises :class:`TransportError` when the stream ends or nothing comes for ``patience`` seconds."""
    loop = asyncio.get_running_loop()
    got = bytearray()
    try:
        async with asyncio.timeout(patience) as timer:
            while len(got) < count:
                chunk = await reader.read(min(count - len(got), _CHUNK))
                if not chunk:
                    raise TransportError("the server closed the stream")
                got += chunk
                timer.reschedule(loop.time() + patience)
    except TimeoutError as error:
        raise TransportError(f"nothing heard of the server for {patience:g} s") from error
    return bytes(got)


def _addresses(text: str) -> tuple[tuple[str, int], ...]:
    found: list[tuple[str, int]] = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        host, _, port = part.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ConfigError(f"server {part!r} is not HOST:PORT", remedy="write it as 192.0.2.1:8250 or [2001:db8::1]:8250")
        found.append((host.strip("[]"), int(port)))
    return tuple(found)
