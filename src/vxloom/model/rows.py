"""Column layouts of everything that comes in bulk, and the few operations all of them share.

A table is a one-dimensional numpy structured array, sorted, without duplicates ("canonical"). Objects would
cost half a second per 100,000 rows (measured); columns cost milliseconds and go to the wire as they are.
All columns are little-endian. IP addresses are the ``(hi, lo)`` pairs of :mod:`vxloom.model.addresses`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Rows: TypeAlias = NDArray[np.void]

# On the wire, from the server: what a segment consists of. ``host`` is the store's number of a host.
MEMBER = np.dtype([("host", "<u4"), ("hi", "<u8"), ("lo", "<u8")])
"""EVPN type 3: a host with a port in the segment, and its VTEP address. One row per host."""
PORT = np.dtype([("mac", "<u8"), ("host", "<u4"), ("flags", "<u4")])
"""EVPN type 2, the MAC half: where a MAC lives. One row per MAC (SHARED MACs: only the published holder)."""
ADDRESS = np.dtype([("hi", "<u8"), ("lo", "<u8"), ("mac", "<u8"), ("flags", "<u4")])
"""EVPN type 2, the IP half: which MAC answers for an IP. One row per IP."""

SHARED = 1
"""Flag: several NICs may own this MAC or IP (VRRP); never answered statically from a table."""

# On a host, per segment: what the kernel is to hold.
FDB = np.dtype([("mac", "<u8"), ("hi", "<u8"), ("lo", "<u8")])
"""A remote MAC and its VTEP: VXLAN row and bridge row together."""
FLOOD = np.dtype([("hi", "<u8"), ("lo", "<u8")])
"""A remote VTEP that gets copies of broadcast and multicast."""
NEIGHBOUR = np.dtype([("hi", "<u8"), ("lo", "<u8"), ("mac", "<u8")])
"""An IP answered locally (ARP and ND suppression): a permanent neighbour on the bridge."""


def empty(dtype: np.dtype[np.void]) -> Rows:
    """Return a table without rows."""
    return np.zeros(0, dtype)


def table(dtype: np.dtype[np.void], rows: Iterable[tuple[int, ...]]) -> Rows:
    """Return the canonical table of an iterable of tuples."""
    return canonical(np.array(list(rows), dtype=dtype))


def canonical(rows: Rows) -> Rows:
    """Return the rows sorted by all columns in order, duplicates removed."""
    if len(rows) < 2:
        return rows
    names = rows.dtype.names or ()
    order = np.lexsort([rows[name] for name in reversed(names)])
    ordered = rows[order]
    keep = np.ones(len(ordered), bool)
    keep[1:] = ordered[1:] != ordered[:-1]
    return ordered if keep.all() else ordered[keep]


def difference(left: Rows, right: Rows) -> Rows:
    """Return the rows of ``left`` that are not in ``right`` (whole rows compared), canonical."""
    if not len(left) or not len(right):
        return canonical(left)
    if len(left) == len(right) and np.array_equal(left, right):
        return left[:0]
    return canonical(left[~within(left, right, left.dtype.names or ())])


def union(left: Rows, right: Rows) -> Rows:
    """Return all rows of both, canonical."""
    return canonical(np.concatenate([left, right]))


def within(left: Rows, right: Rows, by: tuple[str, ...]) -> NDArray[np.bool_]:
    """Tell for each row of ``left`` whether ``right`` has a row that agrees in the columns ``by``. One boolean per left row."""
    if not len(left) or not len(right):
        return np.zeros(len(left), bool)
    columns = [np.concatenate([left[name], right[name]]) for name in by]
    order = np.lexsort(columns[::-1])
    starts = np.zeros(len(order), bool)
    for column in columns:
        ordered = column[order]
        starts[1:] |= ordered[1:] != ordered[:-1]
    run = np.empty(len(order), np.intp)
    run[order] = np.cumsum(starts)
    in_right = np.zeros(len(order), bool)
    in_right[run[len(left) :]] = True
    return in_right[run[: len(left)]]


_FEW = 16
"""Rows up to which numbers are faster than arrays: at ten, five times (measured)."""
_ALL = 0xFFFF_FFFF_FFFF_FFFF


def digest(rows: Rows, key: int) -> int:
    """Return the order-independent keyed digest of a table: the sum of one 64-bit hash per row, modulo 2^64.

    It finds accidents (a lost delta, a torn file), not an attacker: rows come over an authenticated stream.
    """
    if len(rows) <= _FEW:
        return _digest_few(rows, key)
    # The key is scrambled first: two keys that differ in one bit would else give two neighbouring rows each other's hashes.
    state = np.full(len(rows), _mix(np.array([key & 0xFFFF_FFFF_FFFF_FFFF], np.uint64))[0], np.uint64)
    for position, name in enumerate(rows.dtype.names or ()):
        state = _mix(state ^ (rows[name].astype(np.uint64) + np.uint64(position + 1)))
    return int(state.sum(dtype=np.uint64))


def _digest_few(rows: Rows, key: int) -> int:
    """Return the same, number by number: a host of 1,000 small networks has thousands of tables of ten rows."""
    start, total = _mix_number(key & _ALL), 0
    for row in rows.tolist():
        state = start
        for position, value in enumerate(row, 1):
            state = _mix_number(state ^ ((int(value) + position) & _ALL))
        total += state
    return total & _ALL


def _mix_number(value: int) -> int:
    """Scramble one number, as :func:`_mix` does many."""
    value = (value + 0x9E3779B97F4A7C15) & _ALL
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & _ALL
    value = (value ^ value >> 27) * 0x94D049BB133111EB & _ALL
    return value ^ value >> 31


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit values (the finaliser of splitmix64, public domain by S. Vigna)."""
    with np.errstate(over="ignore"):
        values = values + np.uint64(0x9E3779B97F4A7C15)
        values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
