"""Netlink's framing, both ways: headers, attributes, batches of messages. Pure; numbers are in host byte order.

A message is a 16-byte header (length, type, flags, sequence, port), a family's fixed struct, then attributes
(2-byte length, 2-byte type, payload), everything padded to 4 bytes (linux/netlink.h).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vxloom.dataplane.netlink.constants import NLA_F_NESTED, NLA_TYPE_MASK, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSGERR_ATTR_MSG

HEADER: Final = struct.Struct("=IHHII")
"""Length, type, flags, sequence, port."""
ATTRIBUTE: Final = struct.Struct("=HH")
IFINFOMSG: Final = struct.Struct("=BxHiII")
"""Family, device type, index, flags, mask of changed flags."""
NDMSG: Final = struct.Struct("=BxxxiHBB")
"""Family, ifindex, state, flags, type."""
U32: Final = struct.Struct("=I")
I32: Final = struct.Struct("=i")

Blocks: TypeAlias = Sequence[memoryview]
"""What a dump returned: memory blocks of whole messages, in the kernel's order."""
Offsets: TypeAlias = NDArray[np.int64]

MAPPED: Final = 0xFFFF_0000_0000
"""Low half of ``::ffff:0:0``: an IPv4 address is held in its v4-mapped form."""


class Message(NamedTuple):
    """One received message; ``body`` excludes the header."""

    kind: int
    flags: int
    sequence: int
    body: memoryview


@dataclass(frozen=True, slots=True)
class Failure:
    """One message the kernel refused: its index in the caller's order, errno, and the kernel's own words if it gave any."""

    index: int
    errno: int
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Many request messages, one after the other, and which of the caller's rows each came from."""

    data: bytearray
    offsets: Offsets
    """Where each message starts."""
    origin: NDArray[np.int64] | None = None
    """The caller's row of each message; None: in order."""

    def __len__(self) -> int:
        """Number of messages."""
        return len(self.offsets)

    @classmethod
    def of(cls, messages: Sequence[bytes]) -> Batch:
        """Return the batch of messages built one by one."""
        lengths = np.fromiter(map(len, messages), np.int64, len(messages))
        return cls(bytearray().join(messages), np.cumsum(lengths) - lengths)

    @classmethod
    def join(cls, *batches: Batch) -> Batch:
        """Return all messages in order; a message's index runs on over the batches as if their rows were in one table."""
        if len(batches) == 1:
            return batches[0]
        offsets, origins, start, first = [], [], 0, 0
        for batch in batches:
            offsets.append(batch.offsets + start)
            origins.append((np.arange(len(batch)) if batch.origin is None else batch.origin) + first)
            start += len(batch.data)
            first += len(batch)
        return cls(
            bytearray().join(batch.data for batch in batches),
            np.concatenate([*offsets, np.zeros(0, np.int64)]),
            np.concatenate([*origins, np.zeros(0, np.int64)]),
        )


def attribute(kind: int, payload: bytes) -> bytes:
    """Return one attribute, padded to four bytes."""
    return ATTRIBUTE.pack(4 + len(payload), kind) + payload + bytes(-len(payload) % 4)


def u8(kind: int, value: int) -> bytes:
    """Return an attribute of one byte."""
    return attribute(kind, value.to_bytes(1, "big"))


def u16(kind: int, value: int) -> bytes:
    """Return an attribute of two bytes in host order."""
    return attribute(kind, struct.pack("=H", value))


def u32(kind: int, value: int) -> bytes:
    """Return an attribute of four bytes in host order."""
    return attribute(kind, U32.pack(value))


def text(kind: int, value: str) -> bytes:
    """Return an attribute that holds a NUL-terminated string."""
    return attribute(kind, value.encode() + b"\0")


def nested(kind: int, *attributes: bytes) -> bytes:
    """Return an attribute that holds attributes."""
    return attribute(kind | NLA_F_NESTED, b"".join(attributes))


def message(kind: int, flags: int, body: bytes) -> bytes:
    """Return a request; the socket fills in the sequence number. ``body`` is already padded: a struct and attributes."""
    return HEADER.pack(16 + len(body), kind, flags, 0, 0) + body


def ip_bytes(hi: int, lo: int) -> bytes:
    """Return an address pair as the kernel takes it: 4 bytes if v4-mapped, else 16."""
    if is_ipv4(hi, lo):
        return (lo & 0xFFFF_FFFF).to_bytes(4, "big")
    return hi.to_bytes(8, "big") + lo.to_bytes(8, "big")


def ip_pair(payload: bytes) -> tuple[int, int]:
    """Return (hi, lo) of 4 or 16 address bytes."""
    if len(payload) == 4:
        return 0, MAPPED | int.from_bytes(payload, "big")
    return int.from_bytes(payload[:8], "big"), int.from_bytes(payload[8:16], "big")


def is_ipv4(hi: int, lo: int) -> bool:
    """Return whether the pair is a v4-mapped address."""
    return hi == 0 and lo >> 32 == MAPPED >> 32


def messages(data: memoryview) -> Iterator[Message]:
    """Yield the messages of a block. A torn tail is an error of the transport, never of the kernel.

    Raises:
        ValueError: a length runs over the block's end.
    """
    position, end = 0, len(data)
    while position < end:
        length, kind, flags, sequence, _ = HEADER.unpack_from(data, position)
        if length < 16 or position + length > end:
            raise ValueError(f"netlink message of {length} bytes at {position} of {end}")
        yield Message(kind, flags, sequence, data[position + 16 : position + length])
        position += (length + 3) & ~3


def attributes(data: bytes, start: int = 0) -> dict[int, bytes]:
    """Return the attributes from ``start`` on: type without flag bits → payload; of a repeated type the last.

    Raises:
        ValueError: a length runs over the end.
    """
    found: dict[int, bytes] = {}
    position = stop = start
    end, unpack = len(data), ATTRIBUTE.unpack_from
    while position + 4 <= end:
        length, kind = unpack(data, position)
        if length < 4:
            break
        stop = position + length
        found[kind & NLA_TYPE_MASK] = data[position + 4 : stop]
        position = (stop + 3) & ~3
    if position < end or stop > end:
        raise ValueError(f"netlink attributes end at {stop} of {end}")
    return found


def error_of(received: Message) -> tuple[int, str]:
    """Return (errno, the kernel's words) of an NLMSG_ERROR message; errno 0 is an acknowledgement."""
    (code,) = I32.unpack_from(received.body)
    if not received.flags & NLM_F_ACK_TLVS:
        return -code, ""
    # The refused header is echoed after the code; its whole payload too unless capped.
    echoed = 16 if received.flags & NLM_F_CAPPED else U32.unpack_from(received.body, 4)[0]
    words = attributes(bytes(received.body), 4 + ((echoed + 3) & ~3)).get(NLMSGERR_ATTR_MSG)
    return -code, words.rstrip(b"\0").decode(errors="replace") if words is not None else ""


def done_error(received: Message) -> int:
    """Return the errno an NLMSG_DONE message carries; 0 if the dump ended well."""
    return -I32.unpack_from(received.body)[0] if len(received.body) >= 4 else 0
