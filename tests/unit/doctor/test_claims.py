"""Who claims the MAC of a machine that is elsewhere, and devices that are of another VNI or port than their bridge."""

from __future__ import annotations

import numpy as np
import pytest

from vxloom.doctor.diagnosis import diagnose
from vxloom.doctor.evidence import Device, HostEvidence, Sighting, Word
from vxloom.model.addresses import pack_ip, parse_mac
from vxloom.model.rows import FDB
from vxloom.model.state import HostState, SegmentRows, Stray, Tap

REMOTE, LOCAL, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"
TAP = Tap(name="vnet1", bridge="brvx-5001", macs=frozenset({LOCAL}), mtu=1500)
ROWS = SegmentRows(
    fdb=np.array([(parse_mac(REMOTE), *pack_ip("192.0.2.2"))], FDB), bridged=np.array([(parse_mac(REMOTE),)], [("mac", "<u8")])
)


def found(*sightings: Sighting, strays: tuple[Stray, ...] = (), devices: tuple[Device, ...] = ()) -> list[tuple[str, str]]:
    whole = HostState({TAP.key: TAP}, {5001: ROWS}, strays=strays)
    evidence = HostEvidence(
        "h1",
        word=Word("192.0.2.1", 4789),
        addresses={"192.0.2.1": "eth0"},
        desired=HostState({TAP.key: TAP}, {5001: ROWS}),
        observed=whole,
        sightings=sightings,
        devices={device.name: device for device in devices},
    )
    return [(finding.code, finding.where) for finding in diagnose(evidence)]


@pytest.mark.parametrize("learnt", [True, False])
def test_a_remote_mac_behind_a_port_here_is_masked(learnt: bool) -> None:
    assert found(Sighting("brvx-5001", "vnet1", REMOTE, learnt)) == [("fdb-masked", "vxlan5001")]


def test_a_local_mac_behind_another_port_is_a_duplicate() -> None:
    assert found(Sighting("brvx-5001", "vnet1", LOCAL, learnt=True)) == []
    assert found(Sighting("brvx-5001", "vnet2", LOCAL, learnt=True)) == [("mac-duplicate", "vnet2")]


def test_macs_of_nobody_and_of_other_networks_are_no_claim() -> None:
    assert found(Sighting("brvx-5001", "vnet1", OTHER, learnt=True), Sighting("brvx-7", "vnet9", REMOTE, learnt=True)) == []


@pytest.mark.parametrize(("mac", "expected"), [(REMOTE, "mac-duplicate"), (LOCAL, "mac-duplicate"), (OTHER, "foreign-port")])
def test_a_strange_port_with_the_mac_of_a_machine_is_a_duplicate(mac: str, expected: str) -> None:
    device = Device("eth9", 1500, True, "", mac=mac, master="brvx-5001")
    assert found(strays=(Stray("eth9", "brvx-5001", True),), devices=(device,)) == [(expected, "eth9")]


@pytest.mark.parametrize(
    ("vni", "port", "expected"),
    [(5001, 4789, []), (5002, 4789, [("vni-mismatch", "vxlan1")]), (5001, 8472, [("wrong-port", "vxlan1")]), (None, 8472, [])],
)
def test_a_device_that_somebody_made_is_judged_by_its_bridge(vni: int | None, port: int, expected: list[tuple[str, str]]) -> None:
    device = Device("vxlan1", 1500, True, "vxlan", master="brvx-5001", vni=vni, udp_port=port)
    assert found(devices=(device,)) == expected


def test_a_bridge_of_another_name_says_nothing_of_vnis() -> None:
    assert found(devices=(Device("vxlan1", 1500, True, "vxlan", master="br0", vni=7, udp_port=8472),)) == []
