"""What the kernel tells of FDB rows and neighbours, from dump blocks to columns. Pure.

A dump is a sequence of messages of few shapes: for each VXLAN device its own rows, then the bridge's. The walk over the
lengths finds where each message starts, in one numpy step per run of equal lengths. Then messages of equal length whose
attribute headers are the same word for word form a group, and a column of a group is one gather. Shapes met only a few times
are read one by one.
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

_COMMON: Final = [("hi", "<u8"), ("lo", "<u8"), ("mac", "<u8"), ("ifindex", "<u4"), ("master", "<u4"), ("ext", "<u4"), ("state", "<u2")]
_BYTES: Final = [("flags", "u1"), ("family", "u1"), ("protocol", "u1"), ("other", "u1")]
FDB_ROW = np.dtype(_COMMON + _BYTES, align=True)
"""One kernel FDB row, 48 bytes. ``master`` 0: the device's own row (VXLAN); else the bridge's row, ``ifindex`` its port.

``hi`` = ``lo`` = 0: no VTEP. ``mac`` 0: a flood entry. ``flags``: NTF_*; ``ext``: NTF_EXT_*; ``state``: NUD_*.
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
    parts = [part for block in blocks if len(block) for part in _decode_block(block)]
    return parts[0] if len(parts) == 1 else np.concatenate([*parts, np.zeros(0, FDB_ROW)])


def _decode_block(data: memoryview) -> list[Rows]:
    octets = np.frombuffer(data, np.uint8)
    words = octets.view(np.uint32)
    block = _Block(data, words, words.view(">u4"), octets.view(np.uint16), octets)
    starts, lengths = message_starts(words)
    kinds = block.halves[2 * starts + 2]
    wanted = (kinds == RTM_NEWNEIGH) | (kinds == RTM_DELNEIGH)
    if not wanted.all():
        starts, lengths = starts[wanted], lengths[wanted]
    parts = []
    for length in np.unique(lengths):
        rest = starts[lengths == length]
        while len(rest) >= _FEW:
            shape = _shape(block, int(rest[0]), int(length))
            same = _same_shape(block, rest, shape)
            parts.append(_gather(block, rest[same], shape))
            rest = rest[~same]
        if len(rest):
            parts.append(np.array([decode_one(data[4 * start + 16 : 4 * start + int(length)]) for start in rest.tolist()], FDB_ROW))
    return parts


def message_starts(words: NDArray[np.uint32]) -> tuple[Offsets, NDArray[np.uint32]]:
    """Return where each message starts, in words, and its length in bytes.

    A run of equal lengths is a strided view of the length words up to the first that differs: exact, since each message starts
    where the one before it ends.

    Raises:
        ValueError: a length is impossible.
    """
    runs: list[Offsets] = []
    singles: list[int] = []
    peek, position, end = words.data, 0, len(words)
    while position < end:
        length = peek[position]
        step = (length + 3) >> 2
        if length < 16 or position + step > end:
            raise ValueError(f"netlink message of {length} bytes at {4 * position} of {4 * end}")
        after = position + step * _FEW
        if after >= end or peek[after] != length or peek[position + step] != length:
            singles.append(position)
            position += step
            continue
        count = _run_length(words[position::step], length)
        if singles:
            runs.append(np.array(singles, np.int64))
            singles.clear()
        runs.append(np.arange(position, position + count * step, step, dtype=np.int64))
        position += count * step
    if singles:
        runs.append(np.array(singles, np.int64))
    starts = np.concatenate([*runs, np.zeros(0, np.int64)])
    if position != end:
        raise ValueError(f"netlink message ends at {4 * position} of {4 * end}")
    return starts, words[starts]


def _run_length(lengths: NDArray[np.uint32], length: int) -> int:
    """Return how many leading entries equal ``length``; looked at in growing windows, as most of the array may be beyond the run."""
    count, window = 0, 64
    while count < len(lengths):
        same = lengths[count : count + window] == length
        if not same.all():
            return count + int(same.argmin())
        count += len(same)
        window *= 4
    return count


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


def _gather(block: _Block, starts: Offsets, shape: tuple[_Place, ...]) -> Rows:
    """Return the rows of messages of one shape."""
    rows = np.zeros(len(starts), FDB_ROW)
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
            rows["ext"] = block.words[value]
        else:
            rows["protocol"] = block.octets[4 * value]
    return rows


def decode_one(body: memoryview) -> tuple[int, ...]:
    """Return the fields of one message without its header, in FDB_ROW's order.

    Raises:
        ValueError: an attribute is torn.
    """
    family, ifindex, state, flags, _ = NDMSG.unpack_from(body)
    found = attributes(body, NDMSG.size)
    known = {kind: payload for kind, payload in found.items() if len(payload) in _SIZES.get(kind, ())}
    hi, lo = ip_pair(known[NDA_DST]) if NDA_DST in known else (0, 0)
    number = {kind: int.from_bytes(payload, sys.byteorder) for kind, payload in known.items()}
    return (
        hi,
        lo,
        int.from_bytes(known.get(NDA_LLADDR, b""), "big"),
        ifindex,
        number.get(NDA_MASTER, 0),
        number.get(NDA_FLAGS_EXT, 0),
        state,
        flags,
        family,
        number.get(NDA_PROTOCOL, 0),
        int(len(known) < sum(kind not in _PLAIN for kind in found)),
    )
