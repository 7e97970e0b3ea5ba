"""Law 10 and deletion on the real kernel: one message at a time, nothing half done in between, a refusal known by name."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.kernel.netns import Netns
from vxloom.dataplane.host import HostDataplane
from vxloom.dataplane.linuxbridge.hands import Hands
from vxloom.dataplane.linuxbridge.remove import Chunk, Remove
from vxloom.dataplane.netlink import Link, NetlinkSocket, delete_link, link_dump, parse_links
from vxloom.model.state import OVERLAY_GROUP, Bridge, HostState, VxlanDevice
from vxloom.planner import diff

COUNT = 200


@pytest.fixture
def host(netns: Netns) -> Iterator[HostDataplane]:
    """A host with networks of its own, no filters needed."""
    host = HostDataplane(filters=False)
    yield host
    host.close()


@pytest.fixture
def remove(host: HostDataplane) -> Iterator[Remove]:
    with NetlinkSocket() as sock:
        remove = Remove(sock)
        yield remove
        remove.close()


def make(host: HostDataplane, count: int) -> list[str]:
    """Return the names of the VXLAN devices made."""
    bridges = [Bridge(f"brvx-{vni}", vni, f"02:aa:00:00:{vni >> 8:02x}:{vni & 255:02x}", 1450) for vni in range(1, count + 1)]
    devices = [VxlanDevice(f"vxlan{bridge.vni}", bridge.vni, "192.0.2.1", 4789, 1450, bridge.name) for bridge in bridges]
    assert host.apply(diff(HostState({each.key: each for each in (*bridges, *devices)}), host.observe())).failed == {}
    return [device.name for device in devices]


def there(kind: str = "vxlan") -> dict[str, Link]:
    with NetlinkSocket() as sock:
        return {link.name: link for link in parse_links(sock.dump(link_dump(kind=kind)))}


def hands_at_work() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("vxloom-deletion")]


def test_between_two_chunks_nothing_is_half_done(host: HostDataplane, remove: Remove) -> None:
    names = make(host, COUNT)
    left: list[int] = []

    def urgent() -> None:
        seen = there()
        assert {link.group for link in seen.values()} <= {OVERLAY_GROUP}, "none is marked that is not gone"
        assert list(seen) == names[COUNT - len(seen) :], "they go in order"
        left.append(len(seen))

    assert remove.links("vxlan", names, urgent) == [""] * COUNT
    assert left[-1] == 0
    assert len(left) > 2
    assert all(before > after for before, after in pairwise(left)), "each chunk is gone when the urgent lane is asked"


def test_the_urgent_lane_is_asked_after_every_bridge(host: HostDataplane, remove: Remove) -> None:
    make(host, 4)
    left: list[int] = []
    assert remove.links("bridge", [f"brvx-{vni}" for vni in range(1, 5)], lambda: left.append(len(there("bridge")))) == [""] * 4
    assert left == [3, 2, 1, 0]


@pytest.mark.parametrize("kind", ["vxlan", "bridge"])
def test_ours_goes_under_another_name_and_what_is_gone_or_not_ours_is_no_error(
    host: HostDataplane, remove: Remove, netns: Netns, kind: str
) -> None:
    make(host, 2)
    prefix = {"vxlan": "vxlan", "bridge": "brvx-"}[kind]
    netns.run("ip", "link", "set", f"{prefix}1", "name", "renamed")
    netns.run("ip", "link", "add", "theirs", "type", "bridge")
    assert remove.links(kind, ["absent", "renamed", "theirs", f"{prefix}2"], lambda: None) == [""] * 4
    assert not {"renamed", f"{prefix}1", f"{prefix}2"} & there(kind).keys()
    assert "theirs" in there("bridge")


def test_a_refusal_is_the_whole_chunk_s_and_each_name_has_its_text(host: HostDataplane, remove: Remove, netns: Netns) -> None:
    """The loopback cannot be deleted; with our mark on it, it spoils the chunk it is in, and nothing of it goes."""
    make(host, 1)
    netns.run("ip", "link", "property", "add", "dev", "lo", "altname", "vxloom-lo")
    errors = remove.links("vxlan", ["vxlan1", "absent", "lo"], lambda: None)
    assert [f"errno {errno.EOPNOTSUPP}" in error for error in errors] == [True, False, True]
    assert errors[0].startswith("delete vxlan1: ")
    assert errors[1] == ""
    assert "vxlan1" in there()
    errors = remove.links("bridge", ["lo"], lambda: None)
    assert "delete lo: " in errors[0]


def test_more_deletions_than_hands_and_their_end(host: HostDataplane) -> None:
    make(host, 5)
    assert hands_at_work() == []
    hands = Hands()
    try:
        for vni in range(1, 6):
            assert hands.carry(delete_link(name=f"vxlan{vni}"), f"vxlan{vni}") == []
            assert len(there()) == 5 - vni
            assert 0 < len(hands_at_work()) <= 2
    finally:
        hands.close()
    assert hands_at_work() == []


def test_the_size_of_a_chunk_follows_the_time_it_takes() -> None:
    chunk = Chunk(64)
    chunk.learn(64, 0.016)
    assert chunk.size == 128
    chunk.learn(128, 0.08)
    assert chunk.size == 64
    chunk.learn(3, 0.0005)
    assert chunk.size == 64, "a short rest says nothing"
    chunk.learn(3, 0.4)
    assert chunk.size == 1
    for _ in range(20):
        chunk.learn(chunk.size, 0.001)
    assert chunk.size == 256
