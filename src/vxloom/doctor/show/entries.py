"""FDB and flood entries of a host as columns, each marked. Pure.

The two kernel rows of a remote MAC, the VXLAN device's (MAC → VTEP) and the bridge's (MAC → port), are one entry. Marks come from
the planner's comparison of rows; a row that no agent of ours wrote, and one that was learnt, is foreign.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vxloom.dataplane.linuxbridge.links import is_ours
from vxloom.dataplane.netlink import NTF_EXT_LEARNED, NTF_STICKY, NUD_NOARP, NUD_PERMANENT
from vxloom.doctor.show.marks import NONE
from vxloom.doctor.show.sight import Sight
from vxloom.model.addresses import parse_mac
from vxloom.model.rows import FDB, Rows, within
from vxloom.model.show import Drift
from vxloom.model.state import SegmentRows, Tap, VxlanDevice, vxlan_name
from vxloom.planner.rows import diff_rows

_BYTES = ("tables", "sort", "flags", "drift")
ENTRY = np.dtype([("vni", "<i8"), ("index", "<u4"), *((name, "<u8") for name in ("mac", "hi", "lo")), *((name, "u1") for name in _BYTES)])
"""``vni`` -1: none. ``index`` 0: its device is missing. ``mac`` 0: a flood entry. ``hi`` = ``lo`` = 0: no VTEP."""
DEVICE, BRIDGE = 1, 2
"""Bits of ``tables``."""
LEARNT, STATIC, PERMANENT = 0, 1, 2
"""Values of ``sort``."""
STICKY, EXTERN, OTHER = 1, 2, 4
"""Bits of ``flags``; OTHER: carries what no row of ours does (a VLAN, another VNI or port)."""
DRIFTS: Final = tuple(Drift)
NO_DRIFT, MISSING, EXTRA, WRONG, FOREIGN = range(len(DRIFTS))
_ID = ("index", "mac", "sort")


def entries_of(sight: Sight) -> Rows:
    """Return ENTRY, shape (n,), by VNI, device, MAC and VTEP: what stands, and what is missing."""
    there = _standing(sight)
    there = there[np.argsort(there["index"], kind="stable")]
    _mark_owners(sight, there)
    indexes = {link.name: link.index for link in sight.kernel.links}
    parts = [there]
    for vni, desired in sight.desired.rows.items():
        index = indexes.get(vxlan_name(vni), 0) if vni in sight.observed.rows else 0
        rows = _of_link(there, index) if index else there[:0]
        parts.append(_compared(vni, index, rows, desired, sight.observed.rows.get(vni, SegmentRows()), prune=sight.prune))
    parts += _fixed(sight, there, indexes)
    found = np.concatenate(parts)
    return found[np.lexsort([found[name] for name in ("lo", "hi", "mac", "index", "vni")])]


def _of_link(rows: Rows, index: int) -> Rows:
    """Return a link's rows of a table sorted by link; a view, so that they can be marked."""
    start, stop = np.searchsorted(rows["index"], [index, index + 1])
    return rows[start:stop]


def _standing(sight: Sight) -> Rows:
    """Return what the kernel holds, unmarked."""
    fdb = sight.kernel.fdb
    vxlans = np.array([link.index for link in sight.kernel.links if link.vxlan is not None], np.uint32)
    own = (fdb["master"] == 0) & np.isin(fdb["ifindex"], vxlans) & ((fdb["mac"] != 0) | (fdb["hi"] != 0) | (fdb["lo"] != 0))
    fdb = fdb[own | (fdb["master"] != 0)]
    found = np.zeros(len(fdb), ENTRY)
    for name in ("mac", "hi", "lo"):
        found[name] = fdb[name]
    found["index"] = fdb["ifindex"]
    found["tables"] = np.where(fdb["master"] == 0, DEVICE, BRIDGE)
    permanent, static = (fdb["state"] & NUD_PERMANENT) != 0, (fdb["state"] & NUD_NOARP) != 0
    found["sort"] = np.where(permanent, PERMANENT, np.where(static, STATIC, LEARNT))
    found["flags"] = np.where(fdb["flags"] & NTF_STICKY, STICKY, 0) | np.where(fdb["flags"] & NTF_EXT_LEARNED, EXTERN, 0)
    found["flags"] |= np.where((fdb["other"] != 0) | (fdb["ext"] != 0), OTHER, 0).astype(np.uint8)
    found["vni"] = _looked_up(sight.vnis, found["index"], -1)
    device, bridge = found[found["tables"] == DEVICE], found[found["tables"] == BRIDGE]
    both = within(device, bridge, _ID)
    device["tables"][both] = DEVICE | BRIDGE
    return np.concatenate([device, bridge[~within(bridge, device, _ID)]])


def _looked_up(known: Mapping[int, int], indexes: NDArray[np.uint32], otherwise: int) -> NDArray[np.int64]:
    distinct, places = np.unique(indexes, return_inverse=True)
    return np.array([known.get(int(index), otherwise) for index in distinct], np.int64)[places]


def _mark_owners(sight: Sight, rows: Rows) -> None:
    """Mark what stands in a device or on a port by whose that is; in ours, what we never write is foreign, too."""
    codes: dict[int, int] = {}
    for link in sight.kernel.links:
        kind = VxlanDevice.kind if link.kind == "vxlan" else Tap.kind
        if sight.marks.get((kind, link.name), NONE)[0] is Drift.EXTRA:
            codes[link.index] = EXTRA
        elif is_ours(link) or (Tap.kind, link.name) in sight.observed.resources:
            codes[link.index] = NO_DRIFT
    rows["drift"] = _looked_up(codes, rows["index"], FOREIGN)
    ours = _looked_up({link.index: 1 for link in sight.kernel.links if link.vxlan is not None and is_ours(link)}, rows["index"], 0) == 1
    strange = (rows["sort"] == LEARNT) | ((rows["flags"] & (EXTERN | OTHER)) != 0)
    strange |= (rows["sort"] == PERMANENT) & (rows["tables"] == DEVICE) & (rows["mac"] != 0)
    rows["drift"][ours & strange] = FOREIGN


def _compared(vni: int, index: int, there: Rows, desired: SegmentRows, observed: SegmentRows, *, prune: bool) -> Rows:
    """Mark the entries of a VXLAN device of ours, and return those that are missing."""
    step = diff_rows(vni, desired, observed, prune=prune)
    if step is None:
        return np.zeros(0, ENTRY)
    put, drop = step.put, step.drop
    known = within(put.fdb, observed.fdb, ("mac",))
    ours = there["drift"] == NO_DRIFT
    unicast = ours & (there["mac"] != 0) & (there["sort"] == STATIC)
    device = (there["tables"] & DEVICE) != 0
    strange = (device & within(there, drop.fdb, FDB.names or ())) | (~device & within(there, drop.bridged, ("mac",)))
    there["drift"][unicast & strange] = EXTRA
    there["drift"][unicast & within(there, put.fdb[known], ("mac",))] = WRONG
    there["drift"][ours & (there["mac"] == 0) & within(there, drop.flood, ("hi", "lo"))] = EXTRA
    return np.concatenate([_missing(vni, index, put.fdb[~known]), _missing(vni, index, put.flood)])


def _missing(vni: int, index: int, rows: Rows) -> Rows:
    found = np.zeros(len(rows), ENTRY)
    for name in rows.dtype.names or ():
        found[name] = rows[name]
    found["vni"], found["index"], found["drift"] = vni, index, MISSING
    found["sort"] = STATIC
    return found


def _fixed(sight: Sight, there: Rows, indexes: dict[str, int]) -> Iterator[Rows]:
    """Mark the MACs on taps that are not as wanted, and yield those that are missing."""
    for key, (drift, _) in sight.marks.items():
        wanted, seen = sight.desired.resources.get(key), sight.observed.resources.get(key)
        if drift is not Drift.WRONG or not isinstance(wanted, Tap) or not isinstance(seen, Tap):
            continue
        index = indexes[seen.name]
        rows = _of_link(there, index)
        good = _packed(wanted.macs & seen.macs)
        allowed = _packed(wanted.macs)
        strange = (rows["sort"] != PERMANENT) & ~np.isin(rows["mac"], good)
        other = np.where(rows["sort"] == STATIC, EXTRA, FOREIGN)
        rows["drift"] = np.where(strange, np.where(np.isin(rows["mac"], allowed), WRONG, other), rows["drift"])
        gone = allowed[~np.isin(allowed, rows["mac"][rows["sort"] != PERMANENT])]
        lost = np.zeros(len(gone), ENTRY)
        lost["mac"], lost["index"], lost["vni"], lost["drift"], lost["sort"] = gone, index, sight.vnis.get(index, -1), MISSING, STATIC
        yield lost


def _packed(macs: Iterable[str]) -> NDArray[np.uint64]:
    return np.array([parse_mac(mac) for mac in macs], np.uint64)
