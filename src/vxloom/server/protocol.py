"""HTTP/1.1 as uvicorn speaks it, with the deadline it lacks: who has not sent a whole request in time is told so, and hung up on.

Without one, connections that send a byte now and then (slowloris) would hold the server's files until there are none left for others.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS = 30.0
"""From a connection, or from the first byte of a later request on it, to the request's last byte. A body is 1 MiB at most."""
_TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_ANSWERABLE = (h11.IDLE, h11.SEND_RESPONSE)
"""States in which nothing of an answer was sent yet."""


class Protocol(H11Protocol):
    """One connection of a client."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._await_request()

    def data_received(self, data: bytes) -> None:
        """Take what was sent; the deadline is that of the request's first byte, whatever comes later."""
        super().data_received(data)
        if self.conn.their_state in {h11.IDLE, h11.SEND_BODY}:
            self._await_request()
        else:
            self._forget_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline with the connection."""
        self._forget_deadline()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Go on with the next request. What is left of a body that was answered early is thrown away, until the same deadline."""
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:
            self._await_request()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; after an answer has begun all that is left is to hang up."""
        if self.conn.our_state in _ANSWERABLE:
            super().send_400_response(msg)
        self._end()

    def _await_request(self) -> None:
        if self._late is None and not self.transport.is_closing():
            self._late = self.loop.call_later(REQUEST_SECONDS, self._hang_up)

    def _forget_deadline(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _hang_up(self) -> None:
        self._late = None
        if self.transport.is_closing():
            return
        if self.conn.our_state is h11.IDLE:
            self.transport.write(_TOO_LATE)
        self._end()

    def _end(self) -> None:
        """Hang up; a request that is still at work has nobody to answer any more."""
        if self.cycle is not None:
            self.cycle.disconnected = True
        self.transport.close()
