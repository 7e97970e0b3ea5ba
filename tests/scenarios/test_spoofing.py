"""What a guest must not send arrives nowhere, whoever owns the guest; with the filters gone, too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.kernel import frames
from tests.kernel.frames import BROADCAST, Cable
from tests.scenarios.clouds import Cloud, Guest, Network, cable, link_local
from tests.scenarios.clouds import Room as Namespace
from tests.waiting import wait_until
from vxloom.dataplane.ruleset import ECHOES

THEIRS, THEIR_IP, THEIR_IP6 = "02:00:00:00:00:99", "10.1.1.99", "fd00:1::99"
ALL_NODES = "33:33:00:00:00:01"
ROUTER = bytes([64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0])
RETURN_SECONDS = 1.0


@dataclass
class Pair:
    """Two guests on two hosts, their cables in our hands."""

    cloud: Cloud
    network: Network
    one: Guest
    two: Guest
    sender: Cable
    receiver: Cable

    def arrives(self, *given: bytes, by: Cable | None = None) -> list[bytes]:
        """Those of the frames that get to the guest on the other host, told by what comes after them and surely does."""
        last = frames.udp4(self.one.mac, BROADCAST, self.one.ip, "10.1.1.255", payload=b"last")
        (by or self.sender).send(*given)
        self.sender.send(last)
        got = self.receiver.until(last)
        return [frame for frame in given if frame in got]

    def spoofed(self) -> dict[str, bytes]:
        me, peer, local = self.one.mac, self.two.mac, link_local(self.one.mac)
        ip, ip6, to, to6 = self.one.ip, self.one.ip6, self.two.ip, self.two.ip6
        return {
            "foreign MAC": frames.udp4(THEIRS, peer, ip, to),
            "foreign MAC, broadcast": frames.udp4(THEIRS, BROADCAST, ip, "10.1.1.255"),
            "the peer's MAC": frames.udp4(peer, BROADCAST, ip, "10.1.1.255"),
            "foreign IP": frames.udp4(me, peer, THEIR_IP, to),
            "the peer's IP": frames.udp4(me, peer, to, to),
            "foreign IPv6": frames.udp6(me, peer, THEIR_IP6, to6),
            "foreign ARP sender": frames.arp(me, me, THEIR_IP, to, operation=2, target=peer, target_mac=peer),
            "gratuitous ARP for the gateway": frames.arp(me, me, "10.1.1.1", "10.1.1.1"),
            "foreign MAC inside ARP": frames.arp(me, THEIRS, ip, to),
            "foreign NA": frames.advertise(me, ip6, THEIR_IP6, option=me),
            "NA for the peer's address": frames.advertise(me, ip6, to6, option=me),
            "NA with a foreign MAC": frames.advertise(me, ip6, ip6, option=THEIRS),
            "RA": frames.icmp6(me, ALL_NODES, local, "ff02::1", 134, ROUTER),
            "redirect": frames.icmp6(me, peer, local, to6, 137, bytes(36)),
            "DHCP server reply": frames.udp4(me, BROADCAST, ip, "255.255.255.255", (67, 68)),
            "DHCPv6 server reply": frames.udp6(me, peer, local, to6, (547, 546)),
            "unknown ethertype": frames.ethernet(peer, me, 0x88CC, b"lldp"),
            "unknown ethertype, broadcast": frames.ethernet(BROADCAST, me, 0x9000, b"loop"),
            "VLAN tag": frames.ethernet(peer, me, frames.VLAN, b"\0\5" + frames.udp4(me, peer, ip, to)[12:]),
            "RARP for another": frames.rarp(me, THEIRS),
        }

    def honest(self) -> dict[str, bytes]:
        me, peer = self.one.mac, self.two.mac
        return {
            "IPv4": frames.udp4(me, peer, self.one.ip, self.two.ip),
            "IPv6": frames.udp6(me, peer, self.one.ip6, self.two.ip6),
            "IPv6 from its link-local address": frames.udp6(me, peer, link_local(me), self.two.ip6),
            "its own RARP": frames.rarp(me, me),
            "DHCP discovery": frames.udp4(me, BROADCAST, "0.0.0.0", "255.255.255.255", (68, 67)),
        }


@pytest.fixture(scope="module")
def pair(cloud: Cloud) -> Iterator[Pair]:
    made = cloud.network()
    one, two = cloud.guests(made, "h1", "h2")
    with ExitStack() as stack:
        yield Pair(cloud, cloud.settled(made), one, two, stack.enter_context(one.cable()), stack.enter_context(two.cable()))
    cloud.destroy(one, two)
    cloud.call("deleteNetwork", id=made.id)


def test_what_a_guest_may_send_arrives(pair: Pair) -> None:
    honest = pair.honest()
    got = pair.arrives(*honest.values())
    assert [name for name, frame in honest.items() if frame not in got] == []


def test_what_a_guest_must_not_send_arrives_nowhere(pair: Pair) -> None:
    spoofed = pair.spoofed()
    got = pair.arrives(*spoofed.values())
    assert [name for name, frame in spoofed.items() if frame in got] == []
    assert THEIRS not in pair.cloud.lab.node("h1").run(["bridge", "fdb", "show"]).stdout, "nothing was learnt either"


def test_with_the_ruleset_flushed_by_hand_the_mac_is_still_held_and_the_filters_come_back(pair: Pair) -> None:
    node, spoofed = pair.one.node, pair.spoofed()
    node.run(["nft", "flush", "set", "bridge", "vxloom", ECHOES])  # what was heard in the tests before is no filter
    filters = node.run(["nft", "-s", "list", "ruleset"]).stdout
    pair.cloud.lab.kill("h1", "agent")  # so that the kernel's own lock is seen at work, and no filter that has just come back
    node.run(["nft", "flush", "ruleset"])
    assert pair.arrives(spoofed["foreign IP"]), "the filters are gone indeed"
    held = ("foreign MAC", "foreign MAC, broadcast", "the peer's MAC")
    assert pair.arrives(*(spoofed[name] for name in held)) == []
    pair.cloud.lab.restart("h1", "agent")
    wait_until(
        lambda: node.run(["nft", "-s", "list", "ruleset"]).stdout == filters, "the agent makes the filters when it starts", seconds=10
    )
    pair.cloud.await_hosts("h1")
    node.run(["nft", "flush", "ruleset"])
    wait_until(lambda: node.run(["nft", "-s", "list", "ruleset"]).stdout == filters, "all filters are back", seconds=RETURN_SECONDS)
    assert pair.arrives(*spoofed.values()) == []
    assert len(pair.arrives(*pair.honest().values())) == len(pair.honest())


def test_a_port_somebody_puts_on_our_bridge_gets_nothing_through_and_is_reported(pair: Pair) -> None:
    node = pair.one.node
    node.run(["ip", "netns", "add", "intruder"])
    node.run(["ip", "link", "add", "veth-x", "type", "veth", "peer", "name", "eth0", "netns", "intruder"])
    node.run(["ip", "-n", "intruder", "link", "set", "eth0", "up"])
    node.run(["ip", "link", "set", "veth-x", "up", "master", pair.network.bridge])
    with cable(Namespace(node, "intruder"), "eth0") as wire:
        own = wire_mac = _mac(node.run(["ip", "-n", "intruder", "-j", "link", "show", "eth0"]).stdout)
        tried = (
            frames.udp4(wire_mac, pair.two.mac, "10.1.1.66", pair.two.ip),
            frames.udp4(wire_mac, BROADCAST, "10.1.1.66", "10.1.1.255"),
            frames.udp4(pair.one.mac, BROADCAST, pair.one.ip, "10.1.1.255", payload=b"as the bound guest"),
            frames.arp(own, own, "10.1.1.66", pair.two.ip),
        )
        assert pair.arrives(*tried, by=wire) == []
        wait_until(lambda: "veth-x" in str(pair.cloud.plan("h1")["plan"]), "the plan tells of the stray port")
        assert pair.arrives(*tried, by=wire) == [], "after the agent has seen it, too"
        node.run(["nft", "flush", "ruleset"])
        assert pair.arrives(*tried, by=wire) == [], "and while there are no filters"
    wait_until(lambda: pair.cloud.alerts("veth-x"), "the operator is told", seconds=8)
    node.run(["ip", "link", "del", "veth-x"])
    node.run(["ip", "netns", "del", "intruder"])
    wait_until(lambda: not pair.cloud.alerts("veth-x"), "the alert is resolved", seconds=8)


def _mac(shown: str) -> str:
    return str(json.loads(shown)[0]["address"])
