"""From the real machine's loopback to a port inside a node, without a link between the two.

A socket belongs to the network namespace its thread was in when it was made. So a one-thread pool lives in the node's
namespace and makes sockets there; the event loop of the supervisor connects and pumps them. No veth reaches the real machine.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from vxloom.errors import ConfigError
from vxloom.lab import syscalls

_CHUNK = 65536
_PORTS_TRIED = 200


class Relay:
    """Carries connections to ``127.0.0.1:port`` here to ``127.0.0.1:target_port`` inside the node held by ``holder``."""

    def __init__(self, holder: int, target_port: int) -> None:
        """Raises ``OSError`` if the node's namespace cannot be entered."""
        self._target = ("127.0.0.1", target_port)
        namespace = os.open(f"/proc/{holder}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._sockets = ThreadPoolExecutor(1, "node-sockets", syscalls.setns, (namespace, syscalls.CLONE_NEWNET))
        self._sockets.submit(int).result()  # the initializer ran, or its failure is raised here
        os.close(namespace)
        self._server: asyncio.Server | None = None
        self.port = 0

    async def listen(self, wanted: int) -> None:
        """Listen on loopback at ``wanted`` or the next free port (0: any). Raises ``ConfigError`` if none is free."""
        candidates = range(wanted, min(wanted + _PORTS_TRIED, 65536)) if wanted else range(1)
        for port in candidates:
            try:
                self._server = await asyncio.start_server(self._carry, "127.0.0.1", port)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            self.port = int(self._server.sockets[0].getsockname()[1])
            return
        raise ConfigError(f"no free TCP port from {wanted} on", remedy="name another with --port")

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self._sockets.shutdown(wait=False)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        try:
            inner = await loop.run_in_executor(self._sockets, _make_socket)
            await loop.sock_connect(inner, self._target)
            far_reader, far_writer = await asyncio.open_connection(sock=inner)
        except OSError:
            # Nobody listens in the node: the caller sees its connection reset, as it would without the relay.
            writer.transport.abort()
            return
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))


def _make_socket() -> socket.socket:
    # asyncio turns Nagle off only for sockets that name TCP as their protocol; with it on, a request in two writes waits 40 ms
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setblocking(False)
    return made


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Copy until the source ends, then pass the end on. A broken side ends its direction only."""
    with suppress(ConnectionError):
        while chunk := await source.read(_CHUNK):
            sink.write(chunk)
            await sink.drain()
    with suppress(OSError):
        if sink.can_write_eof():
            sink.write_eof()
