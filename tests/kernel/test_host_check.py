"""Rows of `vxloom host check` on real devices and settings; what has no meaning in a namespace says so."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import closing

import pytest

from tests.kernel.netns import Netns, veth
from vxloom.prepare import requirement
from vxloom.prepare.machine import Machine
from vxloom.settings import HostSettings

SETTINGS = HostSettings(labels={"Guest": "cloudbr1", "Management": "eth0"})


def rows(settings: HostSettings = SETTINGS) -> dict[str, tuple[str, str]]:
    return {row.name: (row.verdict.value, row.found) for row in requirement.check(Machine(), settings)}


@pytest.fixture
def netns(netns: Netns, make_netns: Callable[[], Netns]) -> Netns:
    """A bridge over a card, with a guest's tap and an address."""
    veth(netns, "eth0", make_netns(), "eth0")
    for command in (
        "link add cloudbr1 type bridge",
        "link set eth0 master cloudbr1",
        "link set cloudbr1 up",
        "address add 192.0.2.1/24 dev cloudbr1",
        "tuntap add dev vnet0 mode tap",
        "link set vnet0 master cloudbr1",
    ):
        netns.run("ip", *command.split())
    return netns


def test_a_device_is_made_for_a_moment_and_nothing_is_left(netns: Netns) -> None:
    before = netns.run("ip", "-br", "link")
    assert rows()["VXLAN in the kernel"] == ("ok", "a device could be made")
    assert netns.run("ip", "-br", "link") == before


def test_mtus_below_the_label(netns: Netns) -> None:
    assert rows()["MTU of the underlay"] == ("failed", "cloudbr1 1500, eth0 1500")
    netns.run("ip", "link", "set", "eth0", "mtu", "9000")
    netns.run("ip", "link", "set", "vnet0", "mtu", "1600")
    netns.run("ip", "link", "set", "cloudbr1", "mtu", "1550")
    assert rows()["MTU of the underlay"] == ("ok", "cloudbr1 1550, eth0 9000")
    netns.run("ip", "address", "flush", "dev", "cloudbr1")
    netns.run("ip", "address", "add", "2001:db8::1/64", "dev", "cloudbr1", "nodad")
    assert rows()["MTU of the underlay"][0] == "failed", "over IPv6 20 bytes more"


def test_tunnels_room_and_port(netns: Netns) -> None:
    assert (rows()["room for tunnels"][0], rows()["UDP port of tunnels"]) == ("not applicable", ("ok", "no tunnel yet"))
    netns.run(*["ip", "link", "add", "vxlan7", "mtu", "1450", "type", "vxlan", "id", "7", "dstport", "4789"])
    assert (rows()["room for tunnels"], rows()["UDP port of tunnels"]) == (("ok", "all 1 within 1450"), ("ok", "tunnels on 4789"))
    netns.run("ip", "link", "set", "vxlan7", "mtu", "1500")
    assert rows()["room for tunnels"] == ("warning", "vxlan7 1500")
    netns.run(*["ip", "link", "add", "vxlan8", "type", "vxlan", "id", "8", "dstport", "8472"])
    assert rows()["UDP port of tunnels"] == ("failed", "tunnels on 4789, 8472")


def test_a_program_that_holds_the_port(netns: Netns) -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as held:
        held.bind(("0.0.0.0", 4789))
        assert rows()["UDP port of tunnels"] == ("failed", "a program listens on 4789")


def test_settings_of_the_kernel(netns: Netns) -> None:
    netns.sysctl("net.ipv4.conf.all.rp_filter", 0)
    netns.sysctl("net.ipv4.conf.eth0.rp_filter", 1)
    netns.sysctl("net.ipv4.igmp_max_memberships", 20)
    found = rows()
    assert found["net.ipv4.igmp_max_memberships"] == ("warning", "20")
    assert found["net.ipv4.conf.*.rp_filter"][0] == "warning"
    assert "eth0" in found["net.ipv4.conf.*.rp_filter"][1]
    assert found["net.ipv4.neigh.default.gc_thresh*"][0] == "not applicable", "a namespace does not show them"
    netns.sysctl("net.ipv4.igmp_max_memberships", 5000)
    for name in ("eth0", "cloudbr1", "vnet0", "default"):
        netns.sysctl(f"net.ipv4.conf.{name}.rp_filter", 2)
    found = rows()
    assert (found["net.ipv4.igmp_max_memberships"], found["net.ipv4.conf.*.rp_filter"]) == (("ok", "5000"), ("ok", "not strict"))


def test_labels_that_end_on_one_card_and_a_name_that_cloudstack_does_not_know(netns: Netns) -> None:
    found = rows()
    assert found["management and guest labels"] == ("warning", "both end on eth0")
    assert found["interface names"][0] == "ok"
    netns.run("ip", "link", "set", "eth0", "down")
    netns.run("ip", "link", "set", "eth0", "name", "lan0")
    assert rows()["interface names"] == ("warning", "cloudbr1, lan0")


def test_what_the_machine_itself_is_does_not_break_the_check(netns: Netns) -> None:
    """KVM, clock, memory and processors are this machine's: any verdict, but one that was really asked for."""
    found = rows()
    assert found["root"] == ("ok", "uid 0")
    assert found["clock"][1] in {"synchronised", "not synchronised"}
    assert found["KVM"][1].startswith(("one could be made", "/dev/kvm"))
    assert "cores" in found["resources of a hypervisor"][1]
    assert found["kernel release"][0] == "ok"
