"""Law 5: ours is what carries our mark. What does not is never taken for ours, never changed, and named when it stands in the way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernel.bench import KernelBench
from tests.kernel.netns import Netns
from tests.unit.agent.words import document, port, segment
from vxloom.compiler import compile_host
from vxloom.model.state import HostState
from vxloom.planner import diff

DOCUMENT = document(port(1), port(2, vni=5002), revision=1)
WANTED = compile_host(DOCUMENT, {5001: segment(5001, {1: 1, 3: 2}), 5002: segment(5002, {2: 1, 4: 3})})


@pytest.fixture
def bench(netns: Netns) -> Iterator[KernelBench]:
    made = KernelBench(netns)
    for number in (1, 2):
        made.plug(port(number).tap)
    yield made
    made.close()


def settle(bench: KernelBench, wanted: HostState = WANTED):
    plan = diff(wanted, bench.driver.observe())
    assert not bench.driver.apply(plan).failed
    return plan


def test_every_link_of_ours_carries_the_mark(bench, netns):
    settle(bench)
    for vni in (5001, 5002):
        for name in (f"vxlan{vni}", f"brvx-{vni}"):
            assert f"altname vxloom-{name}" in netns.run("ip", "link", "show", name)


def test_a_link_of_the_same_name_without_the_mark_is_an_obstacle_and_is_left_alone(bench, netns):
    netns.run("ip", "link", "add", "brvx-5001", "type", "bridge")
    netns.run("ip", "link", "add", "vxlan5001", "type", "vxlan", "id", "5001", "group", "239.0.19.137", "dev", "lo", "dstport", "8472")
    before = bench.foreign()
    plan = settle(bench)
    assert {obstacle.holder.name for obstacle in plan.obstacles} == {"brvx-5001", "vxlan5001"}
    assert bench.foreign() == before
    assert ("bridge", "brvx-5002") in bench.driver.observe().resources, "the other segment stands"


def test_a_link_whose_mark_was_taken_away_is_no_longer_ours(bench, netns):
    settle(bench)
    netns.run("ip", "link", "property", "del", "dev", "vxlan5001", "altname", "vxloom-vxlan5001")
    state = bench.driver.observe()
    assert ("vxlan", "vxlan5001") not in state.resources
    assert "vxlan5001" in {foreign.name for foreign in state.foreign}


def test_learnt_rows_and_foreign_protocols_in_our_devices_are_not_ours(bench, netns):
    settle(bench)
    mac = "02:aa:00:00:00:0"
    netns.run("bridge", "fdb", "add", f"{mac}1", "dev", "vxlan5001", "dst", "192.0.2.77", "self", "extern_learn")
    netns.run("bridge", "fdb", "add", f"{mac}2", "dev", "vxlan5001", "dst", "192.0.2.77", "self", "dynamic")
    netns.run("bridge", "fdb", "add", f"{mac}3", "dev", "vxlan5001", "master", "dynamic", "extern_learn")
    netns.run("ip", "neigh", "add", "10.9.9.9", "lladdr", f"{mac}4", "dev", "brvx-5001", "nud", "permanent", "protocol", "static")
    assert not diff(WANTED, bench.driver.observe()).steps, "what others wrote is not in the plan"
    shown = netns.run("bridge", "fdb", "show", "dev", "vxlan5001") + netns.run("ip", "neigh", "show", "dev", "brvx-5001")
    for digit in "1234":
        assert f"{mac}{digit}" in shown


def test_a_static_row_in_our_device_is_ours_whoever_wrote_it(bench, netns):
    settle(bench)
    netns.run("bridge", "fdb", "add", "02:bb:00:00:00:01", "dev", "vxlan5001", "dst", "192.0.2.77", "self", "static")
    settle(bench)
    assert "02:bb:00:00:00:01" not in netns.run("bridge", "fdb", "show", "dev", "vxlan5001")


def test_other_peoples_filters_stay(bench, netns):
    netns.run("nft", "add table bridge other; add chain bridge other c; add rule bridge other c counter")
    settle(bench)
    settle(bench, HostState())
    tables = netns.run("nft", "list", "tables")
    assert "bridge other" in tables
    assert "vxloom" not in tables
