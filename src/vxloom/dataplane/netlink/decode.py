"""What the kernel tells of FDB rows and neighbours, from dump blocks to columns. Pure.

A dump is a sequence of messages of few shapes: for each port the bridge's rows, then the device's own. Messages of equal length
whose attribute headers are the same word for word form a group, and a column of a group is one gather. Shapes met only a few
times are read one by one.
"""

from __future__ import annotations

import sys
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vxloom.dataplane.netlink.constants import (
    NDA_CACHEINFO,
    NDA_DST,
    NDA_FDB_EXT_ATTRS,
    NDA_FLAGS_EXT,
    NDA_LLADDR,
    NDA_MASTER,
    NDA_PROBES,
    NDA_PROTOCOL,
    RTM_DELNEIGH,
    RTM_NEWNEIGH,
)
from vxloom.dataplane.netlink.wire import MAPPED, NDMSG, Blocks, Offsets, attributes, ip_pair
from vxloom.model.rows import Rows

_WIDE: Final = [("hi", "<u8"), ("lo", "<u8"), ("mac", "<u8"), ("ifindex", "<u4"), ("master", "<u4"), ("state", "<u2")]
_BYTES: Final = [("flags", "u1"), ("ext", "u1"), ("family", "u1"), ("protocol", "u1"), ("other", "u1")]
FDB_ROW = np.dtype(_WIDE + _BYTES, align=True)
"""One kernel FDB row, 40 bytes. ``master`` 0: the device's own row (VXLAN); else the bridge's row, ``ifindex`` its port.

``hi`` = ``lo`` = 0: no VTEP. ``mac`` 0: a flood entry. ``flags``: NTF_*; ``ext``: the low byte of NTF_EXT_*; ``state``: NUD_*.
``other`` 1: carries what no row of ours does (VLAN, another VNI or port, a lower device, a next hop).
"""
NEIGHBOUR_ROW = FDB_ROW
"""One kernel neighbour, the same columns; ``protocol`` is its maker's mark; ``mac`` 0: not resolved."""

_PLAIN: Final = frozenset({NDA_CACHEINFO, NDA_PROBES, NDA_FDB_EXT_ATTRS})
_SIZES: Final = {NDA_DST: (4, 16), NDA_LLADDR: (6,), NDA_MASTER: (4,), NDA_FLAGS_EXT: (4,), NDA_PROTOCOL: (1,)}
_FEW: Final = 8
"""Below this many messages of a shape, one by one is faster."""
_BODY: Final = 7
"""Words before the attributes: header and struct ndmsg."""


class _Block(NamedTuple):
    """One block under the views that columns are gathered from."""

    data: memoryview
    words: NDArray[np.uint32]
    big: NDArray[np.uint32]
    halves: NDArray[np.uint16]
    octets: NDArray[np.uint8]


class _Place(NamedTuple):
    """An attribute of a shape: its type, header word's position in the message, and payload length."""

    kind: int
    word: int
    size: int


def decode_fdb(blocks: Blocks) -> Rows:
    """Return FDB_ROW, shape (n,), in the kernel's order within a shape, shapes one after the other.

    Raises:
        ValueError: a block is torn.
    """
    return _decode(blocks)


def decode_neighbours(blocks: Blocks) -> Rows:
    """Return NEIGHBOUR_ROW, shape (n,).

    Raises:
        ValueError: a block is torn.
    """
    return _decode(blocks)


def _decode(blocks: Blocks) -> Rows:
    found = [_rows_of(block) for block in blocks if len(block)]
    rows = np.zeros(sum(len(starts) for _, starts in found), FDB_ROW)
    at = 0
    for block, starts in found:
        _fill(block, starts, rows[at : at + len(starts)])
        at += len(starts)
    return rows


def _rows_of(data: memoryview) -> tuple[_Block, Offsets]:
    """Return a block's views, and where its messages about rows start."""
    octets = np.frombuffer(data, np.uint8)
    words = octets.view(np.uint32)
    block = _Block(data, words, words.view(">u4"), octets.view(np.uint16), octets)
    starts = message_starts(words)
    kinds = block.halves[2 * starts + 2]
    wanted = (kinds == RTM_NEWNEIGH) | (kinds == RTM_DELNEIGH)
    return block, starts if wanted.all() else starts[wanted]


def _fill(block: _Block, starts: Offsets, rows: Rows) -> None:
    """Write one row per message."""
    lengths, at = block.words[starts], 0
    for length in np.flatnonzero(np.bincount(lengths)).tolist():
        rest = starts[lengths == length]
        while len(rest) >= _FEW:
            shape = _shape(block, int(rest[0]), length)
            same = _same_shape(block, rest, shape)
            group = rest if same.all() else rest[same]
            _gather(block, group, shape, rows[at : at + len(group)])
            at += len(group)
            rest = rest[~same]
        for start in rest.tolist():
            rows[at] = decode_one(block.data[4 * start + 16 : 4 * start + length])
            at += 1


def message_starts(words: NDArray[np.uint32]) -> Offsets:
    """Return where each message starts, in words.

    All messages of a dump carry one sequence number and port. So every pair of words like the first header's is a candidate; if
    each candidate starts where the one before it ends, and the last ends with the block, they are the messages and nothing else.
    A row that happens to hold that pair breaks the chain: then the lengths are walked one by one, as for answers of many requests.

    Raises:
        ValueError: a length is impossible.
    """
    if len(words) < 4:
        raise ValueError(f"netlink block of {4 * len(words)} bytes")
    starts: Offsets = np.flatnonzero(words[2:-1] == words[2])
    starts = starts[words[starts + 3] == words[3]]
    ends = starts + ((words[starts].astype(np.int64) + 3) >> 2)
    if starts[0] == 0 and ends[-1] == len(words) and np.array_equal(starts[1:], ends[:-1]):
        return starts
    return np.array(_walk(words), np.int64)


def _walk(words: NDArray[np.uint32]) -> list[int]:
    """Return where each message starts, by going from one to the next."""
    lengths, position, end = words.data, 0, len(words)
    starts = []
    while position < end:
        length = lengths[position]
        step = (length + 3) >> 2
        if length < 16 or position + step > end:
            raise ValueError(f"netlink message of {length} bytes at {4 * position} of {4 * end}")
        starts.append(position)
        position += step
    return starts


def _shape(block: _Block, start: int, length: int) -> tuple[_Place, ...]:
    """Return the attributes of one message."""
    places, word, end = [], _BODY, (length + 3) >> 2
    while word < end:
        size, kind = int(block.halves[2 * (start + word)]), int(block.halves[2 * (start + word) + 1])
        if size < 4 or 4 * word + size > length:
            raise ValueError(f"netlink attribute of {size} bytes at {4 * word} of {length}")
        places.append(_Place(kind, word, size - 4))
        word += (size + 3) >> 2
    return tuple(places)


def _same_shape(block: _Block, starts: Offsets, shape: tuple[_Place, ...]) -> NDArray[np.bool_]:
    """Return which messages carry the same attribute headers at the same places."""
    same = np.ones(len(starts), bool)
    for place in shape:
        headers = block.words[starts + place.word]
        same &= headers == headers[0]
    return same


def _gather(block: _Block, starts: Offsets, shape: tuple[_Place, ...], rows: Rows) -> None:
    """Write the rows of messages of one shape; ``rows`` is zero before."""
    rows["family"] = block.octets[4 * starts + 16]
    rows["ifindex"] = block.words[starts + 5]
    rows["state"] = block.halves[2 * starts + 12]
    rows["flags"] = block.octets[4 * starts + 26]
    for kind, word, size in shape:
        if kind in _PLAIN:
            continue
        if size not in _SIZES.get(kind, ()):
            rows["other"] = 1
            continue
        value = starts + (word + 1)
        if kind == NDA_LLADDR:
            rows["mac"] = block.big[value].astype(np.uint64) << np.uint64(16) | block.big[value + 1] >> np.uint32(16)
        elif kind == NDA_DST and size == 4:
            rows["lo"] = block.big[value].astype(np.uint64) | np.uint64(MAPPED)
        elif kind == NDA_DST:
            rows["hi"] = block.big[value].astype(np.uint64) << np.uint64(32) | block.big[value + 1]
            rows["lo"] = block.big[value + 2].astype(np.uint64) << np.uint64(32) | block.big[value + 3]
        elif kind == NDA_MASTER:
            rows["master"] = block.words[value]
        elif kind == NDA_FLAGS_EXT:
            rows["ext"] = block.words[value] & np.uint32(0xFF)
        else:
            rows["protocol"] = block.octets[4 * value]


def decode_one(body: memoryview) -> tuple[int, ...]:
    """Return the fields of one message without its header, in FDB_ROW's order.

    Raises:
        ValueError: an attribute is torn.
    """
    family, ifindex, state, flags, _ = NDMSG.unpack_from(body)
    found = attributes(bytes(body), NDMSG.size)
    known = {kind: payload for kind, payload in found.items() if len(payload) in _SIZES.get(kind, ())}
    hi, lo = ip_pair(known[NDA_DST]) if NDA_DST in known else (0, 0)
    number = {kind: int.from_bytes(payload, sys.byteorder) for kind, payload in known.items()}
    return (
        hi,
        lo,
        int.from_bytes(known.get(NDA_LLADDR, b""), "big"),
        ifindex,
        number.get(NDA_MASTER, 0),
        state,
        flags,
        number.get(NDA_FLAGS_EXT, 0) & 0xFF,
        family,
        number.get(NDA_PROTOCOL, 0),
        int(len(known) < sum(kind not in _PLAIN for kind in found)),
    )
