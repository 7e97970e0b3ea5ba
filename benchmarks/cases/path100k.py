"""The whole path of one new segment table of 100,000 ports: message, compile, observe, plan, apply, read back and compare.

The peer is handed the finished command lines and only has to carry them out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.case import SCRATCH
from benchmarks.measure import Bench
from benchmarks.rows import Bound, Row
from benchmarks.world import EPOCH, Batch, Host, desired, document, flood_lines, remote_mac_lines, segment, state_of
from vxloom.agent.held import Word
from vxloom.agent.reconcile import Target
from vxloom.model.wire import Table, decode_from_gateway, encode, table_message, table_of
from vxloom.planner import diff
from vxloom.planner.plan import Scope

VNI = 5000


def run(bench: Bench) -> Iterator[Row]:
    count = bench.size(100_000, 10_000)
    table = segment(VNI, count)
    host = Host()
    host.apply(state_of([]), state_of([table]))
    drop = diff(state_of([table]), desired([table]))
    body = encode(table_message(table, EPOCH))[4:]
    told = document([table])
    scratch = Path(SCRATCH)
    fdb, neighbours = remote_mac_lines([table], "replace")
    bridge_batch = Batch("bridge", scratch / "fdb", [*flood_lines([table]), *fdb])
    ip_batch = Batch("ip", scratch / "neighbours", neighbours)

    def ours() -> None:
        message = decode_from_gateway(body)
        if not isinstance(message, Table):
            raise TypeError("a table was sent")
        came = table_of(message, EPOCH)
        result = host.reconciler.run(Target(Word(told, {VNI: came})), Scope(frozenset({VNI})))
        if not result.verified or result.problems or result.plan.steps[-1].key != ("rows", str(VNI)):
            raise RuntimeError(f"not verified: {result.problems[:3]}")

    def theirs() -> None:
        bridge_batch()
        ip_batch()

    def clear() -> None:
        if host.driver.apply(drop).failed:
            raise RuntimeError("rows were not removed")

    pairs = bench.pairs(bench.size(10, 2), ours, theirs, clear)
    yield pairs.rates("path100k", "ports/s", count, "bridge -batch, ip -batch alone", Bound("ratio", ">=", 1))
