"""Long tables are read back by their keys: the answer is that of a dump, and what did not arrive is seen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernel.bench import KernelBench
from tests.kernel.netns import Netns
from tests.unit.agent.words import document, segment
from vxloom.compiler import compile_host
from vxloom.dataplane.linuxbridge.reread import LONG
from vxloom.model.host import SegmentNeed
from vxloom.model.rows import ADDRESS, PORT, table
from vxloom.model.segment import SegmentTable
from vxloom.model.state import HostState
from vxloom.planner import diff
from vxloom.planner.plan import Plan, Scope

VNI = 5001
HERE = Scope(frozenset({VNI}))
MAC = 0x0200_0000_0000


def wanted(homes: dict[int, int]) -> HostState:
    """The host's state with these remote MACs: number → host number."""
    small = segment(VNI, dict.fromkeys(range(1, 4), 2) | {4: 3})
    rows = table(PORT, [(MAC + mac, host, 0) for mac, host in homes.items()])
    addresses = table(ADDRESS, [(0, 0xFFFF_0A01_0000 + mac, MAC + mac, 0) for mac in homes])
    big = SegmentTable(small.head, 1, small.members, rows, addresses)
    return compile_host(document(segments=(SegmentNeed(VNI, 1),)), {VNI: big})


@pytest.fixture
def bench(netns: Netns) -> Iterator[KernelBench]:
    made = KernelBench(netns)
    yield made
    made.close()


def carry_out(bench: KernelBench, state: HostState) -> tuple[Plan, HostState]:
    before = bench.driver.observe(HERE)
    plan = diff(state, before, scope=HERE)
    assert not bench.driver.apply(plan).failed
    return plan, before


ALL_OF_THEM = dict.fromkeys(range(1, LONG + 1), 2)
THEN = {
    "all new": ALL_OF_THEM,
    "all moved": dict.fromkeys(ALL_OF_THEM, 3),
    "all gone": {},
    "half gone, the others moved": dict.fromkeys(range(1, LONG // 2), 3),
    "as many more": ALL_OF_THEM | dict.fromkeys(range(LONG + 1, 2 * LONG), 3),
}


@pytest.mark.parametrize("then", THEN)
def test_what_is_read_back_is_what_a_look_sees(bench, then):
    bench.driver.apply(diff(wanted({}), bench.driver.observe()))
    if then != "all new":
        carry_out(bench, wanted(ALL_OF_THEM))
    plan, before = carry_out(bench, wanted(THEN[then]))
    assert plan.steps[0].count() >= LONG, "long enough to be read by keys"
    again = bench.driver.reread(plan, before, HERE)
    seen = bench.driver.observe(HERE)
    assert again.resources == seen.resources
    assert again.rows == seen.rows
    assert not diff(wanted(THEN[then]), again, scope=HERE).steps


@pytest.mark.parametrize("half", ["self", "master"])
def test_a_row_that_is_not_there_is_seen(bench, netns, half):
    state = wanted(ALL_OF_THEM)
    bench.driver.apply(diff(wanted({}), bench.driver.observe()))
    plan, before = carry_out(bench, state)
    netns.run("bridge", "fdb", "del", "02:00:00:00:00:09", "dev", f"vxlan{VNI}", half)
    again = bench.driver.reread(plan, before, HERE)
    (step,) = diff(state, again, scope=HERE).steps
    assert step.put.fdb["mac"].tolist() == [MAC + 9]


def test_a_row_that_would_not_go_is_seen(bench, netns):
    bench.driver.apply(diff(wanted({}), bench.driver.observe()))
    carry_out(bench, wanted(ALL_OF_THEM))
    plan, before = carry_out(bench, wanted({}))
    netns.run("bridge", "fdb", "add", "02:00:00:00:00:09", "dev", f"vxlan{VNI}", "dst", "192.0.2.2", "self", "static")
    (step,) = diff(wanted({}), bench.driver.reread(plan, before, HERE), scope=HERE).steps
    assert step.drop.fdb["mac"].tolist() == [MAC + 9]


def test_a_lost_flood_entry_is_seen(bench, netns):
    state = wanted(ALL_OF_THEM)
    bench.driver.apply(diff(wanted({}), bench.driver.observe()))  # the tables of nftables are not of the part looked at
    plan, before = carry_out(bench, state)
    for vtep in ("192.0.2.2", "192.0.2.3"):
        netns.run("bridge", "fdb", "del", "00:00:00:00:00:00", "dev", f"vxlan{VNI}", "dst", vtep, "self")
    (step,) = diff(state, bench.driver.reread(plan, before, HERE), scope=HERE).steps
    assert len(step.put.flood) == 2
