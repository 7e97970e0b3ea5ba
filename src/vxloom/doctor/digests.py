"""What this host's kernel holds of each segment, in a form in which all hosts of a segment hold the same. Pure.

A host has rows for all MACs but its own, and for all VTEPs but its own. So its own ones, as the segment's table says them, are added to
what its kernel holds: then every host has the whole segment, or something is wrong with one of them. All rows count, whoever made them:
what passes for not ours is just what no comparison of a host with itself finds.
"""

from __future__ import annotations

import numpy as np

from vxloom.agent.held import Word as Held
from vxloom.dataplane.linuxbridge.links import overlay_of
from vxloom.dataplane.linuxbridge.observe import Kernel
from vxloom.dataplane.netlink import NUD_PERMANENT
from vxloom.doctor.evidence import SegmentDigest
from vxloom.model.addresses import pack_ip
from vxloom.model.rows import FDB, FLOOD, NEIGHBOUR, Rows, digest, union
from vxloom.model.segment import SegmentTable

_MAC = np.dtype([("mac", "<u8")])
_KEY = 0x76786C6D
_BITS = 0xFFFF_FFFF


def segment_digests(word: Held, kernel: Kernel) -> dict[int, SegmentDigest]:
    """Return VNI → digests, of the segments that this host was told of and has devices for."""
    document = word.document
    if document is None or not document.vtep:
        return {}
    own = pack_ip(document.vtep)
    overlay = overlay_of(kernel.links)
    fdb, neighbours = _ByLink(kernel.fdb), _ByLink(kernel.neighbours)
    found: dict[int, SegmentDigest] = {}
    for need in document.segments:
        table, vxlan, bridge = word.tables.get(need.vni), overlay.vxlans.get(need.vni), overlay.bridges.get(need.vni)
        if table is not None and vxlan is not None and bridge is not None:
            found[need.vni] = _digests(table, document.number, own, fdb.of(vxlan.index), neighbours.of(bridge.index))
    return found


class _ByLink:
    """Rows of many links, sorted once."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows[np.argsort(rows["ifindex"], kind="stable")]

    def of(self, index: int) -> Rows:
        start, stop = np.searchsorted(self._rows["ifindex"], [index, index + 1])
        return self._rows[start:stop]


def _digests(table: SegmentTable, number: int, own: tuple[int, int], fdb: Rows, neighbours: Rows) -> SegmentDigest:
    mine = table.ports["mac"][table.ports["host"] == number]
    own_rows = np.zeros(len(mine), FDB)
    own_rows["mac"], own_rows["hi"], own_rows["lo"] = mine, *own
    own_flood = np.array([own] if (table.members["host"] == number).any() else [], FLOOD)
    device = fdb[fdb["master"] == 0]
    remote, flood = device[device["mac"] != 0], device[device["mac"] == 0]
    bridged = fdb[(fdb["master"] != 0) & ((fdb["state"] & NUD_PERMANENT) == 0)]  # permanent: the device's own address
    static = neighbours[(neighbours["state"] & NUD_PERMANENT) != 0]
    return SegmentDigest(
        table.digest("") & _BITS,
        _digest(union(_rows(remote, FDB), own_rows)),
        _digest(union(_rows(bridged, _MAC), _rows(own_rows, _MAC))),
        _digest(union(_rows(flood, FLOOD), own_flood)),
        _digest(_rows(static, NEIGHBOUR)),
    )


def _digest(rows: Rows) -> int:
    return digest(rows, _KEY) & _BITS


def _rows(rows: Rows, dtype: np.dtype[np.void]) -> Rows:
    made = np.zeros(len(rows), dtype)
    for name in dtype.names or ():
        made[name] = rows[name]
    return made
