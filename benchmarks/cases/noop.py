"""A no-op reconcile of a host with 100,000 rows, as the agent's timer does it, against receiving one kernel dump of those rows.

Rows, over 100 networks: for each of 25,000 remote MACs two of the FDB and one neighbour, and 25,000 flood entries.
The peer only receives: no decoding, no comparing.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

from benchmarks.measure import Bench
from benchmarks.rows import Bound, Row
from benchmarks.world import Host, desired, segment, word
from vxloom.agent.reconcile import Target
from vxloom.dataplane.netlink import NetlinkSocket, decode_fdb, decode_neighbours, fdb_dump, neighbour_dump
from vxloom.model.state import HostState
from vxloom.planner.plan import ALL

SEGMENTS = 100
_DONE, _MULTI, _END = 3, 2, 20
_STEP = 1 << 16


def run(bench: Bench) -> Iterator[Row]:
    each = bench.size(250, 25)
    tables = [segment(vni, each, vni * each) for vni in range(1, SEGMENTS + 1)]
    host = Host()
    host.apply(HostState(), desired(tables))
    target = Target(word(tables))
    raw = RawDump()
    count = _count()
    if count < 4 * SEGMENTS * each:
        raise RuntimeError(f"the kernel holds {count} rows")

    def ours() -> None:
        result = host.reconciler.run(target, ALL)
        if result.plan.steps or not result.verified:
            raise RuntimeError("there was something to do")

    pairs = bench.pairs(bench.size(15, 3), ours, raw)
    yield pairs.times("noop", f"ms for {count:,} rows", 1000, "raw dump, received only", Bound("ratio", "<=", 3))


def _count() -> int:
    """Return how many rows the kernel holds."""
    with NetlinkSocket() as sock:
        return len(decode_fdb(sock.dump(fdb_dump()))) + len(decode_neighbours(sock.dump(neighbour_dump())))


class RawDump:
    """A netlink socket that asks for all FDB rows and all neighbours and throws away what comes."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._socket.bind((0, 0))
        self._buffer = bytearray(_STEP)

    def __call__(self) -> None:
        """Receive both dumps."""
        for number, request in enumerate((fdb_dump(), neighbour_dump()), 1):
            end = self._ask(number, request)
            size = 0
            while self._buffer[max(size - _END, 0) : size] != end:
                size = self._socket.recv_into(self._buffer)

    def _ask(self, number: int, request: bytes) -> bytes:
        """Send a request; return the message that will end the answer, alone or behind the last rows (20 bytes, status 0)."""
        header = struct.Struct("=IHHII")
        length, kind, flags, _, _ = header.unpack_from(request)
        self._socket.send(header.pack(length, kind, flags, number, 0) + request[header.size :])
        return header.pack(_END, _DONE, _MULTI, number, self._socket.getsockname()[0]) + bytes(4)
