"""Views of entries: the FDB, who gets BUM frames, the VTEPs they lead to. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from vxloom.dataplane.linuxbridge.links import is_ours
from vxloom.doctor.show.entries import BRIDGE, DEVICE, DRIFTS, EXTERN, FOREIGN, LEARNT, NO_DRIFT, PERMANENT, STICKY, WRONG
from vxloom.doctor.show.sight import Sight
from vxloom.model.addresses import format_mac, unpack_ip
from vxloom.model.rows import Rows
from vxloom.model.show import DIFFERS, Drift, Row, counted
from vxloom.model.state import vxlan_name

_TABLES = {DEVICE: "vxlan", BRIDGE: "bridge", DEVICE | BRIDGE: "vxlan+bridge"}


def fdb(sight: Sight, entries: Rows) -> Iterator[Row]:
    """Yield a row for each entry that has a MAC."""
    for vni, index, mac, hi, lo, tables, sort, flags, drift in entries.tolist():
        yield Row(
            vni=None if vni < 0 else vni,
            device=_device(sight, vni, index),
            mac=format_mac(mac),
            vtep=_address(hi, lo),
            kind="learnt" if sort == LEARNT else "static" if sort != PERMANENT else "permanent" if tables & DEVICE else "local",
            tables=_TABLES.get(tables, ""),
            flags=tuple(name for bit, name in ((STICKY, "sticky"), (EXTERN, "extern")) if flags & bit),
            drift=DRIFTS[drift],
            detail=_instead(sight, vni, mac, hi, lo, sort) if drift == WRONG else "",
        )


def _instead(sight: Sight, vni: int, mac: int, hi: int, lo: int, sort: int) -> str:
    rows = sight.desired.rows[vni].fdb if vni in sight.desired.rows else None
    place = int(np.searchsorted(rows["mac"], mac)) if rows is not None else 0
    if rows is None or place == len(rows) or int(rows["mac"][place]) != mac:
        return "to be fixed to its tap"
    wanted = unpack_ip(int(rows["hi"][place]), int(rows["lo"][place]))
    if (hi, lo) != (int(rows["hi"][place]), int(rows["lo"][place])):
        return f"wanted at {wanted}"
    return "the bridge does not know it as it should"


def bum(sight: Sight, entries: Rows) -> Iterator[Row]:
    """Yield a row for each VTEP that gets copies of broadcast, multicast and unknown unicast, and for each group that carries them.

    A device's group, or its one default remote, is a flood entry to the kernel, too.
    """
    for vni, index, _, hi, lo, _, _, _, drift in entries.tolist():
        link = sight.by_index.get(index)
        info = link.vxlan if link is not None else None
        default = info is not None and (info.remote_hi, info.remote_lo) == (hi, lo)
        address = unpack_ip(hi, lo)
        kind = "group" if address.is_multicast else "default" if default else "copy"
        yield Row(vni=None if vni < 0 else vni, device=_device(sight, vni, index), vtep=str(address), kind=kind, drift=DRIFTS[drift])


def vteps(sight: Sight, entries: Rows) -> Iterator[Row]:
    """Yield a row for each tunnel address of this host, and for each other VTEP that its entries lead to."""
    own: dict[str, list[int]] = {}
    for link in sight.kernel.links:
        info = link.vxlan
        if info is not None and (info.local_hi or info.local_lo):
            own.setdefault(_address(info.local_hi, info.local_lo), []).append(int(is_ours(link)))
    for address, ours in sorted(own.items()):
        yield Row(vtep=address, kind="own", vnis=len(ours), drift=Drift.NONE if any(ours) else Drift.FOREIGN)
    remote = entries[(entries["hi"] != 0) | (entries["lo"] != 0)]
    remote = remote[np.lexsort([remote["lo"], remote["hi"]])]
    another = np.flatnonzero((remote["hi"][1:] != remote["hi"][:-1]) | (remote["lo"][1:] != remote["lo"][:-1])) + 1
    for start, stop in itertools.pairwise([0, *another.tolist(), len(remote)] if len(remote) else []):
        part = remote[start:stop]
        drift, detail = _together(part)
        yield Row(
            vtep=_address(int(part["hi"][0]), int(part["lo"][0])),
            kind="remote",
            vnis=len(np.unique(part["vni"])),
            macs=int((part["mac"] != 0).sum()),
            drift=drift,
            detail=detail,
        )


def _together(part: Rows) -> tuple[Drift, str]:
    """Return how some entries stand together: all alike, or so many of each."""
    codes = set(part["drift"].tolist())
    if len(codes) == 1:
        return DRIFTS[codes.pop()], ""
    if codes <= {NO_DRIFT, FOREIGN}:
        return Drift.NONE, ""
    counts = counted(DRIFTS[code] for code in part["drift"].tolist())
    return Drift.WRONG, "entries: " + ", ".join(f"{count} {drift}" for drift, count in counts.items() if drift in DIFFERS)


def _device(sight: Sight, vni: int, index: int) -> str:
    return sight.by_index[index].name if index in sight.by_index else vxlan_name(vni)


def _address(high: int, low: int) -> str:
    return str(unpack_ip(high, low)) if high or low else ""
