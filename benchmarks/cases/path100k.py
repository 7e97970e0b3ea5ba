"""The whole path of new segment tables of 100,000 ports: messages, compile, observe, plan, apply, read back and compare.

The peer is handed the finished command lines and only has to carry them out. ``path100k`` has ten segments of 10,000 ports, the most
that a flat segment is meant to have; ``path100k-flat`` has them all in one, which is read back by its keys: a dump of so long a table
costs the kernel more than the writing (:mod:`vxloom.dataplane.linuxbridge.reread`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.case import SCRATCH
from benchmarks.measure import Bench, Pairs
from benchmarks.rows import Bound, Row
from benchmarks.world import EPOCH, Batch, Host, desired, document, flood_lines, remote_mac_lines, segment, state_of
from vxloom.agent.held import Word
from vxloom.agent.reconcile import Target
from vxloom.model.wire import Table, decode_from_gateway, encode, table_message, table_of
from vxloom.planner import diff
from vxloom.planner.plan import Scope

SETTLE = 0.5
"""Seconds: the kernel frees deleted rows a grace period later, which is nobody's time."""
PEER = "bridge -batch, ip -batch alone"


def run(bench: Bench) -> Iterator[Row]:
    count = bench.size(100_000, 10_000)
    host = Host()
    if bench.wants("path100k"):
        pairs = _path(bench, host, range(5000, 5010), count // 10, bench.size(10, 2))
        yield pairs.rates("path100k", "ports/s", count, PEER, Bound("ratio", ">=", 1))
    if bench.wants("path100k-flat"):
        pairs = _path(bench, host, range(6000, 6001), count, bench.size(4, 1))
        yield pairs.rates("path100k-flat", "ports/s, one segment", count, PEER, Bound("ratio", ">=", 1))


def _path(bench: Bench, host: Host, vnis: range, each: int, pairs: int) -> Pairs:
    """Time ``len(vnis)`` new tables of ``each`` ports; their links stand before and are taken away after."""
    tables = [segment(vni, each, (vni - vnis[0]) * each) for vni in vnis]
    host.apply(state_of([]), state_of(tables))
    drop = diff(state_of(tables), desired(tables))
    bodies = [encode(table_message(table, EPOCH))[4:] for table in tables]
    told = document(tables)
    fdb, neighbours = remote_mac_lines(tables, "replace")
    bridge_batch = Batch("bridge", Path(SCRATCH, "fdb"), [*flood_lines(tables), *fdb])
    ip_batch = Batch("ip", Path(SCRATCH, "neighbours"), neighbours)

    def ours() -> None:
        came = {}
        for body in bodies:
            message = decode_from_gateway(body)
            if not isinstance(message, Table):
                raise TypeError("a table was sent")
            came[message.head.vni] = table_of(message, EPOCH)
        result = host.reconciler.run(Target(Word(told, came)), Scope(frozenset(vnis)))
        if not result.verified or result.problems or len(result.plan.steps) != 2 * len(vnis):  # rows and allow list of each
            raise RuntimeError(f"not verified: {result.problems[:3]}")

    def theirs() -> None:
        bridge_batch()
        ip_batch()

    def clear() -> None:
        if host.driver.apply(drop).failed:
            raise RuntimeError("rows were not removed")
        time.sleep(SETTLE)

    found = bench.pairs(pairs, ours, theirs, clear)
    host.apply(state_of(tables), state_of([]))
    return found
