"""Who is heard: VXLAN packets of a segment come from its members only, whoever else can send UDP to this host."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.intents import at, cloud, desired, host, mac, network, nic, tap
from tests.kernel import frames
from tests.kernel.frames import Cable, vxlan
from tests.kernel.netns import Netns, veth
from tests.waiting import wait_until
from vxloom.dataplane.host import HostDataplane
from vxloom.model.state import AllowList
from vxloom.model.vteps import Vteps
from vxloom.planner import diff
from vxloom.planner.plan import Scope

RED, BLUE = 5001, 5002
IPV4 = ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.66")
IPV6 = ("2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::66")
FROM_PEER = frames.udp4(mac(2), mac(1), "10.1.1.2", "10.1.1.1")
FROM_BLUE = frames.udp4(mac(3), mac(1), "10.1.1.3", "10.1.1.1")
LAST = {
    RED: frames.udp4(mac(2), mac(1), "10.1.1.2", "10.1.1.1", payload=b"last"),
    BLUE: frames.udp4(mac(3), mac(1), "10.1.1.3", "10.1.1.1", payload=b"last"),
}


@dataclass
class Place:
    """Our host, and everybody else behind one wire. RED has a guest here and one on host 2, BLUE one here and one on host 3."""

    netns: Netns
    host: HostDataplane
    others: Netns
    vteps: tuple[str, ...]
    guests: dict[int, Cable]

    def say(self, vtep: str, vni: int, inner: bytes) -> None:
        """Send a VXLAN packet from one of the addresses behind the wire."""
        family = socket.AF_INET6 if ":" in vtep else socket.AF_INET
        with self.others.entered(), socket.socket(family, socket.SOCK_DGRAM) as sender:
            sender.bind((vtep, 0))
            sender.sendto(vxlan(vni, inner), (self.vteps[0], 4789))

    def heard(self, vtep: str, vni: int, inner: bytes) -> bool:
        """Whether it gets to the guest, told by what comes from that guest's peer after it and surely does."""
        self.say(vtep, vni, inner)
        self.say(self.vteps[1 if vni == RED else 2], vni, LAST[vni])
        return inner in self.guests[vni].until(LAST[vni])

    def strangers(self) -> int:
        with self.netns.entered():
            return self.host.counters()["stranger"]

    def settle(self) -> None:
        with self.netns.entered():
            assert self.host.apply(diff(wanted(self.vteps), self.host.observe())).failed == {}
            assert not diff(wanted(self.vteps), self.host.observe()).steps


def wanted(vteps: tuple[str, ...]):
    hosts = tuple(host(n, vtep) for n, vtep in enumerate(vteps[:3], 1))
    nics = (nic(1, RED, at(1)), nic(2, RED, at(2)), nic(1, BLUE, at(1)), nic(3, BLUE, at(3)))
    return desired(cloud((network(RED), network(BLUE, tenant="t2")), nics, hosts=hosts))


@pytest.fixture(params=[IPV4, IPV6], ids=["IPv4", "IPv6"])
def place(netns: Netns, make_netns: Callable[[], Netns], request: pytest.FixtureRequest) -> Iterator[Place]:
    yield from built(netns, make_netns(), request.param)


@pytest.fixture
def place4(netns: Netns, make_netns: Callable[[], Netns]) -> Iterator[Place]:
    yield from built(netns, make_netns(), IPV4)


def built(netns: Netns, others: Netns, vteps: tuple[str, ...]) -> Iterator[Place]:
    veth(netns, "underlay", others, "underlay")
    width, extra = ("/64", ("nodad",)) if ":" in vteps[0] else ("/24", ())
    netns.run("ip", "address", "add", f"{vteps[0]}{width}", "dev", "underlay", *extra)
    for vtep in vteps[1:]:
        others.run("ip", "address", "add", f"{vtep}{width}", "dev", "underlay", *extra)
    netns.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
    with ExitStack() as stack:
        driver = HostDataplane()
        stack.callback(driver.close)
        guests: dict[int, Cable] = {}
        for vni in (RED, BLUE):
            netns.run("ip", "link", "add", tap(1, vni), "type", "veth", "peer", "name", f"g{vni}")
            netns.run("ip", "link", "set", f"g{vni}", "up")
            guests[vni] = stack.enter_context(Cable(f"g{vni}"))
        made = Place(netns, driver, others, vteps, guests)
        made.settle()
        wait_until(lambda: forwarding(netns) >= {tap(1, RED), tap(1, BLUE), f"vxlan{RED}", f"vxlan{BLUE}"}, "the ports are forwarding")
        yield made


def forwarding(netns: Netns) -> set[str]:
    return {port["ifname"] for port in json.loads(netns.run("bridge", "-json", "link")) if port.get("state") == "forwarding"}


def test_a_member_is_heard_and_a_stranger_is_not_and_is_counted(place: Place) -> None:
    assert place.heard(place.vteps[1], RED, FROM_PEER)
    before = place.strangers()
    assert not place.heard(place.vteps[3], RED, FROM_PEER)
    assert place.strangers() == before + 1


def test_a_member_of_another_segment_is_a_stranger_here(place: Place) -> None:
    assert place.heard(place.vteps[2], BLUE, FROM_BLUE)
    before = place.strangers()
    assert not place.heard(place.vteps[2], RED, FROM_PEER)
    assert place.strangers() == before + 1


def test_without_the_table_a_stranger_is_heard_and_it_comes_back(place: Place) -> None:
    place.netns.run("nft", "delete", "table", "inet", "vxloom")
    assert place.heard(place.vteps[3], RED, FROM_PEER), "so the tests above can fail"
    place.settle()
    assert not place.heard(place.vteps[3], RED, FROM_PEER)
    assert place.heard(place.vteps[1], RED, FROM_PEER)


def test_who_is_let_in_is_heard_and_who_is_shut_out_is_not_without_a_gap_for_others(place: Place) -> None:
    key = ("allow-list", str(RED))
    scope = Scope(frozenset({RED}))
    for address, heard in ((place.vteps[3], True), ("", False)):
        target = wanted(place.vteps)
        one = AllowList(RED, 4789, Vteps.of(filter(None, [place.vteps[1], address])))
        target = type(target)({**target.resources, key: one}, target.rows)
        with place.netns.entered():
            assert place.host.apply(diff(target, place.host.observe(scope), scope=scope)).failed == {}
        assert place.heard(place.vteps[3], RED, FROM_PEER) is heard
        assert place.heard(place.vteps[1], RED, FROM_PEER)


def test_nothing_goes_to_a_stranger_either(place: Place) -> None:
    """Somebody adds a flood entry by hand."""
    place.netns.run("bridge", "fdb", "append", "00:00:00:00:00:00", "dev", f"vxlan{RED}", "dst", place.vteps[3])
    said = frames.udp4(mac(1), frames.BROADCAST, "10.1.1.1", "255.255.255.255")
    before = place.strangers()
    with place.others.entered(), Cable("underlay") as wire:
        place.guests[RED].send(said)
        wait_until(lambda: place.strangers() == before + 1, "the copy for the stranger is counted")
        last = b"the end of the test's own making"
        with (
            place.netns.entered(),
            socket.socket(socket.AF_INET6 if ":" in place.vteps[0] else socket.AF_INET, socket.SOCK_DGRAM) as sender,
        ):
            sender.sendto(last, (place.vteps[1], 9))
        found: list[bytes] = []
        wait_until(lambda: found.extend(wire.waiting()) or any(last in frame for frame in found), "all that was sent has come")
        assert len([frame for frame in found if said[:42] in frame]) == 1, "only the peer's copy"


def test_a_packet_in_pieces_does_not_slip_through(place4: Place) -> None:
    """The first fragment ends with the UDP header: the VNI is in the second."""
    place = place4
    packet = frames.udp4(
        "02:00:00:00:00:66", _link_mac(place.netns, "underlay"), place.vteps[3], place.vteps[0], (9, 4789), vxlan(RED, FROM_PEER)
    )
    head, datagram = packet[14:34], packet[34:]
    pieces = packet[:14] + _fragment(head, 0, more=True) + datagram[:8], packet[:14] + _fragment(head, 1, more=False) + datagram[8:]
    before = place.strangers()
    with place.others.entered(), Cable("underlay") as wire:
        wire.send(*pieces)
        wait_until(lambda: place.strangers() == before + 1, "the first fragment is counted")
        place.say(place.vteps[1], RED, LAST[RED])
        assert place.guests[RED].until(LAST[RED]) == []
        place.netns.run("nft", "delete", "table", "inet", "vxloom")
        wire.send(*pieces)
        place.guests[RED].until(FROM_PEER)  # so the test can fail


def test_options_in_a_packets_header_change_nothing(place4: Place) -> None:
    options = b"\1\1\1\0"
    with place4.others.entered(), Cable("underlay") as wire:
        for vtep, heard in ((place4.vteps[1], True), (place4.vteps[3], False)):
            before = place4.strangers()
            ports, inner = (9, 4789), vxlan(RED, FROM_PEER)
            wire.send(
                frames.udp4("02:00:00:00:00:66", _link_mac(place4.netns, "underlay"), vtep, place4.vteps[0], ports, inner, options=options)
            )
            place4.say(place4.vteps[1], RED, LAST[RED])
            assert (FROM_PEER in place4.guests[RED].until(LAST[RED])) is heard
            assert place4.strangers() == before + (not heard)


def test_an_ipv6_packet_whose_bytes_look_like_a_members_ipv4_is_a_strangers(place4: Place) -> None:
    """Its source has UDP's number where IPv4 has its protocol, and a member's address where IPv4 has its source."""
    ours, forged = "2011::1", "2011:0:c000:202::66"  # 192.0.2.2
    place4.netns.run("ip", "address", "add", f"{ours}/16", "dev", "underlay", "nodad")
    place4.others.run("ip", "address", "add", f"{forged}/16", "dev", "underlay", "nodad")
    before = place4.strangers()
    with place4.others.entered(), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        sender.bind((forged, 0))
        sender.sendto(vxlan(RED, FROM_PEER), (ours, 4789))
    wait_until(lambda: place4.strangers() == before + 1, "it is counted")


def _link_mac(netns: Netns, link: str) -> str:
    return str(json.loads(netns.run("ip", "-json", "link", "show", link))[0]["address"])


def _fragment(head: bytes, eights: int, *, more: bool) -> bytes:
    """An IPv4 header of one fragment; its length is not looked at where the frame is no longer than it says."""
    size = 28 if more else 20 + len(vxlan(RED, FROM_PEER))
    plain = head[:2] + struct.pack(">HHH", size, 7, more << 13 | eights) + head[8:10] + b"\0\0" + head[12:]
    total = sum(struct.unpack(">10H", plain))
    total = (total & 0xFFFF) + (total >> 16)
    return plain[:10] + (~((total & 0xFFFF) + (total >> 16)) & 0xFFFF).to_bytes(2, "big") + plain[12:]


def test_another_programs_vxlan_device_on_our_port_keeps_its_peers(place: Place) -> None:
    """Law 4, modesty: the VNI is not ours, so whom it hears is not our business."""
    place.netns.run("ip", "link", "add", "theirs", "type", "vxlan", "id", "9", "local", place.vteps[0], "dstport", "4789")
    place.netns.run("ip", "link", "set", "theirs", "up")
    before = place.strangers()
    with Cable("theirs") as theirs:
        place.say(place.vteps[3], 9, FROM_PEER)
        assert theirs.until(FROM_PEER) == []
    assert place.strangers() == before


def test_the_host_itself_cannot_speak_for_a_peer(place4: Place) -> None:
    """A process of this host sends to its own VTEP, or over loopback."""
    before = place4.strangers()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for target in (place4.vteps[0], "127.0.0.1"):
            with pytest.raises(PermissionError):
                sender.sendto(vxlan(RED, FROM_PEER), (target, 4789))
    assert place4.strangers() == before + 2


def test_a_tenant_may_use_vxlan_inside_its_segment(place4: Place) -> None:
    """Even one with a VNI of ours, and where the host filters what it bridges."""
    switch = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
    if switch.exists():
        switch.write_text("1", encoding="ascii")
    nested = frames.udp4(mac(2), mac(1), "10.1.1.2", "10.1.1.1", (9, 4789), vxlan(BLUE, b"nested"))
    before = place4.strangers()
    assert place4.heard(place4.vteps[1], RED, nested)
    assert place4.strangers() == before
    if switch.exists():
        place4.netns.run("nft", "flush", "set", "inet", "vxloom", "bridges")
        assert not place4.heard(place4.vteps[1], RED, nested), "so the test can fail"


def test_tunnel_packets_are_not_tracked(place: Place) -> None:
    """Neither those that come nor those that go: another program's rules need connection tracking here."""
    place.netns.run("nft", "-f", "-", stdin=TRACKING)
    family = "ip6" if ":" in place.vteps[0] else "ip"
    assert place.heard(place.vteps[1], RED, FROM_PEER)
    place.guests[RED].send(frames.udp4(mac(1), mac(2), "10.1.1.1", "10.1.1.2"))
    wait_until(lambda: _counted(place.netns)["went_untracked"] > 0, f"a packet went over {family}")
    seen = _counted(place.netns)
    assert seen["came_untracked"] > 0
    assert (seen["came_tracked"], seen["went_tracked"]) == (0, 0)
    place.netns.run("nft", "delete", "table", "inet", "vxloom")
    assert place.heard(place.vteps[1], RED, FROM_PEER)
    assert _counted(place.netns)["came_tracked"] > 0, "so the test can fail"


TRACKING = """
table inet theirs {
  counter came_untracked { }
  counter came_tracked { }
  counter went_untracked { }
  counter went_tracked { }
  chain prerouting { type filter hook prerouting priority 0; policy accept;
    udp dport 4789 ct state untracked counter name came_untracked
    udp dport 4789 ct state != untracked counter name came_tracked
  }
  chain output { type filter hook output priority 0; policy accept;
    udp dport 4789 ct state untracked counter name went_untracked
    udp dport 4789 ct state != untracked counter name went_tracked
  }
}
"""


def _counted(netns: Netns) -> dict[str, int]:
    listed = json.loads(netns.run("nft", "-j", "list", "counters", "table", "inet", "theirs"))["nftables"]
    return {each["counter"]["name"]: each["counter"]["packets"] for each in listed if "counter" in each}


def test_ten_thousand_are_read_back_and_one_more_is_one_element(place4: Place) -> None:
    many = Vteps.of(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(10_000))
    more = many | Vteps.of(["192.0.2.99"])
    target = wanted(place4.vteps)
    with place4.netns.entered():
        heard = place4.host.events()
        for vteps in (many, more):
            state = type(target)({**target.resources, ("allow-list", str(RED)): AllowList(RED, 4789, vteps)}, target.rows)
            assert place4.host.apply(diff(state, place4.host.observe())).failed == {}
            assert place4.host.observe().resources["allow-list", str(RED)] == AllowList(RED, 4789, vteps)
            assert {hint.scope for hint in heard.read()} == {Scope(frozenset({RED}))}
        heard.close()
