"""The difference of one VNI's bulk rows, as columns: puts replace, so only what nothing replaces is dropped."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

import numpy as np

from vxloom.model.rows import FDB, Rows, canonical, difference, within
from vxloom.model.state import ROW_TABLES, Bridge, Key, SegmentRows, VxlanDevice, bridge_name, vxlan_name
from vxloom.planner.plan import RowsStep

_NOTHING = SegmentRows()
_IP = ("hi", "lo")


def homes(vni: int) -> Mapping[Key, tuple[str, ...]]:
    """Return what the rows of a VNI live in, and which tables die with it."""
    return {
        (VxlanDevice.kind, vxlan_name(vni)): ("fdb", "bridged", "flood"),
        (Bridge.kind, bridge_name(vni)): ("bridged", "neighbours"),
    }


def diff_rows(
    vni: int, desired: SegmentRows, observed: SegmentRows, wiped: AbstractSet[str] = frozenset(), *, prune: bool = True
) -> RowsStep | None:
    """Return the step from ``observed`` to ``desired``, None when there is nothing to do.

    ``wiped``: tables that steps before this one destroy, so that all of them is put again.
    """
    if not wiped and _equal(desired, observed):
        return None
    lost = sorted(name for name in wiped if len(getattr(observed, name)))
    observed = _after_wipe(observed, wiped)
    put = SegmentRows(
        fdb=_fdb_to_put(desired, observed),
        flood=difference(desired.flood, observed.flood),
        neighbours=difference(desired.neighbours, observed.neighbours),
    )
    drop = _to_drop(desired, observed) if prune else _NOTHING
    step = RowsStep(vni, put, drop, _reason(put, drop, observed, lost))
    return step if step.count() else None


def _equal(desired: SegmentRows, observed: SegmentRows) -> bool:
    """Compare bytes, not fields: at 100,000 rows a tenth of the time."""
    for name in ROW_TABLES:
        ours, theirs = getattr(desired, name), getattr(observed, name)
        if len(ours) != len(theirs) or not np.array_equal(ours.view("u1"), theirs.view("u1")):
            return False
    return True


def _after_wipe(observed: SegmentRows, wiped: AbstractSet[str]) -> SegmentRows:
    # The bridge's half of a remote MAC is a table of its own; what destroys either half makes both be put again.
    return SegmentRows(**{name: getattr(observed, name)[:0] if name in wiped else getattr(observed, name) for name in ROW_TABLES})


def _fdb_to_put(desired: SegmentRows, observed: SegmentRows) -> Rows:
    """Missing, moved, or present by half only."""
    half = desired.fdb[~within(desired.fdb, observed.bridged, ("mac",))]
    missing = difference(desired.fdb, observed.fdb)
    return canonical(np.concatenate([missing, half])) if len(half) else missing


def _to_drop(desired: SegmentRows, observed: SegmentRows) -> SegmentRows:
    return SegmentRows(
        fdb=_fdb_to_drop(desired.fdb, observed.fdb),
        bridged=difference(observed.bridged, desired.bridged),
        flood=difference(observed.flood, desired.flood),
        neighbours=observed.neighbours[~within(observed.neighbours, desired.neighbours, _IP)],
    )


def _fdb_to_drop(desired: Rows, observed: Rows) -> Rows:
    """Rows of MACs nobody wants, and second remotes of a MAC: a put replaces one remote of a MAC, not all of them."""
    macs = observed["mac"]
    twice = np.zeros(len(observed), bool)
    twice[1:] = macs[1:] == macs[:-1]
    twice[:-1] |= twice[1:].copy()
    stale = ~within(observed, desired, ("mac",))
    surplus = twice & ~within(observed, desired, FDB.names or ())
    # The first surplus remote of a moved MAC goes by the put; taking it away as well would be harmless, a lost row would not.
    return observed[stale | surplus]


def _reason(put: SegmentRows, drop: SegmentRows, observed: SegmentRows, lost: list[str]) -> str:
    words: list[str] = []
    if lost:
        words.append(f"a step before this one destroys {', '.join(lost)}")
    moved = int(within(put.fdb, observed.fdb, ("mac",)).sum())
    half = int(within(put.fdb, observed.fdb, FDB.names or ()).sum())
    readdressed = int(within(put.neighbours, observed.neighbours, _IP).sum())
    counts = (
        (len(put.fdb) - moved, "MAC missing", "MACs missing"),
        (moved - half, "MAC elsewhere", "MACs elsewhere"),
        (half, "MAC there by half", "MACs there by half"),
        (len(put.flood), "VTEP missing", "VTEPs missing"),
        (len(put.neighbours) - readdressed, "neighbour missing", "neighbours missing"),
        (readdressed, "neighbour with another MAC", "neighbours with another MAC"),
        (len(drop.fdb), "stale MAC", "stale MACs"),
        (len(drop.bridged), "stale bridge row", "stale bridge rows"),
        (len(drop.flood), "stale VTEP", "stale VTEPs"),
        (len(drop.neighbours), "stale neighbour", "stale neighbours"),
    )
    words += [f"{count} {one if count == 1 else many}" for count, one, many in counts if count]
    return ", ".join(words)
