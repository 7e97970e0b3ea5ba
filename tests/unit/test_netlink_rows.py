"""Rows: what is encoded is decoded to the same; every shape the kernel may send is read as one-by-one reading would."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vxloom.dataplane import netlink as nl
from vxloom.dataplane.netlink import constants as c
from vxloom.dataplane.netlink import decode, wire
from vxloom.model.rows import FDB, FLOOD, NEIGHBOUR, Rows

MAC = st.integers(0, 2**48 - 1)
IPV4 = st.tuples(st.just(0), st.integers(0, 2**32 - 1).map(lambda value: 0xFFFF_0000_0000 | value))
IPV6 = st.tuples(st.integers(1, 2**64 - 1), st.integers(0, 2**64 - 1))
IP = IPV4 | IPV6


def table(dtype: np.dtype[np.void], rows: list[tuple[int, ...]]) -> Rows:
    return np.array(rows, dtype)


def in_callers_order(batch: nl.Batch, rows: Rows) -> Rows:
    if batch.origin is None:
        return rows
    out = np.zeros_like(rows)
    out[batch.origin] = rows
    return out


def block(*messages: bytes, sequence: int = 9, port: int = 4711) -> memoryview:
    """Messages as a dump returns them: one sequence number, one port."""
    return memoryview(b"".join(m[:8] + sequence.to_bytes(4, "little") + port.to_bytes(4, "little") + m[16:] for m in messages))


@given(st.lists(st.tuples(MAC, IP, st.integers(1, 2**31 - 1)), max_size=40))
def test_fdb_rows_come_back(rows: list[tuple[int, tuple[int, int], int]]) -> None:
    fdb = table(FDB, [(mac, hi, lo) for mac, (hi, lo), _ in rows])
    index = np.array([each for _, _, each in rows], np.int64)
    batch = nl.encode_fdb(fdb, index)
    got = in_callers_order(batch, decode_all(batch))
    assert len(batch) == len(rows)
    for name in ("mac", "hi", "lo"):
        assert got[name].tolist() == fdb[name].tolist()
    assert got["ifindex"].tolist() == index.tolist()
    assert set(got["flags"].tolist()) <= {nl.NTF_SELF | nl.NTF_MASTER | nl.NTF_STICKY}
    assert set(got["state"].tolist()) <= {nl.NUD_NOARP | nl.NUD_REACHABLE}


@given(st.lists(st.tuples(IP, MAC), max_size=40), st.sampled_from(["permanent", "noarp"]))
def test_neighbours_come_back(rows: list[tuple[tuple[int, int], int]], state: str) -> None:
    neighbours = table(NEIGHBOUR, [(hi, lo, mac) for (hi, lo), mac in rows])
    batch = nl.encode_neighbours(neighbours, 7, state=state)  # type: ignore[arg-type]
    got = in_callers_order(batch, decode_all(batch))
    for name in ("mac", "hi", "lo"):
        assert got[name].tolist() == neighbours[name].tolist()
    four = [hi == 0 and lo >> 32 == 0xFFFF for (hi, lo), _ in rows]
    assert got["family"].tolist() == [c.AF_INET if each else c.AF_INET6 for each in four]
    assert set(got["protocol"].tolist()) <= {nl.PROTOCOL}
    assert set(got["state"].tolist()) <= {nl.NUD_PERMANENT if state == "permanent" else nl.NUD_NOARP}


@given(st.lists(IP, max_size=20))
def test_flood_entries_come_back_with_mac_zero(rows: list[tuple[int, int]]) -> None:
    batch = nl.encode_flood(table(FLOOD, rows), 3)  # type: ignore[arg-type]
    got = in_callers_order(batch, decode_all(batch))
    assert list(zip(got["hi"].tolist(), got["lo"].tolist(), strict=True)) == rows
    assert not got["mac"].any()


def test_local_rows_have_no_vtep_and_only_the_bridges_half() -> None:
    got = decode_all(nl.encode_bridge_fdb(np.array([1, 2]), np.array([5, 6])))
    assert got["mac"].tolist() == [1, 2]
    assert got["ifindex"].tolist() == [5, 6]
    assert not got["lo"].any()
    assert set(got["flags"].tolist()) == {nl.NTF_MASTER | nl.NTF_STICKY}


@pytest.mark.parametrize("half", ["both", "self", "master"])
@pytest.mark.parametrize(("op", "kind"), [("replace", c.RTM_NEWNEIGH), ("delete", c.RTM_DELNEIGH)])
def test_operation_and_half_are_in_the_message(op: nl.Op, kind: int, half: nl.Half) -> None:
    batch = nl.encode_fdb(table(FDB, [(1, 0, 0xFFFF_0A00_0001)]), 3, op, half)
    (message,) = wire.messages(memoryview(batch.data))
    wanted = {"both": nl.NTF_SELF | nl.NTF_MASTER, "self": nl.NTF_SELF, "master": nl.NTF_MASTER}[half]
    assert message.kind == kind
    assert message.body[10] & ~nl.NTF_STICKY == wanted


def test_no_rows_make_no_messages() -> None:
    assert len(nl.encode_fdb(np.zeros(0, FDB), 3)) == 0
    assert len(nl.encode_bridge_fdb(np.zeros(0, np.uint64), 3)) == 0
    assert len(nl.decode_fdb([])) == 0
    assert nl.decode_fdb([]).dtype == nl.FDB_ROW


SHAPES = st.fixed_dictionaries(
    {},
    optional={
        c.NDA_LLADDR: st.binary(min_size=6, max_size=6),
        c.NDA_DST: st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16),
        c.NDA_MASTER: st.binary(min_size=4, max_size=4),
        c.NDA_FLAGS_EXT: st.sampled_from([bytes(4), b"\2\0\0\0"]),
        c.NDA_PROTOCOL: st.binary(min_size=1, max_size=1),
        c.NDA_CACHEINFO: st.just(bytes(16)),
        c.NDA_VLAN: st.just(bytes(2)),
        c.NDA_VNI: st.just(bytes(4)),
    },
)


@given(st.lists(SHAPES, min_size=1, max_size=6), st.lists(st.integers(0, 5), min_size=1, max_size=60), st.integers(0, 2**31 - 1))
def test_any_mixture_of_shapes_reads_as_one_by_one(shapes: list[dict[int, bytes]], picks: list[int], ifindex: int) -> None:
    messages = []
    for place, pick in enumerate(picks):
        shape = shapes[pick % len(shapes)]
        body = wire.NDMSG.pack(c.AF_BRIDGE, ifindex, place % 200, place % 100, 0)
        messages.append(wire.message(c.RTM_NEWNEIGH, 2, body + b"".join(wire.attribute(k, v) for k, v in shape.items())))
    expected = np.array([decode.decode_one(memoryview(m)[16:]) for m in messages], nl.FDB_ROW)
    got = nl.decode_fdb([block(*messages)])
    assert sorted(got.tolist()) == sorted(expected.tolist())


def test_other_things_than_ours_are_flagged() -> None:
    plain = wire.NDMSG.pack(c.AF_BRIDGE, 3, 0x40, 0, 0) + wire.attribute(c.NDA_LLADDR, bytes(6))
    odd = [wire.attribute(c.NDA_VNI, bytes(4)), wire.attribute(c.NDA_PORT, bytes(2)), wire.attribute(c.NDA_IFINDEX, bytes(4))]
    messages = [wire.message(c.RTM_NEWNEIGH, 2, plain), *(wire.message(c.RTM_NEWNEIGH, 2, plain + each) for each in odd)]
    assert sorted(nl.decode_fdb([block(*messages)])["other"].tolist()) == [0, 1, 1, 1]
    assert sorted(nl.decode_fdb([block(*messages * 20)])["other"].tolist()) == [0] * 20 + [1] * 60


def test_a_row_that_looks_like_a_header_does_not_confuse() -> None:
    """A VTEP that spells a message of the dump's own sequence number and port."""
    spell = wire.HEADER.pack(16, c.RTM_NEWNEIGH, 2, 9, 4711)
    body = wire.NDMSG.pack(c.AF_BRIDGE, 3, 0x40, 0, 0)
    message = wire.message(c.RTM_NEWNEIGH, 2, body + wire.attribute(c.NDA_DST, spell) + wire.attribute(c.NDA_LLADDR, bytes(6)))
    plain = wire.message(c.RTM_NEWNEIGH, 2, body)
    assert len(nl.decode_fdb([block(*[message] * 50)])) == 50
    assert len(nl.decode_fdb([block(*[message] * 50, plain)])) == 51


def test_shapes_of_equal_length_are_told_apart() -> None:
    body = wire.NDMSG.pack(c.AF_BRIDGE, 3, 0x40, 0, 0)
    messages = [wire.message(c.RTM_NEWNEIGH, 2, body + wire.u32(kind, 5)) for kind in (c.NDA_MASTER, c.NDA_FLAGS_EXT)]
    got = nl.decode_fdb([block(*messages * 20)])
    assert sorted(got[["master", "ext"]].tolist()) == [(0, 5)] * 20 + [(5, 0)] * 20


@pytest.mark.parametrize("cut", [1, 4, 8, 15, 16, 39])
def test_torn_block_is_an_error(cut: int) -> None:
    messages = [wire.message(c.RTM_NEWNEIGH, 2, wire.NDMSG.pack(7, 3, 0, 0, 0) + wire.attribute(c.NDA_LLADDR, bytes(6)))] * 20
    data = block(*messages)
    with pytest.raises(ValueError):
        nl.decode_fdb([data[:-cut]])


def decode_all(batch: nl.Batch) -> Rows:
    return nl.decode_fdb([memoryview(batch.data)])
