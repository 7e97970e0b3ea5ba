"""The six views of a host: which rows, and how many of them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from vxloom.doctor.show import links, rows
from vxloom.doctor.show.entries import DRIFTS, FOREIGN, NO_DRIFT, entries_of
from vxloom.doctor.show.sight import Sight
from vxloom.model.addresses import parse_mac
from vxloom.model.rows import Rows
from vxloom.model.show import Query, Row, Shown, View, counted, kept


def shown(sight: Sight, query: Query) -> Shown:
    """Return a view of a host: at most ``query.limit`` rows, and of how many."""
    every = entries_of(sight)
    macs = None if query.macs is None else np.array([parse_mac(mac) for mac in query.macs], np.uint64)
    of_macs = every if macs is None else every[np.isin(every["mac"], macs)]
    segments = None if query.vnis is None else frozenset(query.vnis)
    if query.view is View.FDB:
        return _of_entries(sight, query, _of_segments(of_macs[of_macs["mac"] != 0], segments), rows.fdb)
    if query.view is View.VTEPS:
        return _told(sight, query, rows.vteps(sight, _of_segments(of_macs, segments)))
    if query.view is View.PORTS:
        behind = (sight.by_index[index] for index in of_macs["index"].tolist() if index)
        devices = {link.name for link in behind if link.vxlan is None}  # behind a VXLAN device it is elsewhere
        ports = (row for row in links.ports(sight) if macs is None or row.device in devices or row.mac in (query.macs or ()))
        return _told(sight, query, _fitting(ports, segments))
    if macs is not None:  # of segments as a whole: those that know the MAC
        known = frozenset(of_macs["vni"].tolist())
        segments = known if segments is None else segments & known
    if query.view is View.BUM:
        return _of_entries(sight, query, _of_segments(every[every["mac"] == 0], segments), rows.bum)
    found = links.vnis(sight, every) if query.view is View.VNIS else links.bridges(sight)
    return _told(sight, query, _fitting(found, segments))


def _of_segments(entries: Rows, segments: frozenset[int] | None) -> Rows:
    return entries if segments is None else entries[np.isin(entries["vni"], np.array(sorted(segments), np.int64))]


def _fitting(found: Iterable[Row], segments: frozenset[int] | None) -> Iterator[Row]:
    return (row for row in found if segments is None or row.vni in segments)


def _told(sight: Sight, query: Query, found: Iterable[Row]) -> Shown:
    every = sorted(found, key=lambda row: (-1 if row.vni is None else row.vni, row.bridge, row.device))
    return Shown(sight.host, kept(every, query.limit), len(every), counted(row.drift for row in every), sight.note)


def _of_entries(sight: Sight, query: Query, entries: Rows, make: Callable[[Sight, Rows], Iterable[Row]]) -> Shown:
    """Choose before rows are made: a host may have a hundred thousand, and many more flood entries."""
    counts = counted(DRIFTS[code] for code in entries["drift"].tolist())
    chosen = entries
    if len(entries) > query.limit:
        plain = np.isin(entries["drift"], (NO_DRIFT, FOREIGN))
        chosen = entries[np.sort(np.argsort(plain, kind="stable")[: query.limit])]
    return Shown(sight.host, [*make(sight, chosen)], len(entries), counts, sight.note)
