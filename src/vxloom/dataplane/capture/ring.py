"""A pcap stream, of which the newest packets are kept. Only the container is read (pcap-savefile(5)), never a packet."""

from __future__ import annotations

import struct
from collections import deque
from typing import Final

from vxloom.errors import StateError

_FILE: Final = 24
_RECORD: Final = 16
_ORDERS: Final = {b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">", b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<"}
_LONGEST: Final = 1 << 20
"""Bytes of a packet; the longest snap length is a quarter of it."""


class Ring:
    """Takes a stream in pieces of any size. Memory: ``size``, and one packet."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._rest = b""
        self._head = b""
        self._length = ""
        self._kept: deque[bytes] = deque()
        self._bytes = 0
        self.pushed_out = 0

    @property
    def packets(self) -> int:
        """How many are kept."""
        return len(self._kept)

    def feed(self, data: bytes) -> None:
        """Take the next piece. Raises :class:`StateError` for what is no pcap."""
        data = self._rest + data
        place = 0
        if not self._head:
            if len(data) < _FILE:
                self._rest = data
                return
            order = _ORDERS.get(data[:4])
            if order is None:
                raise StateError("tcpdump wrote something that is no pcap", remedy="see: tcpdump --version")
            self._head, self._length, place = data[:_FILE], order + "I", _FILE
        while len(data) - place >= _RECORD:
            (length,) = struct.unpack_from(self._length, data, place + 8)
            if length > _LONGEST:
                raise StateError(f"tcpdump wrote a packet of {length} bytes", remedy="capture again")
            end = place + _RECORD + length
            if end > len(data):
                break
            self._keep(data[place:end])
            place = end
        self._rest = data[place:]

    def pcap(self) -> bytes:
        """Return what is kept as a file; empty when not even its head came."""
        return self._head + b"".join(self._kept)

    def _keep(self, record: bytes) -> None:
        self._kept.append(record)
        self._bytes += len(record)
        while self._bytes > self._size and len(self._kept) > 1:
            self._bytes -= len(self._kept.popleft())
            self.pushed_out += 1
