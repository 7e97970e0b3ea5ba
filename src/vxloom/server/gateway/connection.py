"""Framing and deadlines of one connection. A side that is slow, half-open or talks nonsense costs its own stream and nothing else."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Protocol

from vxloom.errors import ConfigError, StateError, TransportError
from vxloom.model.wire import MAX_MESSAGE

_CHUNK = 256 * 1024


class Channel(Protocol):
    """What a host's stream needs of whatever brings it there: a TLS connection, or a simulated host's loopback."""

    @property
    def peer(self) -> str:
        """The other side's IP address."""

    async def receive(self, limit: int = MAX_MESSAGE) -> bytes:
        """Return the next message's body, without its length; raises :class:`vxloom.errors.VxloomError` at the end."""

    async def send(self, message: bytes) -> None:
        """Send an encoded message, and return when there is room for the next; raises :class:`TransportError`."""

    async def finish(self, message: bytes) -> None:
        """Send the last message; nothing fails any more."""


class Connection:
    """Length-prefixed messages over an asyncio TLS stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, silence: float) -> None:
        self._reader = reader
        self._writer = writer
        self._silence = silence
        self._loop = asyncio.get_running_loop()
        self._torn = False

    @property
    def peer(self) -> str:
        """The other side's IP address."""
        name = self._writer.get_extra_info("peername")
        return str(name[0]) if name else "?"

    @property
    def certificate(self) -> bytes | None:
        """The client certificate (DER) TLS has verified against our CA, None without one."""
        tls: ssl.SSLObject | None = self._writer.get_extra_info("ssl_object")
        return tls.getpeercert(binary_form=True) if tls is not None else None

    async def receive(self, limit: int = MAX_MESSAGE) -> bytes:
        """Return the next message's body.

        Raises :class:`TransportError` when the other side is gone or silent, :class:`StateError` when it announces more than
        ``limit`` bytes.
        """
        length = int.from_bytes(await self._exactly(4), "big")
        if length > limit:
            raise StateError(f"a message of {length} bytes was announced, {limit} are allowed", remedy="upgrade the older side")
        return await self._exactly(length)

    async def send(self, message: bytes) -> None:
        """Send an encoded message. Raises :class:`TransportError` when the other side does not take it in time.

        In slices, each waiting for room: what a slow reader keeps in memory is bounded, however long the message.
        """
        view = memoryview(message)
        self._torn = True
        try:
            for start in range(0, len(view), _CHUNK):
                self._writer.write(view[start : start + _CHUNK])
                async with asyncio.timeout(self._silence):
                    await self._writer.drain()
            self._torn = False
        except TimeoutError as error:
            raise TransportError(f"{self.peer} takes no data for {self._silence:g} s") from error
        except OSError as error:
            raise TransportError(f"stream to {self.peer} broke: {error}") from error

    async def finish(self, message: bytes) -> None:
        """Send a last message and give the other side a moment to read it; errors do not matter any more.

        After half a message nothing can be said: it would be read as the other half.
        """
        try:
            if not self._torn:
                await self.send(message)
            async with asyncio.timeout(1):
                self._writer.close()
                await self._writer.wait_closed()
        except (TransportError, TimeoutError, OSError):
            pass
        finally:
            self.abort()

    def abort(self) -> None:
        """Cut the connection now, unsent data lost."""
        self._writer.transport.abort()

    async def _exactly(self, count: int) -> bytes:
        got = bytearray()
        try:
            async with asyncio.timeout(self._silence) as timer:
                while len(got) < count:
                    chunk = await self._reader.read(min(count - len(got), _CHUNK))
                    if not chunk:
                        raise TransportError(f"{self.peer} closed the stream")
                    got += chunk
                    timer.reschedule(self._loop.time() + self._silence)
        except TimeoutError as error:
            raise TransportError(f"nothing heard of {self.peer} for {self._silence:g} s") from error
        except OSError as error:
            raise TransportError(f"stream to {self.peer} broke: {error}") from error
        return bytes(got)


def host_and_port(text: str) -> tuple[str, int]:
    """Return host and port of ``agent_listen``; raises :class:`ConfigError`."""
    host, _, port = text.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise ConfigError(f"agent_listen {text!r} is not ADDRESS:PORT", remedy="write it as 0.0.0.0:8250 or [::]:8250")
    return host.strip("[]"), int(port)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket for agents; raises OSError."""
    sock = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=4096)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted sockets inherit it
    sock.setblocking(False)
    return sock


async def accepted(sock: socket.socket, context: ssl.SSLContext, *, greeting: float, silence: float) -> Connection:
    """Return the connection of an accepted socket after its TLS handshake, which may take ``greeting`` seconds. Raises OSError."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    try:
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol, sock, ssl=context, ssl_handshake_timeout=greeting, ssl_shutdown_timeout=1
        )
    except BaseException:
        sock.close()
        raise
    return Connection(reader, asyncio.StreamWriter(transport, protocol, reader, loop), silence=silence)
