"""Framing: attributes, batches, errors in the kernel's own words, torn input."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vxloom.dataplane.netlink import Batch, wire
from vxloom.dataplane.netlink.constants import NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSG_DONE, NLMSG_ERROR, NLMSGERR_ATTR_MSG
from vxloom.dataplane.netlink.socket import _done_at


@given(st.dictionaries(st.integers(1, 0x3FFF), st.binary(max_size=40), max_size=12))
def test_attributes_come_back(values: dict[int, bytes]) -> None:
    data = b"".join(wire.attribute(kind, payload) for kind, payload in values.items())
    assert len(data) % 4 == 0
    assert wire.attributes(data) == values


@given(st.binary(max_size=64))
def test_torn_attributes_are_an_error_not_a_crash_or_a_loop(data: bytes) -> None:
    try:
        found = wire.attributes(data)
    except ValueError:
        return
    assert sum(4 + (len(payload) + 3) // 4 * 4 for payload in found.values()) <= len(data) + 3


@pytest.mark.parametrize("data", [b"\x03\x00\x01\x00", b"\x08\x00\x01\x00\x01", b"\x01\x02\x03"])
def test_attribute_lengths_that_cannot_be(data: bytes) -> None:
    with pytest.raises(ValueError, match="attributes"):
        wire.attributes(data)


@pytest.mark.parametrize("length", [0, 15, 17, 64])
def test_message_lengths_that_cannot_be(length: int) -> None:
    with pytest.raises(ValueError, match="message"):
        list(wire.messages(memoryview(wire.HEADER.pack(length, 1, 0, 0, 0))))


@given(st.lists(st.binary(max_size=3).map(lambda part: wire.message(20, 1, wire.attribute(1, part))), max_size=9))
def test_batch_knows_where_messages_start(messages: list[bytes]) -> None:
    batch = Batch.of(messages)
    assert len(batch) == len(messages)
    ends = [*batch.offsets[1:].tolist(), len(batch.data)] if messages else []
    assert [bytes(batch.data[start:end]) for start, end in zip(batch.offsets.tolist(), ends, strict=True)] == messages


def test_joined_batches_number_their_rows_on() -> None:
    first = Batch(bytearray(32), np.array([0, 16]), np.array([1, 0]))
    second = Batch.of([bytes(16), bytes(20)])
    joined = Batch.join(first, second)
    assert joined.offsets.tolist() == [0, 16, 32, 48]
    assert joined.origin is not None
    assert joined.origin.tolist() == [1, 0, 2, 3]
    assert len(Batch.join()) == 0


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_ipv6_bytes_come_back(hi: int, lo: int) -> None:
    assert wire.ip_pair(wire.ip_bytes(hi, lo)) == (hi, lo)


def test_mapped_ipv4_takes_four_bytes() -> None:
    assert wire.ip_bytes(0, 0xFFFF_0A00_0001) == bytes([10, 0, 0, 1])
    assert wire.ip_pair(bytes([10, 0, 0, 1])) == (0, 0xFFFF_0A00_0001)


@pytest.mark.parametrize("capped", [True, False])
def test_error_in_the_kernels_words(capped: bool) -> None:
    echoed = struct.pack("=IHHII", 36, 28, 5, 7, 0) + (b"" if capped else bytes(20))
    body = struct.pack("=i", -22) + echoed + wire.text(NLMSGERR_ATTR_MSG, "Invalid remote")
    flags = NLM_F_ACK_TLVS | (NLM_F_CAPPED if capped else 0)
    assert wire.error_of(wire.Message(NLMSG_ERROR, flags, 7, memoryview(body))) == (22, "Invalid remote")


def test_acknowledgement_is_error_zero() -> None:
    assert wire.error_of(wire.Message(NLMSG_ERROR, NLM_F_CAPPED, 7, memoryview(bytes(20)))) == (0, "")


@pytest.mark.parametrize("tail", [b"", wire.text(NLMSGERR_ATTR_MSG, "a dump's last words, which may be rather long" * 3)])
@pytest.mark.parametrize("rows", [b"", bytes(400)])
def test_end_of_a_dump_is_found_alone_or_behind_rows(rows: bytes, tail: bytes) -> None:
    flags = 2 | (NLM_F_ACK_TLVS if tail else 0)
    done = wire.HEADER.pack(20 + len(tail), NLMSG_DONE, flags, 77, 5) + struct.pack("=i", -28) + tail
    block = bytearray(64) + rows + done + bytearray(64)
    stop = len(block) - 64
    assert _done_at(block, 64, stop, 77) == 64 + len(rows)
    assert _done_at(block, 64, stop, 78) is None
    assert wire.done_error(next(wire.messages(memoryview(block)[64 + len(rows) : stop]))) == 28


def test_what_merely_looks_like_the_end_of_a_dump_is_not() -> None:
    lookalike = wire.HEADER.pack(20, NLMSG_DONE, 2, 77, 5) + bytes(4)
    block = bytearray(lookalike + bytes(8))
    assert _done_at(block, 0, len(block), 77) is None
