"""Hosts compared by digests of what their kernels hold of a segment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vxloom.dataplane.linuxbridge.observe import Kernel
from vxloom.dataplane.netlink import FDB_ROW, NUD_NOARP, NUD_PERMANENT, NUD_REACHABLE
from vxloom.doctor import digests
from vxloom.doctor.checks.segments import survey
from vxloom.doctor.evidence import CloudEvidence, HostAnswer, SegmentDigest
from vxloom.doctor.finding import Finding
from vxloom.model.addresses import pack_ip
from vxloom.model.rows import ADDRESS, MEMBER, PORT, Rows, table
from vxloom.model.segment import SegmentHead, SegmentTable

VTEPS = {number: f"192.0.2.{number}" for number in (1, 2, 3)}
MACS = {0x02_00_00_00_00_01: 1, 0x02_00_00_00_00_02: 1, 0x02_00_00_00_00_03: 2, 0x02_00_00_00_00_04: 3}
STATIC = NUD_NOARP | NUD_REACHABLE


def segment() -> SegmentTable:
    ports = np.zeros(len(MACS), PORT)
    ports["mac"], ports["host"] = list(MACS), list(MACS.values())
    members = np.zeros(3, MEMBER)
    members["host"] = list(VTEPS)
    members["hi"], members["lo"] = zip(*(pack_ip(vtep) for vtep in VTEPS.values()), strict=True)
    return SegmentTable(SegmentHead(5001, "n", "n", "t", 1450), 7, members, ports, table(ADDRESS, []))


def kernel(number: int, *more: tuple[int, int, int, int]) -> tuple[Rows, Rows]:
    """Return FDB and neighbours as a host's kernel holds them; ``more``: (MAC, number of the VTEP's host, bridge or 0, state)."""
    remote = [(mac, home, 0, STATIC) for mac, home in MACS.items() if home != number]
    bridged = [(mac, 0, 9, STATIC) for mac, home in MACS.items() if home != number]
    flood = [(0, home, 0, NUD_PERMANENT) for home in VTEPS if home != number]
    own = [(0x0E_00_00_00_00_00 + number, 0, 9, NUD_PERMANENT)]  # the device's
    rows = np.zeros(0, FDB_ROW)
    for mac, home, bridge, state in [*remote, *bridged, *flood, *own, *more]:
        row = np.zeros(1, FDB_ROW)
        row["mac"], row["master"], row["state"] = mac, bridge, state
        if home:
            row["hi"], row["lo"] = pack_ip(VTEPS[home])
        rows = np.concatenate([row, rows])
    return rows, np.zeros(0, FDB_ROW)


def digest(number: int, *more: tuple[int, int, int, int]) -> SegmentDigest:
    return digests._digests(segment(), number, pack_ip(VTEPS[number]), *kernel(number, *more))


def found(**hosts: SegmentDigest) -> list[Finding]:
    answers = (HostAnswer(name, connected=True, vtep="192.0.2.1", segments={5001: each}) for name, each in hosts.items())
    return list(survey(CloudEvidence(tuple(answers))))


def test_all_hosts_of_a_segment_have_the_same_digests() -> None:
    assert digest(1) == digest(2) == digest(3)
    assert found(h1=digest(1), h2=digest(2), h3=digest(3)) == []


def test_the_host_that_differs_is_named_with_what_differs_and_from_how_many() -> None:
    learned = (0x02_00_00_00_00_01, 0, 9, NUD_REACHABLE)  # in the place of a row of ours it would be no difference of MACs
    strange = (0x02_00_00_00_00_99, 1, 0, NUD_NOARP)
    [finding] = found(h1=digest(1), h2=digest(2, strange), h3=digest(3))
    assert (finding.host, finding.where, finding.expected, finding.seen) == ("h2", "VNI 5001", "as on 2 of 2 other hosts", "other FDB")
    [finding] = found(h1=digest(1), h2=digest(2), h3=digest(3, (0x02_00_00_00_00_99, 0, 9, NUD_REACHABLE), strange))
    assert finding.seen == "other FDB and rows of the bridge"
    assert "brvx-5001" in finding.remedy
    assert found(h1=digest(1), h2=digest(2, learned), h3=digest(3)) == []


def test_of_two_both_are_named_since_nobody_knows_who_is_right() -> None:
    assert [finding.host for finding in found(h1=digest(1), h2=digest(2, (0x02_00_00_00_00_99, 1, 0, NUD_NOARP)))] == ["h1", "h2"]


def test_hosts_that_were_told_different_things_are_not_compared() -> None:
    assert found(h1=digest(1), h2=replace(digest(2), fdb=1, table=2), h3=digest(3)) == []


def test_a_missing_row_a_wrong_vtep_and_a_missing_flood_entry_differ() -> None:
    whole, neighbours = kernel(2)
    own = pack_ip(VTEPS[2])
    for row in range(len(whole)):
        if int(whole["state"][row]) == NUD_PERMANENT and int(whole["mac"][row]):
            continue
        less = np.delete(whole, row)
        assert digests._digests(segment(), 2, own, less, neighbours) != digest(2), whole[row]
    wrong = whole.copy()
    wrong["lo"][np.flatnonzero((wrong["master"] == 0) & (wrong["mac"] != 0))[0]] += 1
    assert digests._digests(segment(), 2, own, wrong, neighbours).fdb != digest(2).fdb


def test_a_host_without_devices_or_word_has_nothing_to_compare() -> None:
    from vxloom.agent.held import Word

    assert digests.segment_digests(Word(), Kernel((), np.zeros(0, FDB_ROW), np.zeros(0, FDB_ROW))) == {}
