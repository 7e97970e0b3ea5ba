"""Writing the bulk rows of many VNIs: remote MACs, flood entries, neighbours. Puts before drops."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vxloom.dataplane.linuxbridge.observe import our_indexes
from vxloom.dataplane.netlink import (
    Batch,
    Failure,
    NetlinkSocket,
    encode_bridge_fdb,
    encode_fdb,
    encode_flood,
    encode_neighbours,
)
from vxloom.model.rows import Rows
from vxloom.model.state import bridge_name, vxlan_name
from vxloom.planner.plan import RowsStep

_GONE: Final = frozenset({errno.ENOENT, errno.ENODEV, errno.ESRCH, errno.EADDRNOTAVAIL})
_SLICE: Final = 16384
"""Rows between two looks at the urgent lane: about 60 ms of writing."""
Encode = Callable[[Rows, NDArray[np.int64]], Batch]


class WriteRows:
    """Writes rows through one socket."""

    def __init__(self, sock: NetlinkSocket) -> None:
        self._sock = sock

    def write(self, steps: Sequence[RowsStep], urgent: Callable[[], None]) -> list[str]:
        """Carry out steps; one error text each, "" where every row was taken."""
        errors = [""] * len(steps)
        names = [name for step in steps for name in (vxlan_name(step.vni), bridge_name(step.vni))]
        links = our_indexes(self._sock, names)
        usable: list[int] = []
        for place, step in enumerate(steps):
            missing = [name for name in (vxlan_name(step.vni), bridge_name(step.vni)) if name not in links]
            if missing and any(len(table) for table in (step.put.fdb, step.put.bridged, step.put.flood, step.put.neighbours)):
                errors[place] = f"write rows of VNI {step.vni}: {missing[0]} of ours is not there (errno {errno.ENODEV})"
            if not missing:
                usable.append(place)
        write = _Pass(self._sock, steps, usable, links, errors, urgent)
        write.table("fdb", "put", encode_fdb, apart=True)
        write.table("bridged", "put", lambda rows, where: encode_bridge_fdb(rows["mac"], where))
        write.table("flood", "put", encode_flood)
        write.table("neighbours", "put", encode_neighbours)
        write.table("flood", "drop", lambda rows, where: encode_flood(rows, where, "delete"))
        write.table("fdb", "drop", lambda rows, where: encode_fdb(rows, where, "delete", "self"))
        write.table("bridged", "drop", lambda rows, where: encode_bridge_fdb(rows["mac"], where, "delete"))
        write.table("neighbours", "drop", lambda rows, where: encode_neighbours(rows, where, "delete"))
        return errors


class _Pass:
    """One run over some steps."""

    def __init__(
        self,
        sock: NetlinkSocket,
        steps: Sequence[RowsStep],
        usable: Sequence[int],
        links: Mapping[str, int],
        errors: list[str],
        urgent: Callable[[], None],
    ) -> None:
        self._sock = sock
        self._steps = steps
        self._usable = usable
        self._links = links
        self._errors = errors
        self._urgent = urgent

    def table(self, name: str, side: str, encode: Encode, *, apart: bool = False) -> None:
        """Write one table of all steps, in slices."""
        parts: list[Rows] = []
        owners: list[NDArray[np.int64]] = []
        where: list[NDArray[np.int64]] = []
        for place in self._usable:
            step = self._steps[place]
            rows: Rows = getattr(getattr(step, side), name)
            if side == "put" and name == "bridged" and len(rows):
                rows = rows[~np.isin(rows["mac"], step.put.fdb["mac"])]
            if len(rows):
                link = bridge_name(step.vni) if name == "neighbours" else vxlan_name(step.vni)
                parts.append(rows)
                owners.append(np.full(len(rows), place, np.int64))
                where.append(np.full(len(rows), self._links[link], np.int64))
        if not parts:
            return
        rows, owner, index = np.concatenate(parts), np.concatenate(owners), np.concatenate(where)
        for start in range(0, len(rows), _SLICE):
            cut = slice(start, start + _SLICE)
            failures = self._sock.batch(encode(rows[cut], index[cut]))
            if failures and apart:
                failures = self._halves(rows[cut], index[cut], failures)
            for failure in failures:
                if side == "drop" and failure.errno in _GONE:
                    continue
                place = int(owner[start + failure.index])
                text = failure.text or os.strerror(failure.errno)
                verb = "put" if side == "put" else "remove"
                self._errors[place] = self._errors[place] or (
                    f"{verb} {name} row of VNI {self._steps[place].vni}: {text} (errno {failure.errno}); {len(failures)} rows refused"
                )
            self._urgent()

    def _halves(self, rows: Rows, index: NDArray[np.int64], failures: Sequence[Failure]) -> list[Failure]:
        """Send the halves of refused rows apart: each replaces what is there, so either order and any repeat is right."""
        at = np.array([failure.index for failure in failures], np.int64)
        found: list[Failure] = []
        for half in (encode_fdb(rows[at], index[at], half="self"), encode_fdb(rows[at], index[at], half="master")):
            found += [Failure(int(at[each.index]), each.errno, each.text) for each in self._sock.batch(half)]
        return found
