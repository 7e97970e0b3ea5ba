"""Do the FDB, the flood entries and the neighbours say where everybody is?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from vxloom.doctor.evidence import HostEvidence
from vxloom.doctor.finding import Fault, Finding, Severity
from vxloom.model.addresses import format_mac, unpack_ip
from vxloom.model.rows import Rows, difference
from vxloom.model.state import SegmentRows, vxlan_name
from vxloom.planner.plan import RowsStep

_AGENT = "the running agent repairs it within a second; until then: systemctl status vxloom-agent"
_SHOWN = 3

FDB_MISSING = Fault(
    code="fdb-missing",
    severity=Severity.ERROR,
    title="the FDB lacks a remote MAC",
    meaning="Frames to that machine are dropped here: unknown unicast is not flooded.",
    remedy=_AGENT,
)
FDB_WRONG = Fault(
    code="fdb-wrong-vtep",
    severity=Severity.ERROR,
    title="the FDB sends a MAC to the wrong VTEP",
    meaning="Frames to that machine go to a host that has not got it, and are dropped there.",
    remedy=_AGENT,
)
FDB_EXTRA = Fault(
    code="fdb-extra",
    severity=Severity.WARNING,
    title="the FDB has a MAC that is no machine's",
    meaning="Somebody added it by hand, or it was left behind.",
    remedy=_AGENT,
)
FLOOD_MISSING = Fault(
    code="flood-missing",
    severity=Severity.ERROR,
    title="broadcast and multicast do not reach a host",
    meaning="Machines there hear neither router advertisements nor VRRP nor mDNS of machines here.",
    remedy=_AGENT,
)
FLOOD_EXTRA = Fault(
    code="flood-extra",
    severity=Severity.ERROR,
    title="broadcast and multicast are copied to a host without a machine in the network",
    meaning="A tenant's frames leave for somebody who should not have them.",
    remedy=_AGENT,
)
NEIGHBOUR_MISSING = Fault(
    code="neighbour-missing",
    severity=Severity.WARNING,
    title="an address is not answered for on the host",
    meaning="ARP or ND for it crosses the underlay instead.",
    remedy=_AGENT,
)
NEIGHBOUR_EXTRA = Fault(
    code="neighbour-extra",
    severity=Severity.ERROR,
    title="the host answers for an address as nobody has it",
    meaning="Machines here are told a wrong MAC.",
    remedy=_AGENT,
)
FAULTS = (FDB_MISSING, FDB_WRONG, FDB_EXTRA, FLOOD_MISSING, FLOOD_EXTRA, NEIGHBOUR_MISSING, NEIGHBOUR_EXTRA)


def look(evidence: HostEvidence) -> Iterator[Finding]:
    """Tell of each VNI which rows differ."""
    for vni, desired in evidence.desired.rows.items():
        yield from _lacking(vxlan_name(vni), desired, evidence.observed.rows.get(vni, SegmentRows()))
    for step in evidence.plan.steps:  # while the agent holds, nothing is one too many
        if isinstance(step, RowsStep):
            yield from _extra(vxlan_name(step.vni), step.drop, evidence.desired.rows.get(step.vni, SegmentRows()))


def _lacking(where: str, desired: SegmentRows, there: SegmentRows) -> Iterator[Finding]:
    put = difference(desired.fdb, there.fdb)
    elsewhere = np.isin(put["mac"], there.fdb["mac"])
    if elsewhere.any():
        seen = there.fdb[np.isin(there.fdb["mac"], put["mac"])]
        yield FDB_WRONG.found(where, expected=_list(put[elsewhere], _remote), seen=_list(seen, _remote))
    halves = desired.fdb[~np.isin(desired.fdb["mac"], put["mac"]) & ~np.isin(desired.fdb["mac"], there.bridged["mac"])]
    if not elsewhere.all():
        yield FDB_MISSING.found(where, expected=_list(put[~elsewhere], _remote), seen="not there")
    elif len(halves):
        yield FDB_MISSING.found(where, expected=_list(halves, _remote), seen="the bridge does not know the MAC")
    if len(put := difference(desired.flood, there.flood)):
        yield FLOOD_MISSING.found(where, expected=_list(put, _vtep), seen="not there")
    if len(put := difference(desired.neighbours, there.neighbours)):
        yield NEIGHBOUR_MISSING.found(where, expected=_list(put, _neighbour), seen="not there, or another MAC")


def _extra(where: str, drop: SegmentRows, desired: SegmentRows) -> Iterator[Finding]:
    if len(strange := drop.fdb[~np.isin(drop.fdb["mac"], desired.fdb["mac"])]):
        yield FDB_EXTRA.found(where, expected="not there", seen=_list(strange, _remote))
    if len(drop.flood):
        yield FLOOD_EXTRA.found(where, expected="not there", seen=_list(drop.flood, _vtep))
    if len(drop.neighbours):
        yield NEIGHBOUR_EXTRA.found(where, expected="not there", seen=_list(drop.neighbours, _neighbour))


def _list(rows: Rows, text: Callable[[tuple[int, ...]], str]) -> str:
    shown = [text(tuple(int(value) for value in row)) for row in rows[:_SHOWN].tolist()]
    return ", ".join(shown) + (f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else "")


def _remote(row: tuple[int, ...]) -> str:
    return f"{format_mac(row[0])} at {unpack_ip(row[1], row[2])}"


def _vtep(row: tuple[int, ...]) -> str:
    return str(unpack_ip(row[0], row[1]))


def _neighbour(row: tuple[int, ...]) -> str:
    return f"{unpack_ip(row[0], row[1])} is at {format_mac(row[2])}"
