"""A guest with an address on the management subnet does not reach the host: not by ARP, not by ping, not by TCP; nor from another host."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.contract.laws import CATALOGUE
from tests.intents import mac, tap
from tests.kernel import frames
from tests.kernel.frames import Cable
from tests.kernel.netns import Netns
from tests.waiting import wait_until
from vxloom.dataplane.host import HostDataplane
from vxloom.planner import diff

HOST, HOST6 = "198.51.100.1", "2001:db8:51::1"
GUEST, GUEST6 = "198.51.100.9", "2001:db8:51::9"
WANTED = CATALOGUE["a network without addresses"]
BRIDGE = "brvx-5003"


@dataclass
class Place:
    """A host with a management address, a guest on it that took one beside it, and a cable into that guest's port."""

    netns: Netns
    host: HostDataplane
    guest: Netns
    cable: Cable

    def reached(self) -> dict[str, bool]:
        return {
            "ping": self._ping(HOST),
            "ping6": self._ping(HOST6),
            "TCP": self._connects(),
            "ARP": "REACHABLE" in self.guest.run("ip", "neigh", "show", HOST),
        }

    def _ping(self, address: str) -> bool:
        return " 0 received" not in self.guest.run("ping", "-n", "-c", "2", "-i", "0.1", "-W", "0.3", address, check=False)

    def _connects(self) -> bool:
        with socket.create_server((HOST, 0)) as server, self.guest.entered(), socket.socket() as client:
            client.settimeout(0.3)
            return client.connect_ex(server.getsockname()) == 0


@pytest.fixture
def place(netns: Netns, make_netns: Callable[[], Netns]) -> Iterator[Place]:
    guest = make_netns()
    port = tap(1, 5003)
    netns.run("ip", "link", "add", "mgmt", "up", "type", "bridge")
    for address in (f"{HOST}/24", f"{HOST6}/64"):
        netns.run("ip", "address", "add", address, "dev", "mgmt", "nodad")
    netns.run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "address", mac(1), "netns", guest.path)
    for address in (f"{GUEST}/24", f"{GUEST6}/64"):
        guest.run("ip", "address", "add", address, "dev", "eth0", "nodad")
    guest.run("ip", "link", "set", "eth0", "up")
    with ExitStack() as stack:
        host = HostDataplane()
        stack.callback(host.close)
        assert host.apply(diff(WANTED, host.observe())).failed == {}
        netns.run("ip", "route", "add", f"{GUEST}/32", "dev", BRIDGE)  # the worst case: it would even know the way back
        with guest.entered():
            cable = stack.enter_context(Cable("eth0"))
        wait_until(lambda: _forwards(netns, port), "the port is forwarding")
        yield Place(netns, host, guest, cable)


def _forwards(netns: Netns, port: str) -> bool:
    return any(each["ifname"] == port and each.get("state") == "forwarding" for each in json.loads(netns.run("bridge", "-json", "link")))


def test_a_guest_does_not_reach_the_host_by_asking(place: Place) -> None:
    assert place.reached() == {"ping": False, "ping6": False, "TCP": False, "ARP": False}


def test_nor_by_the_bridges_own_mac_and_that_is_counted(place: Place) -> None:
    """The bridge's MAC can be guessed: it is made of the host's number and the VNI."""
    own = json.loads(place.netns.run("ip", "-json", "link", "show", BRIDGE))[0]["address"]
    for address in (HOST, HOST6):
        place.guest.run("ip", "neigh", "replace", address, "lladdr", own, "dev", "eth0", "nud", "permanent")
    before = place.host.counters()
    assert place.reached() == {"ping": False, "ping6": False, "TCP": False, "ARP": False}
    after = place.host.counters()
    assert after["to_host"] - before["to_host"] >= 5, "two pings of either kind, and a SYN"
    assert after["unknown_unicast"] == before["unknown_unicast"], "it was not unknown"


def test_nor_does_who_comes_over_the_overlay(place: Place) -> None:
    """A peer's guest asks for the host's address with the bridge's MAC as its target."""
    own = json.loads(place.netns.run("ip", "-json", "link", "show", BRIDGE))[0]["address"]
    before = place.host.counters()["to_host"]
    # What is put on a VXLAN device leaves by the underlay; so the frame comes by a port of the overlay's link group.
    place.netns.run("ip", "link", "add", "peer", "group", str(0x76786C6D), "type", "veth", "peer", "name", "far")
    for link in ("peer", "far"):
        place.netns.run("ip", "link", "set", link, "up")
    place.netns.run("ip", "link", "set", "peer", "master", BRIDGE)
    wait_until(lambda: _forwards(place.netns, "peer"), "the port is forwarding")
    with Cable("far") as far:
        far.send(frames.udp4(mac(7), own, GUEST, HOST))
        wait_until(lambda: place.host.counters()["to_host"] > before, "it is counted")


def test_without_the_rules_the_kernel_would_answer(place: Place) -> None:
    """So that the tests above can fail: Linux answers for every address it has, on every link."""
    place.netns.run("nft", "flush", "ruleset")
    reached = place.reached()
    assert (reached["ping"], reached["TCP"], reached["ARP"]) == (True, True, True)
