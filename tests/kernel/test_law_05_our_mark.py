"""Law 5, ours is what carries our mark: what other hands put beside ours is neither seen as ours nor changed.

Not so with flood entries: all VTEPs of the zero MAC share one row's flags in the kernel, so FRR's cannot be told from ours within
one VNI. That is why FRR and we never serve the same VNI (architecture, section 1).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.laws import FULL, agrees, plug_all, settle
from tests.intents import tap
from tests.kernel.bench import KernelBench
from tests.kernel.netns import Netns
from vxloom.dataplane.netlink import FDB_ROW, FIRST_INDEX, NUD_NOARP, NUD_REACHABLE
from vxloom.model.state import Foreign, HostState
from vxloom.planner import diff

THEIRS = "02:00:00:00:00:88"


@pytest.fixture
def bench(netns: Netns) -> Iterator[KernelBench]:
    bench = KernelBench(netns)
    plug_all(bench, FULL)
    settle(bench, FULL)
    yield bench
    bench.close()


BESIDE_OURS = {
    "a row FRR learnt on our VXLAN device": (
        f"bridge fdb add {THEIRS} dev vxlan5001 dst 192.0.2.8 self extern_learn",
        "bridge fdb show dev vxlan5001",
        f"{THEIRS} dst 192.0.2.8 self extern_learn",
    ),
    "a row FRR learnt in our bridge": (
        f"bridge fdb add {THEIRS} dev vxlan5001 master extern_learn",
        "bridge fdb show dev vxlan5001",
        f"{THEIRS} extern_learn master brvx-5001",
    ),
    "a row with a port of its own": (
        f"bridge fdb add {THEIRS} dev vxlan5001 dst 192.0.2.8 port 8472 self static",
        "bridge fdb show dev vxlan5001",
        f"{THEIRS} dst 192.0.2.8 port 8472 self static",
    ),
    "a neighbour by another protocol": (
        f"ip neigh add 10.8.8.8 lladdr {THEIRS} dev brvx-5001 nud permanent protocol zebra",
        "ip neigh show dev brvx-5001",
        f"10.8.8.8 lladdr {THEIRS} PERMANENT proto zebra",
    ),
    "a neighbour by hand": (
        f"ip neigh add 10.8.8.9 lladdr {THEIRS} dev brvx-5001 nud permanent",
        "ip neigh show dev brvx-5001",
        f"10.8.8.9 lladdr {THEIRS} PERMANENT",
    ),
    "another nft table": ("nft add table bridge vxloom2", "nft list tables", "table bridge vxloom2"),
    "our name in another family": ("nft add table inet vxloom", "nft list tables", "table inet vxloom"),
}


@pytest.mark.parametrize(("make", "show", "line"), BESIDE_OURS.values(), ids=BESIDE_OURS)
def test_what_others_put_beside_ours_is_left(bench: KernelBench, make: str, show: str, line: str) -> None:
    bench.run(*make.split())
    assert line in _plain(bench.run(*show.split()))
    assert not diff(FULL, bench.driver.observe()).steps
    settle(bench, FULL)
    assert line in _plain(bench.run(*show.split()))
    agrees(bench, FULL)


def test_a_name_without_the_mark_is_an_obstacle_and_says_what_it_holds(bench: KernelBench) -> None:
    bench.run("ip", "link", "add", "vxlan9", "type", "vxlan", "id", "9", "dstport", "4789", "local", "192.0.2.1")
    bench.run("ip", "link", "add", "brvx-9", "type", "bridge")
    foreign = {each.name: each.slots for each in bench.driver.observe().foreign}
    assert foreign == {"vxlan9": {("name", "vxlan9"), ("vni", "9:4789")}, "brvx-9": {("name", "brvx-9")}}


def test_the_whole_of_ours_goes_and_others_stay(bench: KernelBench) -> None:
    before = [bench.run("ip", "link", "add", "theirs", "type", "bridge"), bench.foreign()][1]
    settle(bench, HostState())
    assert bench.foreign() == before


def test_a_mark_is_a_new_agent_s_proof(bench: KernelBench, netns: Netns) -> None:
    """Another process that remembers nothing sees the same host, and its first write does not meet our links' indexes."""
    second = KernelBench(netns)
    try:
        assert not diff(FULL, second.driver.observe()).steps
        bench.delete_link("vxlan5001")
        settle(second, FULL)
        agrees(second, FULL)
    finally:
        second.close()


def test_links_are_found_by_mark_after_a_rename(bench: KernelBench) -> None:
    bench.run("ip", "link", "set", "brvx-5001", "name", "whatever")
    seen = bench.driver.observe()
    assert ("bridge", "whatever") in seen.resources
    assert not any(isinstance(each, Foreign) and each.name == "whatever" for each in seen.foreign)


def test_a_tap_is_never_deleted(bench: KernelBench) -> None:
    name = tap(1, 5001)
    settle(bench, HostState())
    assert name in bench.run("ip", "-brief", "link")


def test_constants_the_mark_rests_on() -> None:
    """Static is the state that is ours; indexes we ask for are far above the kernel's own count."""
    assert FDB_ROW.names is not None
    assert "other" in FDB_ROW.names
    assert (NUD_NOARP | NUD_REACHABLE, FIRST_INDEX) == (0x42, 0x100000)


def _plain(text: str) -> str:
    return "\n".join(" ".join(line.split()) for line in text.splitlines())
