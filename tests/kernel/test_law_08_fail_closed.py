"""Law 8, fail closed: what a bound port may send, with real frames.

A wrong one reaches nobody, teaches the bridge nothing, and is counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.kernel import frames
from tests.kernel.frames import BROADCAST, Cable
from tests.kernel.netns import Netns
from tests.waiting import wait_until
from vxloom.dataplane.host import HostDataplane
from vxloom.dataplane.ruleset import ENTERED, LEFT
from vxloom.model.filters import RULESET_VERSION
from vxloom.model.state import TAP_GROUP, Bridge, FilterTable, HostState, PortFilter, Resource, Tap, VxlanDevice
from vxloom.planner import diff

ME, MY_IP, MY_IP6, MY_LOCAL = "02:00:00:00:00:01", "10.1.1.1", "fd00:1::1", "fe80::ff:fe00:1"
PEER, PEER_IP, PEER_IP6 = "02:00:00:00:00:02", "10.1.1.2", "fd00:1::2"
THEIRS, THEIR_IP, THEIR_IP6 = "02:00:00:00:00:99", "10.1.1.99", "fd00:1::99"
FREE, FREE_IP = "02:00:00:00:00:03", "10.1.1.3"
ALL_NODES, MLD_ROUTERS = "33:33:00:00:00:01", "33:33:00:00:00:16"
MLD = bytes([0, 0, 0, 1, 4, 0, 0, 0]) + bytes.fromhex("ff0200000000000000000001ff000001")
ROUTER = bytes([64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0])
NOTHING = b"\1\1\1\0"
"""Options of IPv4 that say nothing."""
IPV6_UDP = frames.udp6(ME, PEER, MY_IP6, PEER_IP6)

GOOD = {
    "IPv4": frames.udp4(ME, PEER, MY_IP, PEER_IP),
    "IPv4 with options": frames.udp4(ME, PEER, MY_IP, PEER_IP, options=NOTHING),
    "the rest of a fragmented packet": frames.udp4(ME, PEER, MY_IP, PEER_IP, offset=4),
    "IPv4 broadcast": frames.udp4(ME, BROADCAST, MY_IP, "255.255.255.255"),
    "IPv6": IPV6_UDP,
    "IPv6 from its link-local address": frames.udp6(ME, PEER, MY_LOCAL, PEER_IP6),
    "ARP request": frames.arp(ME, ME, MY_IP, THEIR_IP),
    "ARP reply": frames.arp(ME, ME, MY_IP, PEER_IP, operation=2, target=PEER, target_mac=PEER),
    "ARP probe of its own address (RFC 5227)": frames.arp(ME, ME, "0.0.0.0", MY_IP),
    "its own RARP": frames.rarp(ME, ME),
    "DHCP discovery": frames.udp4(ME, BROADCAST, "0.0.0.0", "255.255.255.255", (68, 67)),
    "DHCPv6 request": frames.udp6(ME, "33:33:00:01:00:02", MY_LOCAL, "ff02::1:2", (546, 547)),
    "NS": frames.solicit(ME, MY_IP6, THEIR_IP6, option=ME),
    "NS from its link-local address": frames.solicit(ME, MY_LOCAL, THEIR_IP6, option=ME),
    "duplicate address detection": frames.solicit(ME, "::", MY_IP6),
    "duplicate address detection of its link-local address": frames.solicit(ME, "::", MY_LOCAL),
    "NA": frames.advertise(ME, MY_IP6, MY_IP6, option=ME),
    "NA of its link-local address": frames.advertise(ME, MY_LOCAL, MY_LOCAL, option=ME),
    "RS": frames.icmp6(ME, "33:33:00:00:00:02", "::", "ff02::2", 133, bytes(4)),
    "RS with option": frames.icmp6(ME, "33:33:00:00:00:02", MY_LOCAL, "ff02::2", 133, bytes(4) + b"\1\1" + frames.mac_bytes(ME)),
    "MLD report before it has an address": frames.icmp6(ME, MLD_ROUTERS, "::", "ff02::16", 143, MLD, hop_by_hop=True),
    "MLDv1 report before it has an address": frames.icmp6(ME, MLD_ROUTERS, "::", "ff02::16", 131, MLD[4:], hop_by_hop=True),
    "MLDv1 farewell before it has an address": frames.icmp6(ME, MLD_ROUTERS, "::", "ff02::16", 132, MLD[4:], hop_by_hop=True),
    "MLD report": frames.icmp6(ME, MLD_ROUTERS, MY_LOCAL, "ff02::16", 143, MLD, hop_by_hop=True),
    "ping6": frames.icmp6(ME, PEER, MY_IP6, PEER_IP6, 128, bytes(8)),
}
BAD = {
    "IPv4 with another's MAC": ("spoofed_mac", frames.udp4(THEIRS, PEER, MY_IP, PEER_IP)),
    "ARP with another's MAC": ("spoofed_mac", frames.arp(THEIRS, THEIRS, THEIR_IP, PEER_IP)),
    "RARP of another, with its MAC": ("spoofed_mac", frames.rarp(THEIRS, THEIRS)),
    "RARP of another, with our MAC": ("spoofed_arp", frames.rarp(ME, THEIRS)),
    "IPv4 with another's address": ("spoofed_ip", frames.udp4(ME, PEER, THEIR_IP, PEER_IP)),
    "IPv4 with options and another's address": ("spoofed_ip", frames.udp4(ME, PEER, THEIR_IP, PEER_IP, options=NOTHING)),
    "a fragment with another's address": ("spoofed_ip", frames.udp4(ME, PEER, THEIR_IP, PEER_IP, offset=4)),
    "IPv4 without address": ("spoofed_ip", frames.udp4(ME, PEER, "0.0.0.0", PEER_IP)),
    "IPv6 with another's address": ("spoofed_ip", frames.udp6(ME, PEER, THEIR_IP6, PEER_IP6)),
    "IPv6 with another's link-local address": ("spoofed_ip", frames.udp6(ME, PEER, "fe80::ff:fe00:99", PEER_IP6)),
    "IPv6 without address": ("spoofed_ip", frames.udp6(ME, PEER, "::", PEER_IP6)),
    "ping6 with another's address": ("spoofed_ip", frames.icmp6(ME, PEER, THEIR_IP6, PEER_IP6, 128, bytes(8))),
    "ARP that says another's MAC": ("spoofed_arp", frames.arp(ME, THEIRS, MY_IP, PEER_IP)),
    "ARP that says another's address": ("spoofed_arp", frames.arp(ME, ME, THEIR_IP, PEER_IP)),
    "ARP reply that says another's address": ("spoofed_arp", frames.arp(ME, ME, THEIR_IP, PEER_IP, operation=2, target=PEER)),
    "ARP probe of another's address": ("spoofed_arp", frames.arp(ME, ME, "0.0.0.0", THEIR_IP)),
    "ARP of another hardware": ("spoofed_arp", frames.arp(ME, ME, MY_IP, PEER_IP, head=(6, frames.IPV4, 6, 4))),
    "ARP of another protocol": ("spoofed_arp", frames.arp(ME, ME, MY_IP, PEER_IP, head=(1, frames.IPV6, 6, 4))),
    "ARP with odd hardware addresses": ("spoofed_arp", frames.arp(ME, ME, MY_IP, PEER_IP, head=(1, frames.IPV4, 4, 4))),
    "ARP with odd protocol addresses": ("spoofed_arp", frames.arp(ME, ME, MY_IP, PEER_IP, head=(1, frames.IPV4, 6, 16))),
    "NA of another's address": ("spoofed_nd", frames.advertise(ME, MY_IP6, THEIR_IP6, option=ME)),
    "NA that says another's MAC": ("spoofed_nd", frames.advertise(ME, MY_IP6, MY_IP6, option=THEIRS)),
    "NA from another's address": ("spoofed_ip", frames.advertise(ME, THEIR_IP6, MY_IP6, option=ME)),
    "NS from another's address": ("spoofed_ip", frames.solicit(ME, THEIR_IP6, PEER_IP6, option=ME)),
    "NS that says another's MAC": ("spoofed_nd", frames.solicit(ME, MY_IP6, PEER_IP6, option=THEIRS)),
    "duplicate address detection of another's": ("spoofed_nd", frames.solicit(ME, "::", THEIR_IP6)),
    "RS from another's address": ("spoofed_ip", frames.icmp6(ME, "33:33:00:00:00:02", "fe80::ff:fe00:99", "ff02::2", 133, bytes(4))),
    "RS that says another's MAC": (
        "spoofed_nd",
        frames.icmp6(ME, "33:33:00:00:00:02", MY_LOCAL, "ff02::2", 133, bytes(4) + b"\1\1" + frames.mac_bytes(THEIRS)),
    ),
    "RA": ("spoofed_nd", frames.icmp6(ME, ALL_NODES, MY_LOCAL, "ff02::1", 134, ROUTER)),
    "redirect": ("spoofed_nd", frames.icmp6(ME, PEER, MY_LOCAL, PEER_IP6, 137, bytes(36))),
    "DHCP offer": ("dhcp_server", frames.udp4(ME, BROADCAST, MY_IP, "255.255.255.255", (67, 68))),
    "DHCP offer to one guest": ("dhcp_server", frames.udp4(ME, PEER, MY_IP, PEER_IP, (67, 68))),
    "DHCP offer with options of IPv4": ("dhcp_server", frames.udp4(ME, PEER, MY_IP, PEER_IP, (67, 68), options=NOTHING)),
    "DHCPv6 reply": ("dhcp_server", frames.udp6(ME, PEER, MY_LOCAL, PEER_IP6, (547, 546))),
    "LLDP": ("bad_ethertype", frames.ethernet(PEER, ME, 0x88CC, b"lldp")),
    "802.1Q around IPv4": (
        "bad_ethertype",
        frames.ethernet(PEER, ME, frames.VLAN, b"\0\5" + frames.udp4(ME, PEER, MY_IP, PEER_IP)[12:]),
    ),
    "802.3 with LLC": ("bad_ethertype", frames.ethernet(PEER, ME, 38, b"\x42\x42\x03")),
    "our IPv4 under another ethertype": ("bad_ethertype", frames.ethernet(PEER, ME, 0x9000, frames.udp4(ME, PEER, MY_IP, PEER_IP)[14:])),
    "our IPv4 as ARP": ("spoofed_arp", frames.ethernet(PEER, ME, frames.ARP, frames.udp4(ME, PEER, MY_IP, PEER_IP)[14:])),
    "a jumbled ethertype": ("bad_ethertype", frames.ethernet(PEER, ME, 0x9000, b"loop")),
}
FREE_GOOD = {
    "any IPv4 address": frames.udp4(FREE, PEER, THEIR_IP, PEER_IP),
    "any IPv6 address": frames.udp6(FREE, PEER, THEIR_IP6, PEER_IP6),
    "ARP of any address": frames.arp(FREE, FREE, THEIR_IP, PEER_IP),
    "ARP reply": frames.arp(FREE, FREE, THEIR_IP, PEER_IP, operation=2, target=PEER, target_mac=PEER),
    "its own RARP": frames.rarp(FREE, FREE),
    "a DHCP server of the tenant's own": frames.udp4(FREE, BROADCAST, FREE_IP, "255.255.255.255", (67, 68)),
    "a router of the tenant's own": frames.icmp6(FREE, ALL_NODES, "fe80::ff:fe00:3", "ff02::1", 134, ROUTER),
}
FREE_BAD = {
    "another's MAC": ("spoofed_mac", frames.udp4(THEIRS, PEER, FREE_IP, PEER_IP)),
    "ARP that says another's MAC": ("spoofed_arp", frames.arp(FREE, THEIRS, FREE_IP, PEER_IP)),
    "LLDP": ("bad_ethertype", frames.ethernet(PEER, FREE, 0x88CC, b"lldp")),
}


def bound(tap: str, mac: str, ips: set[str], *, checked: bool = True) -> tuple[Resource, Resource]:
    return PortFilter(tap, frozenset({mac}), frozenset(ips), checked=checked), Tap(tap, "brvx-7", frozenset({mac}), 1450)


WANTED = (
    FilterTable(ruleset=RULESET_VERSION),
    Bridge("brvx-7", 7, "02:aa:00:00:00:07", 1450),
    VxlanDevice("vxlan7", 7, "127.0.0.1", 4789, 1450, "brvx-7"),
    *bound("t1", ME, {MY_IP, MY_IP6}),
    *bound("t2", PEER, {PEER_IP, PEER_IP6}),
    *bound("t3", FREE, set(), checked=False),
)


@dataclass
class Switch:
    """One host with three bound ports (1 and 2 checked, 3 not) and one, 4, that somebody just plugged in."""

    netns: Netns
    host: HostDataplane
    one: Cable
    two: Cable
    three: Cable
    four: Cable

    def settle(self) -> None:
        plan = diff(HostState({resource.key: resource for resource in WANTED}), self.host.observe())
        assert self.host.apply(plan).failed == {}

    def attach(self, tap: str) -> None:
        """By hand."""
        self.netns.run("ip", "link", "set", tap, "master", "brvx-7", "up")
        self.forwarding(tap)

    def forwarding(self, *ports: str) -> None:
        """A port takes part a moment after its carrier came."""
        wait_until(lambda: set(ports) <= self._forwarding(), f"{ports} are forwarding")

    def _forwarding(self) -> set[str]:
        return {port["ifname"] for port in json.loads(self.netns.run("bridge", "-json", "link")) if port.get("state") == "forwarding"}

    def arrives(self, sender: Cable, frame: bytes) -> bool:
        """Whether a frame gets to port 2, told by what a frame that surely does brings after it."""
        last = frames.udp4(ME, BROADCAST, MY_IP, "255.255.255.255", payload=b"last")
        sender.send(frame)
        self.one.send(last)
        return frame in self.two.until(last)

    def learnt(self) -> set[str]:
        """MACs the bridge knows that nobody told it."""
        rows = json.loads(self.netns.run("bridge", "-json", "fdb", "show", "br", "brvx-7"))
        return {row["mac"] for row in rows if row.get("state") not in {"static", "permanent"}}

    def link(self, name: str) -> dict[str, object]:
        found: list[dict[str, object]] = json.loads(self.netns.run("ip", "-json", "-details", "link", "show", name))
        return found[0]

    def group(self, name: str) -> int:
        """By number: of the names `ip` gives groups there is one, of group 0."""
        return int(str(self.link(name)["group"]).replace("default", "0"))

    def count(self, name: str) -> int:
        return self.host.counters()[name]

    def unicast(self) -> tuple[int, int]:
        """Unicast frames that came in, and that went out."""
        return self._seen(ENTERED), self._seen(LEFT)

    def _seen(self, chains: tuple[str, ...]) -> int:
        listed = json.loads(self.netns.run("nft", "-j", "list", "table", "bridge", "vxloom"))["nftables"]
        rules = [each["rule"] for each in listed if each.get("rule", {}).get("chain") in chains]
        return sum(int(part["counter"]["packets"]) for rule in rules for part in rule["expr"] if "counter" in part)


@pytest.fixture
def switch(netns: Netns) -> Iterator[Switch]:
    netns.sysctl("net.ipv6.conf.default.disable_ipv6", 1)  # the guests' ends say nothing of their own; our bridge turns it on
    for number in (1, 2, 3, 4):
        netns.run("ip", "link", "add", f"t{number}", "type", "veth", "peer", "name", f"g{number}")
        netns.run("ip", "link", "set", f"g{number}", "up")
    with ExitStack() as stack:
        host = HostDataplane()
        stack.callback(host.close)
        switch = Switch(netns, host, *(stack.enter_context(Cable(f"g{number}")) for number in (1, 2, 3, 4)))
        switch.settle()
        switch.forwarding("t1", "t2", "t3")
        yield switch


def test_what_a_guest_may_send_arrives(switch: Switch) -> None:
    missing = [name for name, frame in GOOD.items() if not switch.arrives(switch.one, frame)]
    assert missing == []
    assert {name: number for name, number in switch.host.counters().items() if number} == {}
    to_one = [frame for frame in GOOD.values() if not frame[0] & 1]
    assert switch.unicast() == (len(to_one), len(to_one))


def test_what_a_guest_must_not_send_is_dropped_counted_and_not_learnt(switch: Switch) -> None:
    passed, miscounted = [], []
    for name, (counter, frame) in BAD.items():
        before = switch.count(counter)
        if switch.arrives(switch.one, frame):
            passed.append(name)
        if switch.count(counter) != before + 1:
            miscounted.append(name)
    assert (passed, miscounted) == ([], [])
    assert switch.learnt() == set()


def test_a_multicast_source_is_dropped(switch: Switch) -> None:
    """By the bridge itself, before any filter counts."""
    assert not switch.arrives(switch.one, frames.udp4("01:00:5e:00:00:01", PEER, MY_IP, PEER_IP))


def test_a_port_without_addresses_is_held_to_its_mac_only(switch: Switch) -> None:
    assert [name for name, frame in FREE_GOOD.items() if not switch.arrives(switch.three, frame)] == []
    to_one = [frame for frame in FREE_GOOD.values() if not frame[0] & 1]
    assert switch.unicast() == (len(to_one), len(to_one))
    for name, (counter, frame) in FREE_BAD.items():
        before = switch.count(counter)
        assert not switch.arrives(switch.three, frame), name
        assert switch.count(counter) == before + 1, name
    assert switch.learnt() == set()


def test_without_the_filters_the_lock_still_holds_the_mac(switch: Switch) -> None:
    switch.netns.run("nft", "flush", "ruleset")
    assert not switch.arrives(switch.one, frames.udp4(THEIRS, PEER, MY_IP, PEER_IP))
    assert not switch.arrives(switch.one, frames.udp4(PEER, BROADCAST, MY_IP, PEER_IP)), "another guest's MAC"
    assert switch.learnt() == set()
    switch.settle()
    assert not switch.arrives(switch.one, frames.udp4(ME, PEER, THEIR_IP, PEER_IP))


def test_an_unbound_port_is_dropped_and_counted_then_locked(switch: Switch) -> None:
    switch.attach("t4")
    frame = frames.udp4(THEIRS, BROADCAST, THEIR_IP, "255.255.255.255")
    before = switch.count("stray")
    assert not switch.arrives(switch.four, frame)
    assert switch.count("stray") > before
    switch.settle()
    assert [(stray.name, stray.quarantined) for stray in switch.host.observe().strays] == [("t4", True)]
    switch.netns.run("nft", "flush", "ruleset")
    assert not switch.arrives(switch.four, frame)
    assert not switch.arrives(switch.four, frames.udp4(THEIRS, PEER, THEIR_IP, PEER_IP))


def test_an_unbound_port_hears_nothing(switch: Switch) -> None:
    switch.attach("t4")
    said = frames.udp4(ME, BROADCAST, MY_IP, "255.255.255.255")
    assert switch.arrives(switch.one, said)
    switch.settle()
    assert switch.arrives(switch.one, said)
    last = frames.udp4(THEIRS, THEIRS, THEIR_IP, THEIR_IP, payload=b"straight to the port")
    switch.netns.run("ip", "link", "set", "t4", "nomaster")
    with Cable("t4") as port:
        port.send(last)
    assert said not in switch.four.until(last)


def test_what_a_tap_taught_the_bridge_before_it_was_bound_is_forgotten(switch: Switch) -> None:
    """Somebody attached it first; a locked port would let in what was learnt there until it ages."""
    switch.netns.run("ip", "link", "set", "t1", "nomaster")
    switch.attach("t1")
    switch.netns.run("nft", "flush", "ruleset")
    spoofed = frames.udp4(THEIRS, BROADCAST, THEIR_IP, "255.255.255.255")
    assert switch.arrives(switch.one, spoofed), "a plain bridge would carry it"
    assert THEIRS in switch.learnt()
    switch.settle()
    assert switch.learnt() == set()
    switch.netns.run("nft", "flush", "ruleset")
    assert not switch.arrives(switch.one, spoofed)


def test_a_mac_learnt_on_a_bound_port_is_seen_and_forgotten(switch: Switch) -> None:
    switch.netns.run("bridge", "fdb", "add", THEIRS, "dev", "t1", "master", "dynamic")
    switch.netns.run("bridge", "fdb", "add", FREE.replace("03", "04"), "dev", "t2", "master", "static")
    switch.settle()
    known = switch.netns.run("bridge", "fdb", "show", "br", "brvx-7")
    assert THEIRS not in known
    assert FREE.replace("03", "04") not in known


def test_a_bound_port_that_lost_its_group_is_still_known(switch: Switch) -> None:
    """By its name: an agent that was just upgraded finds taps without."""
    for tap in ("t1", "t2"):
        switch.netns.run("ip", "link", "set", tap, "group", "default")
    assert [name for name, frame in GOOD.items() if not switch.arrives(switch.one, frame)] == []
    assert {name: number for name, number in switch.host.counters().items() if number} == {}
    wrong = {name: (counter, frame, switch.count(counter)) for name, (counter, frame) in BAD.items()}
    assert [name for name, (_, frame, _) in wrong.items() if switch.arrives(switch.one, frame)] == []
    assert {name for name, (counter, _, before) in wrong.items() if switch.count(counter) == before} == set()


def test_a_port_with_the_group_of_bound_ones_and_no_filter_sends_nothing(switch: Switch) -> None:
    switch.netns.run("ip", "link", "set", "t4", "group", str(TAP_GROUP))
    switch.attach("t4")
    frame = frames.udp4(THEIRS, BROADCAST, THEIR_IP, "255.255.255.255")
    before = switch.count("spoofed_mac")
    assert not switch.arrives(switch.four, frame)
    assert switch.count("spoofed_mac") == before + 1
    assert THEIRS not in switch.learnt()
    switch.settle()
    assert [(stray.name, stray.quarantined) for stray in switch.host.observe().strays] == [("t4", True)]
    assert switch.group("t4") == 0


@pytest.mark.parametrize("where", ["nowhere", "theirs"])
def test_a_tap_that_others_took_off_loses_our_group_when_nothing_binds_it(switch: Switch, where: str) -> None:
    """Else its frames would still be ours to drop on whatever bridge it comes to; which that is, is not ours to change."""
    switch.netns.run("ip", "link", "add", "theirs", "type", "bridge")
    switch.netns.run("ip", "link", "set", "t1", *(("nomaster",) if where == "nowhere" else ("master", "theirs")))
    wanted = {resource.key: resource for resource in WANTED if resource.key not in {("tap", "t1"), ("filter", "t1")}}
    assert switch.group("t1") == TAP_GROUP
    for _ in range(2):
        assert switch.host.apply(diff(HostState(wanted), switch.host.observe())).failed == {}
    assert (switch.group("t1"), switch.group("t2")) == (0, TAP_GROUP)
    assert switch.link("t1").get("master", "nowhere") == where
    assert diff(HostState(wanted), switch.host.observe()).steps == ()


def test_another_bridge_of_the_host_is_none_of_our_business(switch: Switch) -> None:
    switch.netns.run("ip", "link", "add", "theirs", "type", "bridge")
    switch.netns.run("ip", "link", "set", "theirs", "up")
    for name in ("x", "y"):
        switch.netns.run("ip", "link", "add", f"tap-{name}", "type", "veth", "peer", "name", f"g{name}")
        switch.netns.run("ip", "link", "set", f"tap-{name}", "master", "theirs", "up")
        switch.netns.run("ip", "link", "set", f"g{name}", "up")
    switch.forwarding("tap-x", "tap-y")
    frame = frames.ethernet(BROADCAST, THEIRS, 0x88CC, b"anything at all")
    with Cable("gx") as here, Cable("gy") as there:
        here.send(frame)
        there.until(frame)


def test_a_filter_that_changes_never_lets_go(switch: Switch) -> None:
    """Addresses come and go in one transaction: what stays allowed arrives all the while."""
    keeps = frames.udp4(ME, PEER, MY_IP, PEER_IP)
    for n in range(20):
        before = switch.host.observe()
        old = before.resources["filter", "t1"]
        assert isinstance(old, PortFilter)
        new = PortFilter("t1", old.macs, frozenset({MY_IP, f"10.1.2.{n}"}))
        plan = diff(HostState({**before.resources, new.key: new}), before)
        switch.one.send(keeps)
        assert switch.host.apply(plan).failed == {}
        assert switch.arrives(switch.one, keeps)
        assert switch.arrives(switch.one, frames.udp4(ME, PEER, f"10.1.2.{n}", PEER_IP))
        assert n == 0 or not switch.arrives(switch.one, frames.udp4(ME, PEER, f"10.1.2.{n - 1}", PEER_IP))


def test_unknown_unicast_reaches_nobody_and_is_counted(switch: Switch) -> None:
    switch.arrives(switch.one, GOOD["IPv4"])
    before = switch.count("unknown_unicast")
    for n in range(7):
        assert not switch.arrives(switch.one, frames.udp4(ME, f"02:00:00:00:07:{n:02x}", MY_IP, THEIR_IP))
    assert switch.count("unknown_unicast") == before + 7
