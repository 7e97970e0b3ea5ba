"""Probes find how large a packet passes, and by which ways, between two hosts with a router between them."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.kernel.netns import Netns, veth
from vxloom.dataplane.probe import DEVICE, LEGS, Probe
from vxloom.dataplane.probe_frames import SEGMENTS
from vxloom.model.path import Path

FAR = {4: "192.0.2.130", 6: "2001:db8:2::2"}
NEAR = {4: "192.0.2.2", 6: "2001:db8:1::2"}
WELL = 1550


@pytest.fixture
def router(netns: Netns, make_netns: Callable[[], Netns]) -> Netns:
    """This host, a router, and a far host that answers probes over IPv4 (and IPv6, one after the other)."""
    between, far = make_netns(), make_netns()
    for place in (netns, between, far):  # link-local addresses are usable at once
        place.sysctl("net.ipv6.conf.all.accept_dad", 0)
        place.sysctl("net.ipv6.conf.default.accept_dad", 0)
    veth(netns, "eth0", between, "near")
    veth(far, "eth0", between, "far")
    for place, name in ((netns, "eth0"), (between, "near"), (between, "far"), (far, "eth0")):
        place.run("ip", "link", "set", name, "mtu", "9000")
    between.run("sysctl", "-q", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    for place, name, four, six in (
        (netns, "eth0", "192.0.2.2/25", "2001:db8:1::2/64"),
        (between, "near", "192.0.2.1/25", "2001:db8:1::1/64"),
        (between, "far", "192.0.2.129/25", "2001:db8:2::1/64"),
        (far, "eth0", "192.0.2.130/25", "2001:db8:2::2/64"),
    ):
        place.run("ip", "address", "add", four, "dev", name)
        place.run("ip", "address", "add", six, "dev", name, "nodad")
    for place, four, six in ((netns, "192.0.2.1", "2001:db8:1::1"), (far, "192.0.2.129", "2001:db8:2::1")):
        place.run("ip", "route", "add", "default", "via", four)
        place.run("ip", "-6", "route", "add", "default", "via", six)
    between.far = far  # type: ignore[attr-defined]
    return between


def drop(router: Netns, what: str, family: str = "ip") -> None:
    """Drop what is forwarded and fits, without a word."""
    chain = f"add table {family} hole\nadd chain {family} hole c {{ type filter hook forward priority 0; }}\n"
    router.run("nft", "-f", "-", stdin=f"{chain}add rule {family} hole c {what} drop\n")


def measure(router: Netns, version: int = 4, needed: int = WELL, rate: float = 1000) -> Path:
    return measure_all(router, version, needed, rate, 1)[0]


def measure_all(router: Netns, version: int, needed: int, rate: float, times: int) -> list[Path]:
    with ExitStack() as held:
        with router.far.entered():  # type: ignore[attr-defined]
            held.enter_context(Probe(FAR[version], 4789))
        probe = held.enter_context(Probe(NEAR[version], 4789))
        return [probe.measure(FAR[version], needed, rate) for _ in range(times)]


@pytest.mark.parametrize("version", [4, 6])
def test_what_passes_is_told_so_and_nothing_is_left(router: Netns, netns: Netns, version: int) -> None:
    path = measure(router, version)
    assert (path.reached, path.limit, path.lost, path.legs_lost) == (True, WELL, 0, ())
    assert path.round_trip > 0
    assert (path.frames_sent, path.frames_lost, path.segments_sent, path.segments_lost) == (8, 0, 4, 0)
    assert DEVICE not in netns.run("ip", "link")


@pytest.mark.parametrize("version", [4, 6])
def test_a_hole_without_a_word_is_measured_to_the_byte(router: Netns, version: int) -> None:
    family = "ip" if version == 4 else "ip6"
    drop(router, "meta length > 1437", family)
    assert measure(router, version).limit == 1437


def test_a_routers_own_link_is_measured_to_the_byte(router: Netns) -> None:
    router.run("ip", "link", "set", "far", "mtu", "1500")
    assert measure(router).limit == 1500


def test_a_hole_in_the_other_direction_is_not_this_ones(router: Netns) -> None:
    drop(router, "oifname near meta length > 1400")
    assert measure(router).limit == WELL


def test_a_closed_port_is_no_way(router: Netns) -> None:
    drop(router, "udp dport 4789")
    path = measure(router)
    assert (path.reached, path.limit, path.lost) == (False, 0, LEGS)


def test_a_leg_that_drops_large_packets_is_told_by_its_source_ports(router: Netns) -> None:
    drop(router, "udp sport 49152-49400 meta length > 1500")
    path = measure(router)
    assert (path.limit, path.legs_lost) == (WELL, (49152, 49249, 49346))


@pytest.mark.parametrize("version", [4, 6])
def test_segments_that_vanish_though_packets_of_that_size_pass(router: Netns, version: int) -> None:
    # A veth takes wrapped segments whole, as a card that offloads them would: the router sees them uncut.
    drop(router, "meta length > 3000", "ip" if version == 4 else "ip6")
    path = measure(router, version)
    assert (path.limit, path.frames_lost, path.segments_lost) == (WELL, 0, path.segments_sent)


def test_segments_are_cut_to_the_size_where_the_card_does_not_take_them_whole(router: Netns, netns: Netns) -> None:
    netns.run("ethtool", "-K", "eth0", "tx-udp_tnl-segmentation", "off", "tx-udp_tnl-csum-segmentation", "off", "gso", "off", "tso", "off")
    drop(router, f"meta length > {WELL}")
    path = measure(router)
    assert (path.limit, path.frames_lost, path.segments_lost) == (WELL, 0, 0)


def test_segments_that_arrive_with_a_wrong_checksum_do_not_count(router: Netns, netns: Netns) -> None:
    """As from a card that writes it wrong. 100 bytes into the inner TCP's data a byte is changed; nothing else has a checksum over it."""
    netns.run("ethtool", "-K", "eth0", "tx", "off")  # what is cut and summed at all is so before it leaves
    chain = "add table ip spoilt\nadd chain ip spoilt c { type filter hook forward priority 0; }\n"
    byte = 8 + 8 + 14 + 20 + 20 + 100  # behind UDP, VXLAN, Ethernet, IP and TCP
    router.run(
        "nft", "-f", "-", stdin=f"{chain}add rule ip spoilt c udp dport 4789 oifname far @th,{8 * byte},8 set 0xff udp checksum set 0\n"
    )
    path = measure(router)
    assert (path.limit, path.lost, path.frames_lost, path.segments_lost) == (WELL, 0, 0, path.segments_sent)


@pytest.mark.parametrize("version", [4, 6])
def test_frames_that_the_kernel_wraps_vanish_though_packets_made_here_pass(router: Netns, version: int) -> None:
    ours = ", ".join(str(49_152 + 97 * leg) for leg in range(LEGS))  # the kernel chooses other source ports
    drop(router, f"udp sport != {{ {ours} }}", "ip" if version == 4 else "ip6")
    path = measure(router, version)
    assert path.limit == WELL
    assert path.frames_lost == path.frames_sent > 0
    assert path.segments_lost == path.segments_sent > 0


def test_no_more_is_sent_than_the_rate_after_a_burst(router: Netns, netns: Netns) -> None:
    started = time.monotonic()
    paths = measure_all(router, 4, WELL, 200, 3)
    took = time.monotonic() - started
    sent = sum(2 * LEGS + path.frames_sent + SEGMENTS * path.segments_sent for path in paths)
    assert took >= (sent - LEGS) / 200
