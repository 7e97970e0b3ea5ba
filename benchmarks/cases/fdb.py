"""A remote MAC ready: VXLAN row, bridge row and neighbour; from segment tables' rows to the kernel, encoding included."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.case import SCRATCH
from benchmarks.measure import Bench, timed
from benchmarks.rows import Bound, Row, row
from benchmarks.world import Batch, Host, desired, flood_lines, remote_mac_lines, segment, state_of
from vxloom.model.state import AllowList, HostState
from vxloom.planner import diff

SEGMENTS = 100
HOSTS = 10
SETTLE = 0.3
"""Seconds: the kernel frees deleted rows a grace period later, which is nobody's time."""


def run(bench: Bench) -> Iterator[Row]:
    each = bench.size(500, 100)
    tables = [segment(vni, each, vni * each, HOSTS) for vni in range(1, SEGMENTS + 1)]
    host = Host()
    full = desired(tables)
    allowed = {key: each for key, each in full.resources.items() if key[0] == AllowList.kind}  # that changes with hosts, not with MACs
    links = HostState({**state_of(tables).resources, **allowed}, state_of(tables).rows)
    host.apply(state_of([]), links)
    put, drop = diff(full, links), diff(links, full)
    scratch = Path(SCRATCH)
    fdb, neighbours = remote_mac_lines(tables, "replace")
    bridge_batch, ip_batch = Batch("bridge", scratch / "fdb", [*fdb, *flood_lines(tables)]), Batch("ip", scratch / "neighbours", neighbours)

    def ours() -> None:
        if host.driver.apply(put).failed:
            raise RuntimeError("rows were refused")

    def theirs() -> None:
        bridge_batch()
        ip_batch()

    def clear() -> None:
        if host.driver.apply(drop).failed:
            raise RuntimeError("rows were not removed")
        time.sleep(SETTLE)

    if bench.wants("fdb"):
        pairs = bench.pairs(bench.size(10, 2), ours, theirs, clear)
        yield pairs.rates("fdb", "remote MACs/s", SEGMENTS * each, "bridge -batch, ip -batch", Bound("ratio", ">=", 3))
    if bench.wants("fdb-processes"):
        yield processes(bench, fdb, neighbours, SEGMENTS * each / timed(ours))
        clear()


def processes(bench: Bench, fdb: list[str], neighbours: list[str], rate: float) -> Row:
    """One process for the two FDB rows, one for the neighbour, of as many MACs as take a second or so."""
    count = bench.size(500, 50)

    def work() -> None:
        for row_line, neighbour_line in zip(fdb[:count], neighbours[:count], strict=True):
            subprocess.run(["bridge", *row_line.split()], check=True)
            subprocess.run(["ip", *neighbour_line.split()], check=True)

    bench.say(f"{2 * count} processes")
    return row("fdb-processes", "remote MACs/s", rate, peer="one process per row", peer_value=count / timed(work))
