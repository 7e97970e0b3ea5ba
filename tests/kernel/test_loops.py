"""A machine that bridges two of its cards: what it passes on arrives nowhere, and whose frames came back is kept for a while."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.kernel import frames
from tests.kernel.frames import BROADCAST, Cable
from tests.kernel.netns import Netns
from tests.waiting import wait_until
from vxloom.dataplane.host import HostDataplane
from vxloom.model.filters import RULESET_VERSION
from vxloom.model.state import Bridge, FilterTable, HostState, PortFilter, Resource, Tap, VxlanDevice
from vxloom.planner import diff

MACS = {f"t{number}": f"02:00:00:00:00:0{number}" for number in (1, 2, 3, 4)}
IPS = {f"t{number}": f"10.1.1.{number}" for number in (1, 2, 3, 4)}
SENT = 20


def port(tap: str, bridge: str) -> tuple[Resource, Resource]:
    mac = frozenset({MACS[tap]})
    return PortFilter(tap, mac, frozenset({IPS[tap]})), Tap(tap, bridge, mac, 1450)


def wanted() -> HostState:
    """Ports 1 and 2 are one machine's, in two segments; port 3 is in the first with it, port 4 in the second."""
    resources: list[Resource] = [FilterTable(ruleset=RULESET_VERSION)]
    for vni in (7, 8):
        resources += [Bridge(f"brvx-{vni}", vni, f"02:aa:00:00:00:0{vni}", 1450)]
        resources += [VxlanDevice(f"vxlan{vni}", vni, "127.0.0.1", 4789, 1450, f"brvx-{vni}")]
    for tap, vni in (("t1", 7), ("t2", 8), ("t3", 7), ("t4", 8)):
        resources += port(tap, f"brvx-{vni}")
    return HostState({resource.key: resource for resource in resources})


@dataclass
class Switch:
    """A host, a machine with two cards that it bridges, and one in each of its networks."""

    netns: Netns
    host: HostDataplane
    inside: Cable
    """On the machine's own bridge."""
    here: Cable
    there: Cable

    def comes(self, wire: Cable, seconds: float = 0.2) -> list[bytes]:
        """Everything that comes until nothing has come for a while."""
        got: list[bytes] = []
        last = time.monotonic()
        while time.monotonic() < last + seconds and len(got) < 100 * SENT:
            if more := wire.waiting():
                got, last = got + more, time.monotonic()
        return got


@pytest.fixture
def switch(netns: Netns) -> Iterator[Switch]:
    netns.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
    for tap in MACS:
        netns.run("ip", "link", "add", tap, "type", "veth", "peer", "name", tap.replace("t", "g"))
        netns.run("ip", "link", "set", tap.replace("t", "g"), "up")
    netns.run("ip", "link", "add", "inside", "address", MACS["t1"], "type", "bridge", "mcast_snooping", "0")
    for card in ("g1", "g2"):
        netns.run("ip", "link", "set", card, "master", "inside")
    netns.run("ip", "link", "set", "inside", "up")
    with ExitStack() as stack:
        host = HostDataplane()
        stack.callback(host.close)
        assert host.apply(diff(wanted(), host.observe())).failed == {}
        ports = {*MACS, "g1", "g2", "vxlan7", "vxlan8"}
        wait_until(lambda: netns.run("bridge", "link").count("state forwarding") >= len(ports), "the ports are forwarding")
        yield Switch(netns, host, *(stack.enter_context(Cable(name)) for name in ("inside", "g3", "g4")))


def said(tap: str) -> list[bytes]:
    return [frames.udp4(MACS[tap], BROADCAST, IPS[tap], "10.1.1.255", payload=f"{n}".encode()) for n in range(SENT)]


def test_what_others_send_comes_back_nowhere_and_tells_of_the_loop(switch: Switch) -> None:
    switch.here.send(*said("t3"))
    assert len(switch.comes(switch.inside)) == SENT, "the machine hears it, and bridges it"
    assert (switch.comes(switch.here), switch.comes(switch.there)) == ([], [])
    assert switch.host.echoes() == {("t2", MACS["t3"]): SENT}
    assert switch.host.counters()["spoofed_mac"] == SENT


def test_what_the_machine_says_itself_arrives_once(switch: Switch) -> None:
    """Its bridge says it on both cards: under the MAC of one of them."""
    switch.inside.send(*said("t1"))
    assert (len(switch.comes(switch.here)), len(switch.comes(switch.there))) == (SENT, 0)
    assert switch.host.echoes() == {("t2", MACS["t1"]): SENT}


def test_two_machines_that_bridge_the_same_networks_make_no_circle(switch: Switch) -> None:
    for card in ("g3", "g4"):
        switch.netns.run("ip", "link", "set", card, "nomaster")
    switch.netns.run("ip", "link", "add", "second", "address", MACS["t3"], "type", "bridge", "mcast_snooping", "0")
    for card in ("g3", "g4"):
        switch.netns.run("ip", "link", "set", card, "master", "second")
    switch.netns.run("ip", "link", "set", "second", "up")
    wait_until(lambda: switch.netns.run("bridge", "link").count("state forwarding") >= 8, "the ports are forwarding")
    with Cable("second") as other:
        switch.inside.send(*said("t1"))
        assert len(switch.comes(other)) == SENT
        assert switch.comes(switch.inside) == []
        assert switch.host.echoes() == {("t2", MACS["t1"]): SENT, ("t4", MACS["t1"]): SENT}


def test_a_loop_that_has_ended_is_forgotten(switch: Switch) -> None:
    switch.inside.send(*said("t1"))
    assert switch.comes(switch.here)
    switch.netns.run("ip", "link", "del", "inside")
    wait_until(lambda: switch.host.echoes() == {}, "it is forgotten", seconds=25)


def test_a_flood_of_made_up_macs_is_dropped_when_no_more_are_kept(switch: Switch) -> None:
    switch.netns.run("ip", "link", "del", "inside")
    count = 5000
    with Cable("g1") as wire:
        wire.send(*(frames.udp4(f"02:66:00:00:{n >> 8:02x}:{n & 255:02x}", BROADCAST, IPS["t1"], "10.1.1.255") for n in range(count)))
    wait_until(lambda: switch.host.counters()["spoofed_mac"] == count, "all are counted")
    assert switch.comes(switch.here) == []
    assert 4000 < len(switch.host.echoes()) < count
