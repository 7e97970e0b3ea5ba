"""Reading back long tables by their keys.

The kernel dumps a device's FDB in pieces of 32 KiB and walks its list from the head for every piece (``rtnl_fdb_dump``), so that reading
100,000 rows of one device back takes longer than writing them (measured: 2 s against 0.8 s). Touched rows are asked for one by one instead.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vxloom.dataplane.linuxbridge.links import overlay_of
from vxloom.dataplane.linuxbridge.observe import get_links, observe_some
from vxloom.dataplane.linuxbridge.tables import segment_rows
from vxloom.dataplane.netlink import FDB_ROW, NEIGHBOUR_ROW, NetlinkSocket, decode_fdb, encode_fdb_get
from vxloom.model.rows import Rows, difference, empty, union
from vxloom.model.state import HostState, SegmentRows, bridge_name, vxlan_name
from vxloom.planner.plan import Plan, RowsStep, Scope

LONG = 5_000
"""From so many touched rows on, asking for each is cheaper than a dump of a table that holds them."""


def reread_some(sock: NetlinkSocket, plan: Plan, before: HostState, scope: Scope) -> HostState:
    """Return what a look at ``scope`` would, the FDB of long tables by keyed reads. Raises ``DataplaneError``."""
    long = {step.vni: step for step in plan.steps if isinstance(step, RowsStep) and step.count() >= LONG}
    if not long:
        return observe_some(sock, scope)
    state = observe_some(sock, scope, frozenset(long))
    rows = dict(state.rows)
    for vni, step in long.items():
        if vni in rows:
            rows[vni] = _touched(sock, step, before.rows.get(vni, SegmentRows()), rows[vni])
    return replace(state, rows=rows)


def _touched(sock: NetlinkSocket, step: RowsStep, before: SegmentRows, now: SegmentRows) -> SegmentRows:
    """Return one VNI's rows: touched MACs as the kernel tells them, the others as they were, neighbours as just dumped.

    Of a flood entry a keyed read tells only the first VTEP (``vxlan_fdb_get``). So flood rows count as written when the kernel has
    taken each of them and holds the entry; the next look at everything reads them all.
    """
    sides = (step.put.fdb, step.put.bridged, step.drop.fdb, step.drop.bridged)
    macs: NDArray[np.uint64] = np.unique(np.concatenate([table["mac"] for table in sides]))
    links = get_links(sock, (vxlan_name(step.vni), bridge_name(step.vni)))
    overlay = overlay_of(links.values())
    vxlan = overlay.vxlans.get(step.vni)
    if vxlan is None:
        return now
    blocks = [*_get(sock, macs, vxlan.index, "self"), *_get(sock, macs, vxlan.index, "master")]
    told = decode_fdb(blocks) if blocks else np.zeros(0, FDB_ROW)
    found = segment_rows(told, np.zeros(0, NEIGHBOUR_ROW), overlay.bridges, overlay.vxlans)[step.vni]
    return SegmentRows(
        fdb=union(_others(before.fdb, macs), found.fdb),
        bridged=union(_others(before.bridged, macs), found.bridged),
        flood=_flood(sock, step, before.flood, vxlan.index),
        neighbours=now.neighbours,
    )


def _others(rows: Rows, macs: NDArray[np.uint64]) -> Rows:
    return rows[~np.isin(rows["mac"], macs)]


def _flood(sock: NetlinkSocket, step: RowsStep, before: Rows, index: int) -> Rows:
    wanted = union(difference(before, step.drop.flood), step.put.flood)
    entry = _get(sock, np.zeros(1, np.uint64), index, "self")
    return wanted if entry or not len(wanted) else empty(wanted.dtype)


def _get(sock: NetlinkSocket, macs: NDArray[np.uint64], index: int, half: Literal["self", "master"]) -> list[memoryview]:
    blocks, _ = sock.get(encode_fdb_get(macs, index, half))  # ENOENT of what is not there is an answer too
    return blocks
