"""A no-op reconcile of a host with 100,000 rows, as the agent's timer does it, against receiving one kernel dump of those rows.

Rows, over 100 networks: for each of 25,000 remote MACs two of the FDB and one neighbour, and 25,000 flood entries.
The peer only receives: no decoding, no comparing.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

from benchmarks.measure import Bench
from benchmarks.rows import Bound, Row
from benchmarks.world import Host, desired, segment, word
from vxloom.agent.reconcile import Target
from vxloom.dataplane.netlink import decode_fdb, decode_neighbours, fdb_dump, neighbour_dump
from vxloom.model.state import HostState
from vxloom.planner.plan import ALL

SEGMENTS = 100
_DONE = 3
_STEP = 1 << 16


def run(bench: Bench) -> Iterator[Row]:
    each = bench.size(250, 25)
    tables = [segment(vni, each, vni * each) for vni in range(1, SEGMENTS + 1)]
    host = Host()
    host.apply(HostState(), desired(tables))
    target = Target(word(tables))
    raw = RawDump()
    count = raw.rows()
    if count < 4 * SEGMENTS * each:
        raise RuntimeError(f"the kernel holds {count} rows")

    def ours() -> None:
        result = host.reconciler.run(target, ALL)
        if result.plan.steps or not result.verified:
            raise RuntimeError("there was something to do")

    pairs = bench.pairs(bench.size(15, 3), ours, raw)
    yield pairs.times("noop", f"ms for {count:,} rows", 1000, "raw dump, received only", Bound("ratio", "<=", 3))


class RawDump:
    """A netlink socket that asks for all FDB rows and all neighbours and throws away what comes."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._socket.bind((0, 0))
        self._buffer = bytearray(_STEP)

    def __call__(self) -> None:
        """Receive both dumps."""
        for request in (fdb_dump(), neighbour_dump()):
            self._socket.send(request)
            while not self._ends(self._socket.recv_into(self._buffer)):
                pass

    def rows(self) -> int:
        """Return how many rows there are."""
        total = 0
        for request, decode in ((fdb_dump(), decode_fdb), (neighbour_dump(), decode_neighbours)):
            self._socket.send(request)
            while not self._ends(size := self._socket.recv_into(self._buffer)):
                total += len(decode([memoryview(bytes(self._buffer[:size]))]))
        return total

    def _ends(self, size: int) -> bool:
        """Tell whether the dump's last message (20 bytes, type DONE) ends what came, alone or behind rows."""
        return int.from_bytes(self._buffer[size - 16 : size - 14], sys.byteorder) == _DONE
