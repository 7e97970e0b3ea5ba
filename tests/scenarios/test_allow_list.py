"""Who is heard among real hosts: let in everywhere with the first port, shut out with the last, a stranger before and after."""

from __future__ import annotations

import itertools
import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast

from tests.kernel import frames
from tests.kernel.frames import Cable
from tests.scenarios.clouds import Cloud, Guest, Network, Room, lets_in, strangers
from tests.waiting import wait_until
from vxloom.lab.cloud import Object
from vxloom.lab.node import Node

LET_IN_SECONDS = SHUT_OUT_SECONDS = 1.0


@dataclass
class Ear:
    """A guest that listens, and another one on whose behalf is spoken."""

    network: Network
    guest: Guest
    peer: Guest
    card: Cable
    heard: list[bytes] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def hears(self, speaker: Node) -> bool:
        """Whether the guest gets a frame of the peer's that this node forges. If not, it was counted as a stranger's."""
        before = strangers(self.guest.node)
        said, last = (self._frame(f"{next(self.numbers)}: {words}") for words in ("whoever says it", "last"))
        self._say(speaker, said)
        wait_until(lambda: said in self._listen() or strangers(self.guest.node) > before, "it is heard or counted")
        self._say(self.peer.node, last)
        self.heard += self.card.until(last)
        return said in self.heard

    def _listen(self) -> list[bytes]:
        self.heard += self.card.waiting()
        return self.heard

    def _frame(self, words: str) -> bytes:
        """Long enough to come as it went: a bridge takes padding off."""
        return frames.udp4(self.peer.mac, self.guest.mac, self.peer.ip, self.guest.ip, payload=words.encode().ljust(32))

    def _say(self, speaker: Node, inner: bytes) -> None:
        with Room(speaker) as room, room.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(frames.vxlan(self.network.vni, inner), (self.guest.node.address, 4789))


def test_a_host_is_let_in_by_all_others_with_its_first_port_and_is_a_stranger_before_and_after(cloud: Cloud) -> None:
    made = cloud.network()
    one, two = cloud.guests(made, "h1", "h2")
    network, newcomer = cloud.settled(made), cloud.lab.node("h3")

    def let_in() -> list[bool]:
        return [lets_in(guest.node, network.vni, newcomer.address) for guest in (one, two)]

    with one.cable() as card:
        listener = Ear(network, one, two, card)
        assert listener.hears(two.node), "so what follows can fail"
        assert not listener.hears(newcomer)
        assert let_in() == [False, False]

        given = cloud.ask_for_guest(network, "h3", "10.1.1.13")
        since_port = _seconds_between(lambda: _ports(newcomer, network), lambda: all(let_in()))
        assert since_port <= LET_IN_SECONDS
        job = wait_until(lambda: cloud.ended(given), "the job ends", seconds=10)
        assert job["jobstatus"] == 1, job
        assert listener.hears(newcomer)
        assert one.ping("10.1.1.13")
        assert two.ping("10.1.1.13")

        three = cast("Object", cast("Object", job["jobresult"])["virtualmachine"])
        cloud.call("destroyVirtualMachine", id=three["id"], expunge="true")
        wait_until(lambda: not any(let_in()), "nobody lets it in any more", seconds=SHUT_OUT_SECONDS)
        assert not listener.hears(newcomer)
        assert listener.hears(two.node)
    cloud.destroy(one, two)


def _seconds_between(first: Callable[[], object], then: Callable[[], object]) -> float:
    """How much later the second comes true; below 0 if it does so earlier."""
    seen: dict[str, float] = {}

    def look() -> bool:
        start = time.monotonic()
        if "first" not in seen and first():
            seen["first"] = start
        if "then" not in seen and then():
            seen["then"] = time.monotonic()
        return len(seen) == 2

    wait_until(look, "both come true", seconds=10)
    return seen["then"] - seen["first"]


def _ports(node: Node, network: Network) -> set[str]:
    links = json.loads(node.run(["ip", "-json", "link", "show"]).stdout)
    return {link["ifname"] for link in links if link.get("master") == network.bridge} - {network.vxlan}


def test_a_forger_that_is_no_host_is_heard_by_nobody_and_counted(cloud: Cloud) -> None:
    """The router and the management server's node can send to the port, too."""
    made = cloud.network()
    one, two = cloud.guests(made, "h1", "h2")
    network = cloud.settled(made)
    for guest, peer in ((one, two), (two, one)):
        with guest.cable() as card:
            listener = Ear(network, guest, peer, card)
            for forger in ("underlay", "mgmt"):
                assert not listener.hears(cloud.lab.node(forger))
            assert listener.hears(peer.node), "so the lines before can fail"
        assert "stranger" in str(cloud.plan(guest.host)["dropped"])
    cloud.destroy(one, two)
