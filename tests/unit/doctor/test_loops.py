"""Who floods, whose frames come back, and what joins two of our bridges."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from tests.intents import at, cloud, desired, mac, network, nic, nic_id, tap
from vxloom.doctor.diagnosis import diagnose
from vxloom.doctor.evidence import Device, HostEvidence, Port, Process, Word
from vxloom.model.state import HostState, Stray, Tap

CLOUD = cloud(
    (network(5001), network(5002), network(5003)),
    (
        nic(1, 5001, at(1), vm="two-cards"),
        nic(2, 5002, at(1), vm="two-cards"),
        nic(3, 5001, at(1)),
        nic(4, 5001, at(2)),
        nic(5, 5002, at(2)),
        nic(6, 5003, at(2)),
    ),
)
STATE = desired(CLOUD, storm_limit=2000)
PORTS = {
    tap(1, 5001): Port(nic_id(1, 5001), mac(1), "two-cards", "web", 5001, "red"),
    tap(2, 5002): Port(nic_id(2, 5002), mac(2), "two-cards", "web", 5002, "blue"),
    tap(3, 5001): Port(nic_id(3, 5001), mac(3), "vm-3", "db", 5001, "red"),
}


def found(
    *devices: Device, storms: dict[str, float] | None = None, echoes: Iterable[tuple[str, str]] = (), strays: tuple[Stray, ...] = ()
) -> list[tuple[str, str, tuple[str, ...]]]:
    """(code, where, what follows from it)."""
    seen = desired(CLOUD, storm_limit=2000)
    evidence = HostEvidence(
        "h1",
        word=Word("192.0.2.1", 4789, ports=PORTS),
        desired=STATE,
        observed=HostState(seen.resources, seen.rows, strays=strays),
        agent=Process.RUNS,
        devices={device.name: device for device in devices},
        addresses={"192.0.2.1": "eth0"},
        storms=storms or {},
        echoes=dict.fromkeys(echoes, 3),
    )
    return [(each.code, each.where, each.explains) for each in diagnose(evidence)]


def veth(name: str, peer: str, master: str = "") -> Device:
    return Device(name, 1500, up=True, kind="veth", peer=peer, master=master, mac="02:00:00:00:99:01")


def test_a_host_that_is_well() -> None:
    assert found(veth("a", "b"), Device("eth0", 1500, up=True, kind="")) == []


def test_a_port_over_its_limit_is_told_with_whose_it_is() -> None:
    evidence = HostEvidence("h1", word=Word("192.0.2.1", 4789, ports=PORTS), desired=STATE, observed=STATE, storms={tap(3, 5001): 810.4})
    (told,) = [each for each in diagnose(evidence) if each.code == "storm"]
    assert (told.where, told.expected) == (tap(3, 5001), "at most 2000 frames/s")
    assert told.seen == f"810 frames/s more than that; machine db, NIC {nic_id(3, 5001)}, network red"


@pytest.mark.parametrize("back", [mac(3), mac(4), mac(5)], ids=["one of this host", "a remote one", "one of its other network"])
def test_frames_of_others_that_come_back_are_a_loop(back: str) -> None:
    assert found(echoes=[(tap(2, 5002), back)]) == [("loop", tap(2, 5002), ())]


@pytest.mark.parametrize("back", [mac(6), mac(77)], ids=["of a network it is not in", "of nobody"])
def test_frames_of_whom_it_cannot_have_heard_are_no_loop(back: str) -> None:
    assert found(echoes=[(tap(2, 5002), back)]) == []


def test_the_storm_of_a_machine_that_loops_follows_from_that_and_that_of_another_does_not() -> None:
    storms = {tap(1, 5001): 5.0, tap(3, 5001): 5.0}
    assert found(storms=storms, echoes=[(tap(2, 5002), mac(3))]) == [
        ("loop", tap(2, 5002), (f"storm {tap(1, 5001)}",)),
        ("storm", tap(3, 5001), ()),
    ]


@pytest.mark.parametrize(
    "cable",
    [
        [veth("a", "b", "brvx-5001"), veth("b", "a", "brvx-5002")],
        [veth("a", "b", "brvx-5001"), veth("b", "a", "brvx-5001")],
        [
            veth("a", "c", "brvx-5001"),
            veth("c", "a", "br0"),
            Device("br0", 1500, up=True, kind="bridge"),
            veth("d", "b", "br0"),
            veth("b", "d", "brvx-5002"),
        ],
    ],
    ids=["of two bridges", "of one bridge with itself", "by way of another bridge"],
)
def test_a_cable_between_our_bridges_is_a_loop_and_both_its_ends_follow_from_it(cable: list[Device]) -> None:
    strays = tuple(Stray(device.name, device.master, quarantined=True) for device in cable if device.name in "ab")
    other = Stray("x", "brvx-5001", quarantined=True)
    assert found(*cable, strays=(*strays, other)) == [("foreign-port", "x", ()), ("loop", "a", ("foreign-port a", "foreign-port b"))]


def test_a_cable_that_leads_elsewhere_is_none() -> None:
    elsewhere = [
        veth("a", "c", "brvx-5001"),
        veth("c", "a", "br0"),
        veth("b", "d", "brvx-5002"),
        veth("d", "b", "br1"),
        veth("e", "", "brvx-5001"),
    ]
    assert found(*elsewhere) == []


def test_a_tap_of_another_name_is_told_by_its_mac() -> None:
    """As libvirt names it."""
    state = dict(STATE.resources)
    bound = state.pop((Tap.kind, tap(2, 5002)))
    assert isinstance(bound, Tap)
    other = replace(bound, name="vnet7")
    evidence = HostEvidence(
        "h1",
        word=Word("192.0.2.1", 4789, ports=PORTS),
        desired=STATE,
        observed=HostState({**state, other.key: other}, STATE.rows),
        echoes={("vnet7", mac(4)): 2},
    )
    (told,) = [each for each in diagnose(evidence) if each.code == "loop"]
    assert told.seen == f"2 frames of {mac(4)} lately; machine web, NIC {nic_id(2, 5002)}, network blue"
