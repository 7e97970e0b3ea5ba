"""Bulk rows of many VNIs at once: from the kernel's dump to one table per VNI. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vxloom.dataplane.linuxbridge.links import PortMacs
from vxloom.dataplane.netlink import NTF_EXT_LEARNED, NTF_STICKY, NUD_NOARP, NUD_PERMANENT, PROTOCOL, Link
from vxloom.model.rows import FDB, FLOOD, NEIGHBOUR, Rows, empty
from vxloom.model.state import SegmentRows

MAC: Final = np.dtype([("mac", "<u8")])


@dataclass(frozen=True, slots=True)
class _Indexes:
    """Link index → VNI, as two sorted columns."""

    index: NDArray[np.int64]
    vni: NDArray[np.int64]

    @classmethod
    def of(cls, links: Mapping[int, Link]) -> _Indexes:
        pairs = sorted((link.index, vni) for vni, link in links.items())
        columns = np.array(pairs, np.int64).reshape(-1, 2)
        return cls(columns[:, 0], columns[:, 1])

    def vnis(self, indexes: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Return each row's VNI, -1 where the link is none of these."""
        if not len(self.index):
            return np.full(len(indexes), -1, np.int64)
        place = np.minimum(np.searchsorted(self.index, indexes), len(self.index) - 1)
        return np.where(self.index[place] == indexes, self.vni[place], -1)


def segment_rows(fdb: Rows, neighbours: Rows, bridges: Mapping[int, Link], vxlans: Mapping[int, Link]) -> dict[int, SegmentRows]:
    """Return the rows that are ours (law 5), one set of tables for each VNI that has a link of ours.

    Args:
        fdb: FDB_ROW, shape (n,), of these links at least.
        neighbours: NEIGHBOUR_ROW, shape (n,).
        bridges: by VNI.
        vxlans: by VNI.
    """
    vni = _Indexes.of(vxlans).vnis(fdb["ifindex"])
    permanent = (fdb["state"] & NUD_PERMANENT) != 0
    static = (fdb["state"] & NUD_NOARP) != 0
    ours = (vni >= 0) & (fdb["other"] == 0) & (fdb["ext"] == 0) & ((fdb["flags"] & NTF_EXT_LEARNED) == 0)
    own = ours & (fdb["master"] == 0) & (permanent | static)
    remote = own & (fdb["mac"] != 0) & static
    flood = own & (fdb["mac"] == 0) & ((fdb["hi"] != 0) | (fdb["lo"] != 0))
    bridged = ours & (fdb["master"] != 0) & static & ~permanent
    where = _Indexes.of(bridges).vnis(neighbours["ifindex"])
    known = (where >= 0) & (neighbours["protocol"] == PROTOCOL) & ((neighbours["state"] & NUD_PERMANENT) != 0)
    tables = {
        "fdb": _split(fdb, vni, remote, FDB),
        "bridged": _split(fdb, vni, bridged, MAC),
        "flood": _split(fdb, vni, flood, FLOOD),
        "neighbours": _split(neighbours, where, known, NEIGHBOUR),
    }
    blank = {"fdb": empty(FDB), "bridged": empty(MAC), "flood": empty(FLOOD), "neighbours": empty(NEIGHBOUR)}
    return {
        number: SegmentRows(**{name: found.get(number, blank[name]) for name, found in tables.items()})
        for number in sorted(bridges.keys() | vxlans.keys())
    }


def port_macs(fdb: Rows, ports: set[int]) -> dict[int, PortMacs]:
    """Return link index → what the bridge believes to be behind it, for these ports; the ports' own MACs left out."""
    wanted = np.fromiter(ports, np.uint32, len(ports))
    rows = fdb[(fdb["master"] != 0) & ((fdb["state"] & NUD_PERMANENT) == 0) & np.isin(fdb["ifindex"], wanted)]
    sorts = np.where((rows["state"] & NUD_NOARP) == 0, 2, np.where((rows["flags"] & NTF_STICKY) != 0, 0, 1))
    found: dict[int, tuple[set[int], set[int], set[int]]] = {}
    for index, mac, sort in zip(rows["ifindex"].tolist(), rows["mac"].tolist(), sorts.tolist(), strict=True):
        found.setdefault(index, (set(), set(), set()))[sort].add(mac)
    return {index: PortMacs(*map(frozenset, sets)) for index, sets in found.items()}


def _split(rows: Rows, vni: NDArray[np.int64], keep: NDArray[np.bool_], dtype: np.dtype[np.void]) -> dict[int, Rows]:
    """Return VNI → canonical table of the kept rows. The kernel holds no row twice, so sorting is enough."""
    chosen = np.flatnonzero(keep)
    if not len(chosen):
        return {}
    names = dtype.names or ()
    columns = {name: rows[name][chosen] for name in names}
    numbers = vni[chosen]
    order = np.lexsort([*(columns[name] for name in reversed(names)), numbers])
    table = np.empty(len(chosen), dtype)
    for name in names:
        table[name] = columns[name][order]
    numbers = numbers[order]
    starts = np.concatenate([[0], np.flatnonzero(numbers[1:] != numbers[:-1]) + 1])
    ends = np.append(starts[1:], len(numbers))
    return {int(numbers[start]): table[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)}
