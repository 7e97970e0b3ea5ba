"""What stands between a host's stream and a simulated host: a connection without a network."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor

from vxloom.errors import StateError
from vxloom.model.wire import MAX_MESSAGE, Beat, Refused, decode_from_gateway, encode
from vxloom.server.simulator.host import SimulatedHost

_PREFIX = 4
_BEAT = encode(Beat())


class Loopback:
    """A channel of one stream of a simulated host. ``worker`` has one thread: the hosts' rounds follow one another."""

    def __init__(self, host: SimulatedHost, peer: str, worker: Executor) -> None:
        self.removed = False
        """The last word was that the host is no more."""
        self._host = host
        self._peer = peer
        self._worker = worker
        self._loop = asyncio.get_running_loop()
        self._said: asyncio.Queue[bytes] = asyncio.Queue()

    @property
    def peer(self) -> str:
        """The simulated host's address."""
        return self._peer

    async def send(self, message: bytes) -> None:
        """Hand a message to the host and return when it has done what it asks: a busy host is sent less, as a real one."""
        if message == _BEAT and not self._host.waiting:
            return
        for answer in await self._loop.run_in_executor(self._worker, self._host.received, message[_PREFIX:]):
            self._said.put_nowait(encode(answer)[_PREFIX:])

    async def receive(self, limit: int = MAX_MESSAGE) -> bytes:
        """Return the next message of the host's; raises :class:`StateError` for one longer than ``limit`` bytes."""
        body = await self._said.get()
        if len(body) > limit:
            raise StateError(f"a message of {len(body)} bytes, {limit} are allowed", remedy="report this: a simulated host says too much")
        return body

    async def finish(self, message: bytes) -> None:
        """Take the last word."""
        match decode_from_gateway(message[_PREFIX:]):
            case Refused(final=True):
                self.removed = True
            case _:
                pass
