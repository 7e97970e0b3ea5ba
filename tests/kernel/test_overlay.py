"""Two hosts and a wire between them: what crosses the underlay and what must not."""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.intents import at, cloud, desired, host, mac, network, nic, tap
from tests.kernel import frames
from tests.kernel.frames import BROADCAST, Cable
from tests.kernel.netns import Netns, veth
from tests.waiting import wait_until
from vxloom.dataplane.host import HostDataplane
from vxloom.planner import diff

RED, BLUE = 5001, 5002
UNDERLAYS = {"IPv4": ("192.0.2.1", "192.0.2.2", "192.0.2.3"), "IPv6": ("2001:db8::1", "2001:db8::2", "2001:db8::3")}
DONE = frames.ethernet(BROADCAST, "02:ee:00:00:00:01", 0x88B5, b"nothing more comes")
"""Put on the underlay by the test itself, to know that all before it has been seen."""


@dataclass
class Node:
    """A hypervisor in its own namespace."""

    netns: Netns
    host: HostDataplane
    guests: dict[tuple[int, int], Cable]
    """(NIC number, VNI) → the guest's end."""


@dataclass
class Pair:
    """Hosts 1 and 2 with a wire. RED has NICs 1 and 2 on host 1, 3 on host 2; BLUE NIC 1 on host 1 and 4 on the absent host 3."""

    one: Node
    two: Node
    wire: Cable
    """Sees all that host 1 sends."""
    mark: Cable
    """Sends from host 1's end."""

    def crossed(self) -> list[tuple[str, int, bytes]]:
        """VXLAN packets from host 1 up to now: (outer destination, VNI, inner frame)."""
        self.mark.send(DONE)
        return [packet for packet in map(_vxlan, self.wire.until(DONE)) if packet is not None]


def _vxlan(frame: bytes) -> tuple[str, int, bytes] | None:
    kind = int.from_bytes(frame[12:14], "big")
    if kind == frames.IPV4 and frame[23] == socket.IPPROTO_UDP:
        outer, udp = str(ipaddress.IPv4Address(frame[30:34])), frame[34:]
    elif kind == frames.IPV6 and frame[20] == socket.IPPROTO_UDP:
        outer, udp = str(ipaddress.IPv6Address(frame[38:54])), frame[54:]
    else:
        return None
    return (outer, int.from_bytes(udp[12:15], "big"), udp[16:]) if udp[2:4] == (4789).to_bytes(2, "big") else None


def _node(stack: ExitStack, netns: Netns, number: int, vteps: tuple[str, ...], local: set[tuple[int, int]]) -> Node:
    hosts = tuple(host(n, vtep) for n, vtep in enumerate(vteps, 1))
    nics = (nic(1, RED, at(1)), nic(2, RED, at(1)), nic(3, RED, at(2)), nic(1, BLUE, at(1)), nic(4, BLUE, at(3)))
    wanted = desired(cloud((network(RED), network(BLUE, tenant="t2")), nics, hosts=hosts), number)
    width = "/24" if "." in vteps[0] else "/64"
    netns.run("ip", "address", "add", f"{vteps[number - 1]}{width}", "dev", "underlay", *(["nodad"] if "/64" in width else []))
    netns.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
    with netns.entered():
        driver = HostDataplane()
        stack.callback(driver.close)
        guests: dict[tuple[int, int], Cable] = {}
        for n, vni in sorted(local):
            netns.run("ip", "link", "add", tap(n, vni), "type", "veth", "peer", "name", f"g{n}-{vni}")
            netns.run("ip", "link", "set", f"g{n}-{vni}", "up")
            guests[n, vni] = stack.enter_context(Cable(f"g{n}-{vni}"))
        assert driver.apply(diff(wanted, driver.observe())).failed == {}
        assert not diff(wanted, driver.observe()).steps
    ports = {tap(n, vni) for n, vni in local} | {f"vxlan{vni}" for _, vni in local}
    wait_until(lambda: ports <= _forwarding(netns), f"the ports of host {number} are forwarding")
    return Node(netns, driver, guests)


def _forwarding(netns: Netns) -> set[str]:
    return {port["ifname"] for port in json.loads(netns.run("bridge", "-json", "link")) if port.get("state") == "forwarding"}


@pytest.fixture(params=UNDERLAYS)
def pair(netns: Netns, make_netns: Callable[[], Netns], request: pytest.FixtureRequest) -> Iterator[Pair]:
    vteps = UNDERLAYS[request.param]
    other = make_netns()
    veth(netns, "underlay", other, "underlay")
    with ExitStack() as stack:
        one = _node(stack, netns, 1, vteps, {(1, RED), (2, RED), (1, BLUE)})
        two = _node(stack, other, 2, vteps, {(3, RED)})
        with other.entered():
            wire = stack.enter_context(Cable("underlay"))
        pair = Pair(one, two, wire, stack.enter_context(Cable("underlay")))
        _warm_up(pair)
        yield pair


def _warm_up(pair: Pair) -> None:
    """The underlay's own neighbours are found, so that no packet waits for them."""
    hello = frames.udp4(mac(1), mac(3), "10.1.1.1", "10.1.1.3", payload=b"warm")
    pair.one.guests[1, RED].send(hello)
    pair.two.guests[3, RED].until(hello)
    pair.crossed()


def _said(packets: list[tuple[str, int, bytes]], frame: bytes) -> list[tuple[str, int]]:
    return [(outer, vni) for outer, vni, inner in packets if inner.ljust(60, b"\0").startswith(frame[: len(inner)])]


def test_unicast_to_a_known_guest_goes_to_its_host_only(pair: Pair) -> None:
    frame = frames.udp4(mac(1), mac(3), "10.1.1.1", "10.1.1.3")
    pair.one.guests[1, RED].send(frame)
    pair.two.guests[3, RED].until(frame)
    (packet,) = pair.crossed()
    assert packet[1] == RED


def test_an_arp_request_for_a_known_guest_is_answered_at_home(pair: Pair) -> None:
    guest = pair.one.guests[1, RED]
    guest.send(frames.arp(mac(1), mac(1), "10.1.1.1", "10.1.1.3"))
    guest.until(frames.arp(mac(3), mac(3), "10.1.1.3", "10.1.1.1", operation=2, target=mac(1), target_mac=mac(1)))
    assert pair.crossed() == []


def test_a_neighbour_solicitation_for_a_known_guest_is_answered_at_home(pair: Pair) -> None:
    guest = pair.one.guests[1, RED]
    guest.send(frames.solicit(mac(1), "fd00:1::1", "fd00:1::3", option=mac(1)))
    got: list[bytes] = []
    last = frames.udp4(mac(2), BROADCAST, "10.1.1.2", "255.255.255.255", payload=b"last")

    def answered() -> bool:
        pair.one.guests[2, RED].send(last)
        got.extend(guest.until(last))
        return any(frame[54] == 136 and frame[6:12] == frames.mac_bytes(mac(3)) for frame in got if frame[12:14] == b"\x86\xdd")

    wait_until(answered, "the bridge advertises guest 3")
    assert [inner for _, _, inner in pair.crossed() if inner[12:14] == b"\x86\xdd"] == []


def test_broadcast_and_multicast_go_once_to_each_member_of_the_segment(pair: Pair) -> None:
    for frame in (
        frames.udp4(mac(1), BROADCAST, "10.1.1.1", "255.255.255.255"),
        frames.udp4(mac(1), "01:00:5e:00:00:fb", "10.1.1.1", "224.0.0.251", (5353, 5353)),
        frames.udp6(mac(1), "33:33:00:00:00:fb", "fd00:1::1", "ff02::fb", (5353, 5353)),
    ):
        pair.one.guests[1, RED].send(frame)
        pair.two.guests[3, RED].until(frame)
        pair.one.guests[2, RED].until(frame)
        ((outer, vni),) = _said(pair.crossed(), frame)
        assert vni == RED
        assert outer.endswith("2"), "host 3 has no port in the segment"


def test_arp_for_an_unknown_address_goes_to_the_members(pair: Pair) -> None:
    """Suppression answers what it knows and keeps nothing else from finding its owner."""
    frame = frames.arp(mac(1), mac(1), "10.1.1.1", "10.1.1.77")
    pair.one.guests[1, RED].send(frame)
    pair.two.guests[3, RED].until(frame)
    assert [vni for _, vni in _said(pair.crossed(), frame)] == [RED]


def test_unknown_unicast_does_not_leave_and_is_counted(pair: Pair) -> None:
    with pair.one.netns.entered():
        before = pair.one.host.counters()["unknown_unicast"]
        pair.one.guests[1, RED].send(frames.udp4(mac(1), "02:00:00:00:77:77", "10.1.1.1", "10.1.1.77"))
        last = frames.udp4(mac(1), BROADCAST, "10.1.1.1", "255.255.255.255", payload=b"last")
        pair.one.guests[1, RED].send(last)
        assert pair.one.guests[2, RED].until(last) == []
        assert [inner for _, _, inner in pair.crossed() if inner[:6] == frames.mac_bytes("02:00:00:00:77:77")] == []
        assert pair.one.host.counters()["unknown_unicast"] == before + 1


def test_a_frame_from_a_peer_for_a_guest_that_is_not_here_is_counted(pair: Pair) -> None:
    """The peer has not heard yet that the guest left."""
    sender, here = pair.two.guests[3, RED], pair.one.guests[2, RED]
    arrives = frames.udp4(mac(3), mac(2), "10.1.1.3", "10.1.1.2")
    sender.send(arrives)
    here.until(arrives)
    with pair.one.netns.entered():
        before = pair.one.host.counters()["unknown_unicast"]
        pair.one.netns.run("bridge", "fdb", "del", mac(2), "dev", tap(2, RED), "master")
        sender.send(arrives)
        last = frames.udp4(mac(3), BROADCAST, "10.1.1.3", "255.255.255.255", payload=b"last")
        sender.send(last)
        assert here.until(last) == []
        assert pair.one.host.counters()["unknown_unicast"] == before + 1


def test_a_spoofed_frame_does_not_leave(pair: Pair) -> None:
    pair.one.guests[1, RED].send(frames.udp4(mac(3), BROADCAST, "10.1.1.3", "255.255.255.255"))
    assert pair.crossed() == []


def test_a_guest_s_rarp_crosses(pair: Pair) -> None:
    """Peers learn of a move from it; its gratuitous ARP they never see."""
    frame = frames.rarp(mac(1), mac(1))
    pair.one.guests[1, RED].send(frame)
    pair.two.guests[3, RED].until(frame)
    gratuitous = frames.arp(mac(1), mac(1), "10.1.1.1", "10.1.1.1")
    pair.one.guests[1, RED].send(gratuitous)
    assert gratuitous not in [inner.ljust(60, b"\0") for _, _, inner in pair.crossed()]


def test_a_segment_without_the_other_host_says_nothing_to_it(pair: Pair) -> None:
    frame = frames.udp4(mac(1), BROADCAST, "10.1.1.1", "255.255.255.255")
    pair.one.guests[1, BLUE].send(frame)
    said = _said(pair.crossed(), frame)
    assert [outer for outer, _ in said if outer.endswith("2")] == []
    last = frames.udp4(mac(1), BROADCAST, "10.1.1.1", "255.255.255.255", payload=b"last")
    pair.one.guests[1, RED].send(last)
    assert pair.two.guests[3, RED].until(last) == []


def test_the_devices_say_nothing_of_their_own(pair: Pair) -> None:
    """No MLD, no router solicitation from bridges and VXLAN devices: they have no address."""
    for node in (pair.one, pair.two):
        links = json.loads(node.netns.run("ip", "-json", "address"))
        assert [link["ifname"] for link in links if link["ifname"].startswith(("vxlan", "brvx")) and link["addr_info"]] == []
    assert pair.crossed() == []
