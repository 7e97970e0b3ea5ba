"""The socket: failures find their rows, lost answers lose nothing, dumps end, events arrive or are known to be lost."""

from __future__ import annotations

import errno
import select
import socket
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.kernel.netns import Netns
from tests.waiting import wait_until
from vxloom.dataplane import netlink as nl
from vxloom.dataplane.netlink import constants as c
from vxloom.dataplane.netlink import wire
from vxloom.errors import DataplaneError
from vxloom.model.rows import FDB, NEIGHBOUR, Rows

IPV4 = (0, 0xFFFF_7F00_0001)
VXLAN, BRIDGE = 0x10_0001, 0x10_0000


@pytest.fixture
def sock(netns: Netns) -> Iterator[nl.NetlinkSocket]:
    with nl.NetlinkSocket() as opened:
        make = [
            nl.create_bridge("br0", index=BRIDGE, mac=2),
            nl.create_vxlan("vx0", index=VXLAN, vni=1, local=IPV4, master=BRIDGE),
            nl.set_link(VXLAN, up=True),
            nl.set_link(BRIDGE, up=True),
        ]
        assert opened.batch(make) == []
        yield opened


def remote(count: int) -> Rows:
    rows = np.zeros(count, FDB)
    rows["mac"] = 0x0200_0000_0000 + np.arange(count)
    rows["lo"] = 0xFFFF_0A00_0001
    return rows


def held(sock: nl.NetlinkSocket) -> set[int]:
    rows = nl.decode_fdb(sock.dump(nl.fdb_dump(ifindex=VXLAN)))
    return set(rows["mac"][rows["lo"] != 0].tolist())


@given(bad=st.lists(st.booleans(), max_size=80), chunk=st.integers(1, 20))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_failures_find_their_rows_whatever_the_chunks(sock: nl.NetlinkSocket, bad: list[bool], chunk: int) -> None:
    rows = remote(len(bad))
    index = np.where(bad, 999, VXLAN)  # no such link
    with nl.NetlinkSocket(chunk_messages=chunk) as small:
        failures = small.batch(nl.encode_fdb(rows, index))
    assert [failure.index for failure in failures] == np.flatnonzero(bad).tolist()
    assert {failure.errno for failure in failures} <= {errno.ENODEV}
    with nl.NetlinkSocket(chunk_bytes=chunk * 16) as small:
        assert len(small.batch(nl.encode_fdb(rows, index, "delete"))) == sum(bad)
    assert held(sock) == set()


def test_failures_of_mixed_families_find_the_callers_rows(sock: nl.NetlinkSocket) -> None:
    rows = np.zeros(6, NEIGHBOUR)
    rows["mac"] = 5
    rows["hi"] = [0xFD00 << 48, 0] * 3
    rows["lo"] = [1, 0xFFFF_0A00_0001, 2, 0xFFFF_0A00_0002, 3, 0xFFFF_0A00_0003]
    index = np.array([BRIDGE, 999, 999, BRIDGE, BRIDGE, BRIDGE])
    assert [failure.index for failure in sock.batch(nl.encode_neighbours(rows, index))] == [1, 2]


def test_the_kernels_words_come_through(sock: nl.NetlinkSocket) -> None:
    (failure,) = sock.batch([nl.create_vxlan("vx9", vni=1 << 24, local=IPV4)])
    assert (failure.index, failure.errno) == (0, errno.ERANGE)
    assert failure.text


def test_a_receive_buffer_too_small_limits_the_chunk(sock: nl.NetlinkSocket) -> None:
    """Every message fails, so every answer must fit: with the smallest buffer, a handful at a time."""
    with nl.NetlinkSocket(receive_buffer=1) as small:
        failures = small.batch(nl.encode_fdb(remote(500), VXLAN, "delete"))
    assert [failure.index for failure in failures] == list(range(500))


def test_no_chunk_is_so_long_that_answers_are_lost(sock: nl.NetlinkSocket) -> None:
    """A create that is repeated because its answer may be lost would say EEXIST."""
    pairs = [m for n in range(30) for m in (nl.create_bridge(f"b{n}", mac=2 + n), nl.create_bridge("br0", mac=2))]
    with nl.NetlinkSocket(receive_buffer=1) as small:
        assert [failure.index for failure in small.batch(pairs)] == list(range(1, 60, 2))


def test_answers_lost_are_asked_for_again(sock: nl.NetlinkSocket) -> None:
    """The buffer shrinks behind the socket's back, so most answers of a chunk are dropped: no refusal goes missing."""
    rows = remote(600)
    index = np.where(np.arange(600) % 3 == 0, 999, VXLAN)
    with nl.NetlinkSocket() as small:
        small._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        failures = small.batch(nl.encode_fdb(rows, index))
        assert [failure.index for failure in failures] == list(range(0, 600, 3))
        asked, refused = small.get(nl.encode_fdb_get(rows["mac"], index, "self"))
        assert len(nl.decode_fdb(asked)) == 400
        assert [failure.index for failure in refused] == list(range(0, 600, 3))
        assert small.batch(nl.encode_fdb(rows, VXLAN)) == []  # nothing stale is left in the queue
    assert held(sock) == set(rows["mac"].tolist())


def test_a_link_and_its_mark_are_never_cut_apart() -> None:
    pairs = [
        m for n in range(9) for m in (nl.create_bridge(f"b{n}", mac=2 + n, index=BRIDGE + n), nl.add_altnames(BRIDGE + n, [f"mark{n}"]))
    ]
    with nl.NetlinkSocket(chunk_messages=3) as small:
        batch = nl.Batch.of(pairs)
        assert all(start % 2 == 0 and stop % 2 == 0 for start, stop in small._chunks(batch, 3))
        assert small.batch(batch) == []
        made = nl.parse_links(small.dump(nl.link_dump(kind="bridge")))
    assert {link.altnames for link in made} == {(f"mark{n}",) for n in range(9)}


def test_a_batch_may_be_sent_again(sock: nl.NetlinkSocket) -> None:
    batch = nl.encode_fdb(remote(10), VXLAN)
    assert sock.batch(batch) == sock.batch(batch) == []
    assert sock.batch([]) == []
    assert sock.batch(nl.Batch.of([])) == []


def test_sequence_numbers_wrap(sock: nl.NetlinkSocket) -> None:
    sock._sequence = 0xFFFF_FFFF - 3
    assert sock.batch(nl.encode_fdb(remote(10), VXLAN)) == []
    sock._sequence = 0xFFFF_FFFF
    assert held(sock) == set(remote(10)["mac"].tolist())


def test_a_refused_dump_is_an_error_and_the_socket_lives_on(sock: nl.NetlinkSocket) -> None:
    refused = wire.message(c.RTM_GETNEIGH, c.NLM_F_REQUEST | c.NLM_F_DUMP, wire.NDMSG.pack(c.AF_BRIDGE, 0, 7, 0, 0))
    with pytest.raises(DataplaneError, match="dump from") as caught:
        sock.dump(refused)
    assert caught.value.errno == errno.EINVAL
    assert not caught.value.retryable
    assert held(sock) == set()


def test_a_dump_broken_off_in_the_middle_leaves_the_socket_usable(sock: nl.NetlinkSocket, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sock.batch(nl.encode_fdb(remote(5000), VXLAN)) == []

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("vxloom.dataplane.netlink.socket._done_at", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sock.dump(nl.fdb_dump())
    assert len(held(sock)) == 5000
    assert sock.batch([nl.delete_link(999)]) == [nl.Failure(0, errno.ENODEV, "")]


def test_a_closed_socket_is_a_dataplane_error() -> None:
    closed = nl.NetlinkSocket()
    closed.close()
    with pytest.raises(DataplaneError, match="send to"):
        closed.batch([nl.link_get(1)])
    with pytest.raises(DataplaneError):
        closed.dump(nl.link_dump())


def test_blocks_in_use_are_not_overwritten_by_the_next_dump(sock: nl.NetlinkSocket) -> None:
    first = sock.dump(nl.link_dump())
    before = [bytes(block) for block in first]
    assert sock.batch(nl.encode_fdb(remote(5000), VXLAN)) == []
    rows = nl.decode_fdb(sock.dump(nl.fdb_dump()))
    assert [bytes(block) for block in first] == before
    del first
    sock.dump(nl.link_dump())
    assert len(rows) > 10000


def test_a_dump_of_many_blocks_loses_nothing(sock: nl.NetlinkSocket) -> None:
    rows = remote(20_000)
    assert sock.batch(nl.encode_fdb(rows, VXLAN)) == []
    blocks = sock.dump(nl.fdb_dump())
    assert len(blocks) > 1
    got = nl.decode_fdb(blocks)
    assert sorted(got["mac"][got["lo"] != 0].tolist()) == rows["mac"].tolist()


def test_events_tell_what_happened(netns: Netns) -> None:
    with nl.EventSocket() as events, nl.NetlinkSocket() as sock:
        assert events.read() == nl.Events((), lost=False)
        made = [nl.create_bridge("br0", index=BRIDGE, mac=2), nl.create_vxlan("vx0", index=VXLAN, vni=1, local=IPV4, master=BRIDGE)]
        assert sock.batch(made) == []
        assert select.select([events], [], [], 5)[0]
        seen = events.read().hints
        assert {("link", False, BRIDGE, "br0"), ("link", False, VXLAN, "vx0")} <= {(h.kind, h.deleted, h.ifindex, h.name) for h in seen}

        neighbour = np.array([(0, 0xFFFF_0A01_0101, 9)], NEIGHBOUR)
        assert sock.batch(nl.encode_fdb(remote(1), VXLAN)) == []
        assert sock.batch(nl.encode_neighbours(neighbour, BRIDGE)) == []
        assert sock.batch(nl.encode_fdb(remote(1), VXLAN, "delete")) == []
        seen = events.read().hints
        row = {"ifindex": VXLAN, "mac": 0x0200_0000_0000}
        for deleted in (False, True):
            assert nl.Hint("fdb", deleted, **row, hi=0, lo=0xFFFF_0A00_0001) in seen
            assert nl.Hint("fdb", deleted, **row, master=BRIDGE) in seen
        assert nl.Hint("neighbour", False, BRIDGE, mac=9, lo=0xFFFF_0A01_0101) in seen

        netns.run("ip", "link", "set", "vx0", "nomaster")
        assert not [h for h in events.read().hints if h.kind == "link" and h.deleted]
        netns.run("ip", "link", "del", "vx0")
        wait_until(lambda: [h for h in events.read().hints if h.kind == "link" and h.deleted and h.ifindex == VXLAN], "the link's end")


def test_lost_events_are_known_to_be_lost(sock: nl.NetlinkSocket) -> None:
    with nl.EventSocket(receive_buffer=1) as events:
        assert sock.batch(nl.encode_fdb(remote(500), VXLAN)) == []
        assert events.read().lost
        assert not events.read().lost
        assert sock.batch([nl.set_link(BRIDGE, mtu=1300)]) == []
        assert any(h.ifindex == BRIDGE for h in events.read().hints)
