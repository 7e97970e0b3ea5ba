"""What an allow list costs: guest to guest with ten thousand VTEPs in it, against the same hosts without the table; and adding one.

Two pairs of hosts, both made by the reconciler. In the first half of the runs one pair has the table and the other has not, in
the second half it is the other way round: that one pair is a little faster than the other must not show. It makes the halves' ratios too
high and too low by the same factor, so the ratio is the geometric mean of their medians; one median over both would lie anywhere between.
"""

from __future__ import annotations

import os
import statistics
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from benchmarks.cases.guest import SLICE, VNI, VTEPS, Path2, build_ours, listening, packets, throughput
from benchmarks.measure import Alone, Bench, timed
from benchmarks.nodes import add_node, run_in
from benchmarks.rows import Bound, Row, row
from vxloom.dataplane.host import HostDataplane
from vxloom.model.filters import ALLOW_VERSION
from vxloom.model.state import AllowList, AllowTable, HostState
from vxloom.model.vteps import Vteps
from vxloom.planner import diff
from vxloom.planner.plan import Operation, Plan, ResourceStep

COUNT = 10_000
PORT = 4789
ABSENT = "no allow table"
TABLE = AllowTable(PORT, ruleset=ALLOW_VERSION)


def run(bench: Bench) -> Iterator[Row]:
    count = bench.size(COUNT, 1000)
    if bench.wants("allow-packets", "allow-throughput"):
        paths = {build_ours(1): ("h1", "h2"), build_ours(3): ("h3", "h4")}
        for path, nodes in paths.items():
            for node in nodes:
                run_in(node, bridge_only)
            _check(path, nodes)
        if bench.wants("allow-packets"):
            on, off = _halves(bench, "packets/s", bench.size(48, 2), paths, count, lambda path: packets(path, SLICE))
            yield _rates("allow-packets", "64-byte packets/s", on, off, 0.95)
        if bench.wants("allow-throughput"):
            with listening(*paths):
                on, off = _halves(bench, "Gbit/s", bench.size(36, 2), paths, count, lambda path: throughput(path, 1))
            yield _rates("allow-throughput", "Gbit/s", on, off, 0.97)
    if bench.wants("allow-add"):
        yield _adding(count, bench.size(200, 20))


def _rates(name: str, unit: str, on: list[float], off: list[float], limit: float) -> Row:
    ratios = [one / other for one, other in zip(on, off, strict=True)]
    halves = (statistics.median(ratios[: len(ratios) // 2]), statistics.median(ratios[len(ratios) // 2 :]))
    ratio = statistics.geometric_mean(halves)
    bound = Bound("ratio", ">=", limit)
    return row(name, unit, statistics.median(on), peer=ABSENT, peer_value=statistics.median(off), ratio=ratio, bound=bound)


def _halves(
    bench: Bench, unit: str, pairs: int, paths: Mapping[Path2, tuple[str, str]], count: int, measure: Callable[[Path2], float]
) -> tuple[list[float], list[float]]:
    """Measure pair by pair, each first in every second one; the table changes places at half-time."""
    found: tuple[list[float], list[float]] = ([], [])
    for half in (0, 1):
        with_table, without = list(paths)[:: -1 if half else 1]
        for node in paths[with_table]:
            run_in(node, lambda: enlist(some(count)))
        for node in paths[without]:
            run_in(node, drop_table)
        for path in paths:  # one run of each does not count
            measure(path)
        for pair in range(half * (pairs // 2), pairs if half else pairs // 2):
            for side in (0, 1) if pair % 2 == 0 else (1, 0):
                found[side].append(measure((with_table, without)[side]))
            bench.say(f"pair {pair + 1}/{pairs}: {found[0][-1]:,.2f} {unit}, without the table {found[1][-1]:,.2f}")
    return found


def _check(path: Path2, nodes: tuple[str, str]) -> None:
    """See that packets do pass by the list: none arrives when the peers are not in it."""
    for node in nodes:
        run_in(node, lambda: enlist(Vteps()))
    lost = packets(path, 0.02)
    for node in nodes:
        run_in(node, lambda: enlist(some(10)))
    if lost or not packets(path, 0.02):
        raise RuntimeError("the allow list is not in the packets' way")


def bridge_only() -> None:
    """Keep guests' packets out of the host's own rules, as ``vxloom host check`` recommends; a new namespace begins with 1."""
    setting = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
    if setting.exists():
        setting.write_text("0", encoding="ascii")


def some(count: int) -> Vteps:
    """Return so many VTEPs, those of the hosts among them."""
    return Vteps.of([*VTEPS, *(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(count - len(VTEPS)))])


def enlist(vteps: Vteps) -> None:
    """Give this node's network that list, by the agent's driver."""
    host = HostDataplane()
    one = AllowList(VNI, PORT, vteps)
    seen = host.observe()
    wanted = HostState({**seen.resources, TABLE.key: TABLE, one.key: one}, seen.rows)
    _apply(host, diff(wanted, seen))
    host.close()


def drop_table() -> None:
    """Delete this node's allow table."""
    host = HostDataplane()
    _apply(host, Plan((ResourceStep(Operation.DELETE, TABLE, None, "the peer's side"),)))
    host.close()


def _apply(host: HostDataplane, plan: Plan) -> None:
    failed = host.apply(plan).failed
    if failed:
        raise RuntimeError(f"not applied: {failed}")


def _adding(count: int, runs: int) -> Row:
    """Time the driver's work on a plan with one more VTEP, which starts no process, and one ``nft`` process that adds another."""
    add_node("h9")
    reader, writer = os.pipe()

    def work() -> None:
        host = HostDataplane()
        alone = Alone()
        vteps = some(count)
        enlist(vteps)
        ours: list[float] = []
        theirs: list[float] = []
        for turn in range(runs):
            seen = host.observe()
            before = seen.resources[AllowList.kind, str(VNI)]
            vteps = vteps | Vteps.of([f"198.18.{turn >> 8}.{turn & 255}"])
            step = ResourceStep(Operation.UPDATE, before, AllowList(VNI, PORT, vteps), "one more")
            with alone:
                ours.append(timed(lambda step=step: _apply(host, Plan((step,)))))  # type: ignore[misc]  # a default of a lambda
            command = ["nft", "add", "element", "inet", "vxloom", "vteps4", f"{{ {VNI << 8:#x} . {198 << 24 | 19 << 16 | turn:#x} }}"]
            theirs.append(timed(lambda command=command: subprocess.run(command, check=True)))  # type: ignore[misc]  # the same
            vteps = vteps | Vteps.of([f"198.19.{turn >> 8}.{turn & 255}"])
        os.write(writer, f"{statistics.median(ours)} {statistics.median(theirs)}".encode())

    run_in("h9", work)
    mine, other = map(float, os.read(reader, 200).split())
    bound = Bound("value", "<=", 1.0)
    return row("allow-add", f"ms, one more of {count:,}", mine * 1e3, peer="one `nft` process", peer_value=other * 1e3, bound=bound)
