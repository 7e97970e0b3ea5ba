"""A guest that floods, a guest that bridges its networks, a cable between two of our bridges: named while they last, and harmless."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, cast

import pytest

from tests.kernel import frames
from tests.kernel.frames import BROADCAST, Cable
from tests.scenarios.clouds import Cloud, Guest, Network, running, stream
from tests.waiting import wait_until
from vxloom.lab import faults

LIMIT = 300
SENT = 50
MEASURED = 1.5
"""Seconds over which a flood is counted."""


@dataclass
class Town:
    """On h1: one that floods, one with a card in each network, a neighbour. In the first network one on h2, in the second one on h1."""

    cloud: Cloud
    red: Network
    blue: Network
    noisy: Guest
    both: Guest
    near: Guest
    far: Guest
    other: Guest

    def told(self) -> dict[tuple[str, str], list[str]]:
        """(host, code) → what follows from it, as the server is told."""
        answer = cast("dict[str, Any]", self.cloud.call("vxloomDiagnose")["diagnosis"])
        assert answer["hosts"] == 2
        return {(row["host"], row["code"]): row.get("explains", []) for row in answer["finding"]}

    def said(self) -> list[bytes]:
        """What the neighbour says to all."""
        return [frames.udp4(self.near.mac, BROADCAST, self.near.ip, "10.1.1.255", payload=f"said {n}".encode()) for n in range(SENT)]


@pytest.fixture(scope="module")
def town(lab_directory: object) -> Iterator[Town]:
    with running(2) as cloud:
        red = cloud.network()
        blue = cloud.network(gateway="10.2.2.1", ip6cidr="fd00:2::/64", ip6gateway="fd00:2::1")
        noisy, both, near, far = cloud.guests(red, "h1", "h1", "h1", "h2")
        other = cloud.guest(blue, "h1", "10.2.2.12")
        cloud.call("addNicToVirtualMachine", virtualmachineid=both.id, networkid=blue.id)
        yield Town(cloud, cloud.settled(red), cloud.settled(blue), noisy, both, near, far, other)


def counted(wire: Cable, guest: Guest) -> float:
    """How many frames a second of a guest's flood come out of a wire, once it has gone on for longer than a burst."""
    source = frames.mac_bytes(guest.mac)
    wait_until(lambda: any(frame[6:12] == source for frame in wire.waiting()), "the flood comes")
    came, began = 0, time.monotonic()
    while (now := time.monotonic()) < began + MEASURED:
        came += sum(frame[:12] == b"\xff" * 6 + source for frame in wire.waiting())
    return came / (now - began)


def test_a_flood_is_held_to_the_limit_and_named_until_it_ends(town: Town) -> None:
    cloud = town.cloud
    assert town.told() == {}
    with town.far.cable() as wire:
        faults.cause(cloud.lab, "storm", town.noisy.full_name)
        pings = stream(town.noisy.place, town.far.ip), stream(town.near.place, town.far.ip)
        cloud.call("updateConfiguration", name="vxloom.port.storm.limit", value=LIMIT)
        wait_until(lambda: f"rate over {LIMIT}/second" in storms(town), "h1 has the new limit")
        assert LIMIT * 0.8 <= counted(wire, town.noisy) <= LIMIT + LIMIT / MEASURED
        results = [ping.end() for ping in pings]
        assert [result.lost for result in results] == [0, 0], "unicast of both goes on, while the limit changes too"
        wire.waiting()
        with town.near.cable() as neighbour:
            neighbour.send(*(said := town.said()))
        assert set(said) <= {frame.ljust(60, b"\0") for frame in received(wire, said[-1])}, "others' broadcasts go on"
    assert town.told() == {("h1", "storm"): []}
    assert f"storm {town.noisy.tap}" in str(cloud.plan("h1")["dropped"])
    faults.heal(cloud.lab)
    assert town.told() == {}


def storms(town: Town) -> str:
    return town.noisy.node.run(["nft", "list", "set", "bridge", "vxloom", "storms"]).stdout


def received(wire: Cable, last: bytes) -> list[bytes]:
    """Everything that comes until a frame has come, and what comes after it at once."""
    got: list[bytes] = []

    def came() -> bool:
        got.extend(wire.waiting())
        return last in {frame.ljust(60, b"\0") for frame in got}

    wait_until(came, "the last frame")
    return got


def harmless(town: Town) -> None:
    """What the neighbour says to all arrives exactly once at whom it is for, not at all in the other network, and not at itself."""
    with ExitStack() as stack:
        near, far, other = (stack.enter_context(guest.cable()) for guest in (town.near, town.far, town.other))
        said, last = town.said(), frames.udp4(town.near.mac, BROADCAST, town.near.ip, "10.1.1.255", payload=b"last")
        near.send(*said, last)
        came = [frame.ljust(60, b"\0") for frame in received(far, last)]
        assert [came.count(frame) for frame in said] == [1] * SENT
        closing = frames.udp4(town.far.mac, BROADCAST, town.far.ip, "10.1.1.255", payload=b"closing")
        with town.far.cable() as answer:
            answer.send(closing)
        back = [frame.ljust(60, b"\0") for frame in received(near, closing)]
        ours = {*said, last}
        assert (ours & set(back), ours & {frame.ljust(60, b"\0") for frame in other.waiting()}) == (set(), set())


def test_a_guest_that_bridges_its_networks_is_named_until_it_ends_and_carries_nothing(town: Town) -> None:
    faults.cause(town.cloud.lab, "loop", town.both.full_name)
    harmless(town)
    assert town.told() == {("h1", "loop"): []}
    assert town.near.ping(town.far.ip)
    faults.heal(town.cloud.lab)
    wait_until(lambda: town.told() == {}, "it is forgotten", seconds=30)


def test_a_cable_between_two_of_our_bridges_is_named_with_its_ends_and_carries_nothing(town: Town) -> None:
    faults.cause(town.cloud.lab, "cable", "h1", str(town.red.vni), str(town.blue.vni))
    harmless(town)
    assert town.told() == {("h1", "loop"): ["foreign-port vxl-cable0", "foreign-port vxl-cable1"]}
    harmless(town)
    faults.heal(town.cloud.lab)
    wait_until(lambda: town.told() == {}, "the cable is gone")


def test_a_loop_and_a_storm_of_two_guests_are_both_named(town: Town) -> None:
    faults.cause(town.cloud.lab, "storm", town.noisy.full_name)
    faults.cause(town.cloud.lab, "loop", town.both.full_name)
    wait_until(lambda: set(town.told()) == {("h1", "loop"), ("h1", "storm")}, "both are named", seconds=10)
    faults.heal(town.cloud.lab)
    wait_until(lambda: town.told() == {}, "both are forgotten", seconds=30)
