"""Bulk rows of many VNIs at once: from the kernel's dump to one table per VNI. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vxloom.dataplane.linuxbridge.links import PortMacs
from vxloom.dataplane.netlink import NTF_EXT_LEARNED, NTF_STICKY, NUD_NOARP, NUD_PERMANENT, PROTOCOL, Link
from vxloom.model.addresses import V4_MAPPED
from vxloom.model.rows import FDB, FLOOD, NEIGHBOUR, Rows
from vxloom.model.state import SegmentRows

MAC: Final = np.dtype([("mac", "<u8")])


@dataclass(frozen=True, slots=True)
class _Indexes:
    """Link index → place in the ordered list of VNIs, as one array over the span of indexes: ours are handed out rising."""

    low: int
    place: NDArray[np.int32]
    """Of index ``low`` + n; the last is -1, for indexes outside."""

    @classmethod
    def of(cls, links: Mapping[int, Link], numbers: Sequence[int]) -> _Indexes:
        low = min((link.index for link in links.values()), default=0)
        high = max((link.index for link in links.values()), default=-1)
        place = np.full(high - low + 2, -1, np.int32)
        for number, vni in enumerate(numbers):
            if vni in links:
                place[links[vni].index - low] = number
        return cls(low, place)

    def places(self, indexes: NDArray[np.uint32]) -> NDArray[np.int32]:
        """Return each row's place, -1 where the link is none of these."""
        outside = np.uint32(len(self.place) - 1)
        found: NDArray[np.int32] = self.place[np.minimum(indexes - np.uint32(self.low), outside)]  # below ``low`` wraps round to the top
        return found


def segment_rows(fdb: Rows, neighbours: Rows, bridges: Mapping[int, Link], vxlans: Mapping[int, Link]) -> dict[int, SegmentRows]:
    """Return the rows that are ours (law 5), one set of tables for each VNI that has a link of ours.

    Args:
        fdb: FDB_ROW, shape (n,), of these links at least.
        neighbours: NEIGHBOUR_ROW, shape (n,).
        bridges: by VNI.
        vxlans: by VNI.
    """
    numbers = sorted(bridges.keys() | vxlans.keys())
    home = _Indexes.of(vxlans, numbers).places(fdb["ifindex"])
    permanent = (fdb["state"] & NUD_PERMANENT) != 0
    static = (fdb["state"] & NUD_NOARP) != 0
    ours = (home >= 0) & (fdb["other"] == 0) & (fdb["ext"] == 0) & ((fdb["flags"] & NTF_EXT_LEARNED) == 0)
    own = ours & (fdb["master"] == 0) & (permanent | static)
    remote = own & (fdb["mac"] != 0) & static
    flood = own & (fdb["mac"] == 0) & ((fdb["hi"] != 0) | (fdb["lo"] != 0))
    bridged = ours & (fdb["master"] != 0) & static & ~permanent
    loose = np.flatnonzero(bridged & ((fdb["flags"] & NTF_STICKY) == 0))
    if len(loose):  # of a MAC of ours: as if it were not there, so that it is put again; of a strange one: something to drop
        known_macs = set(zip(home[remote].tolist(), fdb["mac"][remote].tolist(), strict=True))
        bridged[loose] = [pair not in known_macs for pair in zip(home[loose].tolist(), fdb["mac"][loose].tolist(), strict=True)]
    where = _Indexes.of(bridges, numbers).places(neighbours["ifindex"])
    known = (where >= 0) & (neighbours["protocol"] == PROTOCOL) & ((neighbours["state"] & NUD_PERMANENT) != 0)
    count = len(numbers)
    tables = zip(
        _split(fdb, home, remote, FDB, count),
        _split(fdb, home, bridged, MAC, count),
        _split(fdb, home, flood, FLOOD, count),
        _split(neighbours, where, known, NEIGHBOUR, count),
        strict=True,
    )
    return {number: SegmentRows(*each) for number, each in zip(numbers, tables, strict=True)}


def port_macs(fdb: Rows, ports: set[int]) -> dict[int, PortMacs]:
    """Return link index → what the bridge believes to be behind it, for these ports; the ports' own MACs left out."""
    wanted = np.fromiter(ports, np.uint32, len(ports))
    rows = fdb[(fdb["master"] != 0) & ((fdb["state"] & NUD_PERMANENT) == 0) & np.isin(fdb["ifindex"], wanted)]
    sorts = np.where((rows["state"] & NUD_NOARP) == 0, 2, np.where((rows["flags"] & NTF_STICKY) != 0, 0, 1))
    found: dict[int, tuple[set[int], set[int], set[int]]] = {}
    for index, mac, sort in zip(rows["ifindex"].tolist(), rows["mac"].tolist(), sorts.tolist(), strict=True):
        found.setdefault(index, (set(), set(), set()))[sort].add(mac)
    return {index: PortMacs(*map(frozenset, sets)) for index, sets in found.items()}


def _split(rows: Rows, home: NDArray[np.int32], keep: NDArray[np.bool_], dtype: np.dtype[np.void], count: int) -> list[Rows]:
    """Return the canonical table of the kept rows of each of ``count`` places. The kernel holds no row twice, so sorting is enough."""
    chosen = np.flatnonzero(keep)
    names = dtype.names or ()
    columns = {name: rows[name][chosen] for name in names}
    places = home[chosen]
    order = _order(columns, places, names)
    table = np.empty(len(chosen), dtype)
    for name in names:
        table[name] = columns[name][order]
    edges = np.searchsorted(places[order], np.arange(count + 1)).tolist()
    return [table[start:stop] for start, stop in itertools.pairwise(edges)]


def _order(columns: Mapping[str, NDArray[np.uint64]], places: NDArray[np.int32], names: Sequence[str]) -> NDArray[np.intp]:
    """Return the order by place, then by columns: by one 64-bit key where the first column that differs leaves room for the place."""
    first = columns[names[0]]
    if names[0] == "hi":
        v4 = columns["lo"] >> np.uint64(32) == np.uint64(V4_MAPPED >> 32)
        first, bits = (columns["lo"] & np.uint64(0xFFFF_FFFF), 32) if v4.all() and not first.any() else (first, 64)
    else:
        bits = 48
    if bits == 64 or (len(places) and int(places.max()) >> (64 - bits)):
        return _by_columns(columns, places, names)
    key = places.astype(np.uint64) << np.uint64(bits) | first
    order = np.argsort(key)
    ordered = key[order]
    if (ordered[1:] == ordered[:-1]).any():  # one MAC with two remotes, which only other hands make: the later columns decide
        return _by_columns(columns, places, names)
    return order


def _by_columns(columns: Mapping[str, NDArray[np.uint64]], places: NDArray[np.int32], names: Sequence[str]) -> NDArray[np.intp]:
    keys: list[NDArray[np.uint64]] = [columns[name] for name in reversed(names)]
    return np.lexsort([*keys, places.astype(np.uint64)])
