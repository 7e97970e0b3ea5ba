"""Links as we make them, told by iproute2; links as iproute2 makes them, told by our parser."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from tests.kernel.netns import Netns
from vxloom.dataplane import netlink as nl

IPV4 = (0, 0xFFFF_7F00_0001)
IPV6 = (0, 1)
BRIDGE, VXLAN = 0x10_0000, 0x10_0001


@pytest.fixture
def sock(netns: Netns) -> Iterator[nl.NetlinkSocket]:
    with nl.NetlinkSocket() as opened:
        yield opened


def shown(netns: Netns, name: str) -> dict[str, object]:
    (link,) = json.loads(netns.run("ip", "-d", "-j", "link", "show", name))
    return link  # type: ignore[no-any-return]


def links(sock: nl.NetlinkSocket) -> dict[str, nl.Link]:
    return {link.name: link for link in nl.parse_links(sock.dump(nl.link_dump()))}


def recipe(local: tuple[int, int] = IPV4) -> list[bytes]:
    return [
        nl.create_bridge("brvx-5", index=BRIDGE, mac=0x0200_0000_0005, mtu=1450, group=7, ageing=100),
        nl.add_altnames(BRIDGE, ["vxloom-brvx-5", "a-second-and-much-longer-name"]),
        nl.create_vxlan("vxlan5", index=VXLAN, vni=5, local=local, mtu=1430, master=BRIDGE, group=7),
        nl.add_altnames(VXLAN, ["vxloom-vxlan5"]),
        nl.set_link(BRIDGE, addr_gen_mode_none=True),
        nl.set_link(VXLAN, addr_gen_mode_none=True, port=nl.PortFlags(learning=False, flood=False, neigh_suppress=True, isolated=True)),
        nl.set_link(VXLAN, up=True),
        nl.set_link(BRIDGE, up=True),
    ]


@pytest.mark.parametrize(("local", "text"), [(IPV4, "127.0.0.1"), (IPV6, "::1")], ids=["ipv4-underlay", "ipv6-underlay"])
def test_a_whole_network_in_one_batch(netns: Netns, sock: nl.NetlinkSocket, local: tuple[int, int], text: str) -> None:
    assert sock.batch(recipe(local)) == []
    bridge, vxlan = shown(netns, "brvx-5"), shown(netns, "vxlan5")
    assert (bridge["ifindex"], bridge["address"], bridge["mtu"], bridge["group"]) == (BRIDGE, "02:00:00:00:00:05", 1430, "7")
    assert bridge["altnames"] == ["vxloom-brvx-5", "a-second-and-much-longer-name"]
    assert bridge["inet6_addr_gen_mode"] == vxlan["inet6_addr_gen_mode"] == "none"
    settings = bridge["linkinfo"]["info_data"]  # type: ignore[index]
    assert (settings["ageing_time"], settings["mcast_snooping"], settings["stp_state"]) == (10000, 0, 0)
    assert vxlan["master"] == "brvx-5"
    device = vxlan["linkinfo"]["info_data"]  # type: ignore[index]
    assert (device["id"], device.get("local", device.get("local6")), device["port"]) == (5, text, 4789)
    assert (device["learning"], device["df"]) == (False, "set")
    port = vxlan["linkinfo"]["info_slave_data"]  # type: ignore[index]
    assert (port["learning"], port["flood"], port["neigh_suppress"], port["isolated"]) == (False, False, True, True)
    assert (port["mcast_flood"], port["bcast_flood"], port["locked"]) == (True, True, False)
    assert "UP" in vxlan["flags"]  # type: ignore[operator]
    assert "UP" in bridge["flags"]  # type: ignore[operator]
    assert "inet6" not in netns.run("ip", "addr", "show", "vxlan5")


@pytest.mark.parametrize("local", [IPV4, IPV6])
def test_what_we_made_is_parsed_back(sock: nl.NetlinkSocket, local: tuple[int, int]) -> None:
    assert sock.batch(recipe(local)) == []
    found = links(sock)
    bridge, vxlan = found["brvx-5"], found["vxlan5"]
    assert (bridge.index, bridge.kind, bridge.mac, bridge.up, bridge.group) == (BRIDGE, "bridge", 0x0200_0000_0005, True, 7)
    assert set(bridge.altnames) == {"vxloom-brvx-5", "a-second-and-much-longer-name"}
    assert bridge.bridge == nl.BridgeInfo(ageing=10000, mcast_snooping=False, stp=False, group_fwd_mask=0, vlan_filtering=False)
    assert (vxlan.master, vxlan.slave_kind, vxlan.mtu, vxlan.inet6 and vxlan.inet6.addr_gen_mode, vxlan.altnames) == (
        BRIDGE,
        "bridge",
        1430,
        1,
        ("vxloom-vxlan5",),
    )
    assert vxlan.vxlan is not None
    assert (vxlan.vxlan.vni, vxlan.vxlan.local_hi, vxlan.vxlan.local_lo, vxlan.vxlan.port) == (5, *local, 4789)
    assert (vxlan.vxlan.learning, vxlan.vxlan.df, vxlan.vxlan.external) == (False, 1, False)
    flags = {"learning": False, "flood": False, "mcast_flood": True, "bcast_flood": True}
    assert vxlan.port == nl.PortInfo(state=3, **flags, neigh_suppress=True, locked=False, isolated=True)


def test_what_others_made_is_parsed(netns: Netns, sock: nl.NetlinkSocket) -> None:
    """As CloudStack's script makes it: multicast group, lower device, learning; and a collect-metadata device."""
    netns.run("ip", "link", "add", "under", "type", "veth", "peer", "name", "other")
    netns.run(
        "ip", "link", "add", "vxlan77", "type", "vxlan", "id", "77", "group", "239.0.0.77", "ttl", "10", "dev", "under", "dstport", "8472"
    )
    netns.run("ip", "link", "add", "ext", "type", "vxlan", "external", "dstport", "4790")
    found = links(sock)
    info = found["vxlan77"].vxlan
    assert info is not None
    assert (info.vni, info.remote_hi, info.remote_lo, info.port) == (77, 0, 0xFFFF_EF00_004D, 8472)
    assert (info.learning, info.df, info.ttl, info.lower) == (True, 0, 10, found["under"].index)
    assert found["vxlan77"].mtu == 1450
    external = found["ext"].vxlan
    assert external is not None
    assert external.external
    assert found["under"].lower == found["other"].index
    assert (found["lo"].kind, found["lo"].mac, found["lo"].up) == ("", 0, True)


def test_links_change_in_place_and_by_any_name(netns: Netns, sock: nl.NetlinkSocket) -> None:
    assert sock.batch(recipe()) == []
    assert (
        sock.batch(
            [
                nl.set_link(name="vxloom-vxlan5", mtu=1400, group=9, mac=0x0200_0000_0077),
                nl.set_link(name="vxlan5", master=0),
                nl.set_link(BRIDGE, up=False, rename="brvx-6"),
                nl.delete_altnames(BRIDGE, ["a-second-and-much-longer-name"]),
            ]
        )
        == []
    )
    found = links(sock)
    assert (found["vxlan5"].mtu, found["vxlan5"].group, found["vxlan5"].master, found["vxlan5"].mac) == (1400, 9, 0, 0x0200_0000_0077)
    assert found["vxlan5"].port is None
    assert (found["brvx-6"].up, found["brvx-6"].altnames) == (False, ("vxloom-brvx-5",))
    assert (
        sock.batch([nl.set_link(VXLAN, master=BRIDGE), nl.set_link(VXLAN, port=nl.PortFlags(locked=True, bcast_flood=False, state=0))])
        == []
    )
    port = links(sock)["vxlan5"].port
    assert port is not None
    assert (port.locked, port.bcast_flood, port.learning) == (True, False, True)
    assert "locked on" in netns.run("ip", "-d", "link", "show", "vxlan5")


def test_a_locked_veth_port(sock: nl.NetlinkSocket) -> None:
    made = [
        nl.create_bridge("br0", index=BRIDGE, mac=2),
        nl.create_veth("tap0", "guest0", index=VXLAN, peer_mac=0x0200_0000_0009, mtu=1400),
    ]
    assert sock.batch([*made, nl.set_link(VXLAN, master=BRIDGE), nl.set_link(VXLAN, port=nl.PortFlags(locked=True, learning=False))]) == []
    found = links(sock)
    assert (found["tap0"].mtu, found["guest0"].mtu, found["guest0"].mac) == (1400, 1400, 0x0200_0000_0009)
    assert found["tap0"].port is not None
    assert (found["tap0"].port.locked, found["tap0"].port.learning) == (True, False)


def test_a_group_is_deleted_at_once_and_nothing_else(sock: nl.NetlinkSocket) -> None:
    more = [nl.create_vxlan(f"vxlan{vni}", vni=vni, local=IPV4, group=7) for vni in range(10, 60)]
    kept = [nl.create_vxlan("kept", vni=99, local=IPV4, group=8)]
    assert sock.batch([*recipe(), *more, *kept]) == []
    assert sock.batch([nl.delete_group(7)]) == []
    assert set(links(sock)) == {"lo", "kept"}
    assert sock.batch([nl.delete_link(name="kept"), nl.delete_link(name="kept")]) == [nl.Failure(1, 19, "")]


def test_dumps_narrowed_by_kind_and_by_bridge(sock: nl.NetlinkSocket) -> None:
    assert sock.batch([*recipe(), nl.create_veth("tap0", "guest0", master=BRIDGE), nl.create_vxlan("alone", vni=9, local=IPV4)]) == []
    assert {link.name for link in nl.parse_links(sock.dump(nl.link_dump(kind="vxlan")))} == {"vxlan5", "alone"}
    assert {link.name for link in nl.parse_links(sock.dump(nl.link_dump(master=BRIDGE)))} == {"vxlan5", "tap0"}


def test_keyed_reads_by_index_name_and_altname(sock: nl.NetlinkSocket) -> None:
    assert sock.batch(recipe()) == []
    blocks, failures = sock.get(
        [nl.link_get(BRIDGE), nl.link_get(name="vxlan5"), nl.link_get(name="vxloom-vxlan5"), nl.link_get(name="absent")]
    )
    assert [link.name for link in nl.parse_links(blocks)] == ["brvx-5", "vxlan5", "vxlan5"]
    assert [(failure.index, failure.errno) for failure in failures] == [(3, 19)]


def test_a_veth_end_is_born_in_another_namespace(netns: Netns, sock: nl.NetlinkSocket, make_netns) -> None:
    other: Netns = make_netns()
    assert sock.batch([nl.create_veth("tap0", "eth0", peer_mac=0x0200_0000_0009, peer_netns_fd=other.fd)]) == []
    with other.entered(), nl.NetlinkSocket() as inside:
        assert links(inside)["eth0"].mac == 0x0200_0000_0009
    assert "eth0" not in links(sock)


@pytest.mark.parametrize("up", [True, False])
def test_up_at_creation(sock: nl.NetlinkSocket, up: bool) -> None:
    assert sock.batch([nl.create_bridge("br0", mac=2, up=up), nl.create_vxlan("vx0", vni=1, local=IPV4, up=up)]) == []
    assert {(name, link.up) for name, link in links(sock).items()} == {("lo", True), ("br0", up), ("vx0", up)}


def test_an_altname_is_not_taken_with_the_creating_message(sock: nl.NetlinkSocket) -> None:
    """Why marking is a message of its own: the day the kernel takes it at creation, this fails, and we can save one."""
    mark = nl.add_altnames(1, ["vxloom-br0"])[32:]
    made = bytearray(nl.create_bridge("br0", mac=2) + mark)
    made[0:4] = len(made).to_bytes(4, "little")
    assert sock.batch([bytes(made)]) == []
    assert links(sock)["br0"].altnames == ()


def test_index_names_agree_with_libc(sock: nl.NetlinkSocket) -> None:
    assert sock.batch(recipe()) == []
    assert {name: link.index for name, link in links(sock).items()} == {name: index for index, name in socket.if_nameindex()}
