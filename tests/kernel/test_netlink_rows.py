"""What our rows become in the kernel, told by iproute2; what the kernel holds, told by our decoders."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from ipaddress import ip_address

import numpy as np
import pytest

from tests.kernel.netns import Netns
from vxloom.dataplane import netlink as nl
from vxloom.model.rows import FDB, FLOOD, NEIGHBOUR, Rows

MAPPED = 0xFFFF_0000_0000


def pair(text: str) -> tuple[int, int]:
    address = ip_address(text)
    value = int(address) if address.version == 6 else MAPPED | int(address)
    return value >> 64, value & 0xFFFF_FFFF_FFFF_FFFF


def ip_text(hi: int, lo: int) -> str:
    return str(ip_address(lo & 0xFFFF_FFFF)) if hi == 0 and lo >> 32 == 0xFFFF else str(ip_address((hi << 64 | lo).to_bytes(16, "big")))


def mac_text(mac: int) -> str:
    return mac.to_bytes(6, "big").hex(":")


def fdb_table(*rows: tuple[int, str]) -> Rows:
    return np.array([(mac, *pair(ip)) for mac, ip in rows], FDB)


@pytest.fixture(params=["127.0.0.1", "::1"], ids=["ipv4-underlay", "ipv6-underlay"])
def segment(request: pytest.FixtureRequest, netns: Netns) -> tuple[int, int, str]:
    """(bridge's index, VXLAN device's index, prefix of VTEP addresses)."""
    local = request.param
    netns.run("ip", "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
    netns.run("ip", "link", "add", "vx0", "type", "vxlan", "id", "7", "local", local, "dstport", "4789", "nolearning")
    netns.run("ip", "link", "set", "vx0", "master", "br0")
    netns.run("ip", "link", "set", "vx0", "up")
    netns.run("ip", "link", "set", "br0", "up")
    return socket.if_nametoindex("br0"), socket.if_nametoindex("vx0"), "10.0.0." if local == "127.0.0.1" else "fd00::"


@pytest.fixture
def sock(netns: Netns) -> Iterator[nl.NetlinkSocket]:
    with nl.NetlinkSocket() as opened:
        yield opened


def bridge_fdb(netns: Netns, dev: str) -> list[dict[str, object]]:
    return json.loads(netns.run("bridge", "-j", "fdb", "show", "dev", dev))  # type: ignore[no-any-return]


def test_a_remote_mac_is_two_rows(netns: Netns, sock: nl.NetlinkSocket, segment: tuple[int, int, str]) -> None:
    _, vxlan, prefix = segment
    rows = fdb_table((0x0200_0000_0001, prefix + "1"), (0x0200_0000_0002, prefix + "2"))
    assert sock.batch(nl.encode_fdb(rows, vxlan)) == []
    shown = [row for row in bridge_fdb(netns, "vx0") if str(row["mac"]).startswith("02:00:00:00:00")]
    own = {(row["mac"], row.get("dst")) for row in shown if "self" in row["flags"]}  # type: ignore[operator]
    bridged = {(row["mac"], row["state"], row["master"]) for row in shown if "master" in row}
    assert own == {("02:00:00:00:00:01", prefix + "1"), ("02:00:00:00:00:02", prefix + "2")}
    assert bridged == {("02:00:00:00:00:01", "static", "br0"), ("02:00:00:00:00:02", "static", "br0")}
    assert all("sticky" in row["flags"] for row in shown if "master" in row)  # type: ignore[operator]

    moved = fdb_table((0x0200_0000_0001, prefix + "9"))
    assert sock.batch(nl.encode_fdb(moved, vxlan)) == []
    assert {row["dst"] for row in bridge_fdb(netns, "vx0") if row["mac"] == "02:00:00:00:00:01" and "dst" in row} == {prefix + "9"}

    # A delete names the VTEP. If another is held, the kernel deletes the bridge's half only, and says it succeeded.
    assert sock.batch(nl.encode_fdb(rows, vxlan, "delete")) == []
    left = [row for row in bridge_fdb(netns, "vx0") if str(row["mac"]).startswith("02:00:00:00:00")]
    assert [(row["mac"], row["dst"]) for row in left] == [("02:00:00:00:00:01", prefix + "9")]
    assert sock.batch(nl.encode_fdb(moved, vxlan, "delete", "self")) == []
    assert not [row for row in bridge_fdb(netns, "vx0") if str(row["mac"]).startswith("02:00:00:00:00")]


@pytest.mark.parametrize("half", ["self", "master"])
def test_halves_go_apart(netns: Netns, sock: nl.NetlinkSocket, segment: tuple[int, int, str], half: nl.Half) -> None:
    _, vxlan, prefix = segment
    rows = fdb_table((0x0200_0000_0001, prefix + "1"))
    assert sock.batch(nl.encode_fdb(rows, vxlan, half=half)) == []
    (shown,) = [row for row in bridge_fdb(netns, "vx0") if row["mac"] == "02:00:00:00:00:01"]
    assert ("master" in shown) == (half == "master")
    assert sock.batch(nl.encode_fdb(rows, vxlan, "delete", half)) == []
    assert not [row for row in bridge_fdb(netns, "vx0") if row["mac"] == "02:00:00:00:00:01"]


def test_flood_entries_are_added_twice_and_removed_once(netns: Netns, sock: nl.NetlinkSocket, segment: tuple[int, int, str]) -> None:
    _, vxlan, prefix = segment
    rows = np.array([pair(prefix + "1"), pair(prefix + "2")], FLOOD)
    assert sock.batch(nl.encode_flood(rows, vxlan)) == []
    assert sock.batch(nl.encode_flood(rows, vxlan)) == []

    def held() -> list[object]:
        return sorted(str(row["dst"]) for row in bridge_fdb(netns, "vx0") if row["mac"] == "00:00:00:00:00:00")

    assert held() == [prefix + "1", prefix + "2"]
    assert sock.batch(nl.encode_flood(rows[:1], vxlan, "delete")) == []
    assert held() == [prefix + "2"]


def test_local_macs_stick_to_their_port(netns: Netns, sock: nl.NetlinkSocket, segment: tuple[int, int, str]) -> None:
    bridge, _, _ = segment
    assert sock.batch([nl.create_veth("tap0", "guest0", master=bridge)]) == []
    tap = socket.if_nametoindex("tap0")
    macs = np.array([0x0200_0000_0001])
    assert sock.batch(nl.encode_bridge_fdb(macs, tap)) == []
    (shown,) = [row for row in bridge_fdb(netns, "tap0") if row["mac"] == "02:00:00:00:00:01"]
    assert (shown["state"], shown["flags"], shown["master"]) == ("static", ["sticky"], "br0")
    assert sock.batch(nl.encode_bridge_fdb(macs, tap, "delete")) == []
    assert not [row for row in bridge_fdb(netns, "tap0") if row["mac"] == "02:00:00:00:00:01"]


def test_neighbours_of_both_families_carry_our_mark(netns: Netns, sock: nl.NetlinkSocket, segment: tuple[int, int, str]) -> None:
    bridge, _, _ = segment
    rows = np.array([(*pair("fd00:1::5"), 0x0200_0000_0005), (*pair("10.1.1.5"), 0x0200_0000_0005)], NEIGHBOUR)
    assert sock.batch(nl.encode_neighbours(rows, bridge)) == []
    for family, ip in (("-4", "10.1.1.5"), ("-6", "fd00:1::5")):
        shown = json.loads(netns.run("ip", "-j", family, "neigh", "show", "dev", "br0", "protocol", str(nl.PROTOCOL)))
        assert [(row["dst"], row["lladdr"], row["state"]) for row in shown] == [(ip, "02:00:00:00:00:05", ["PERMANENT"])]
    blocks = sock.dump(nl.neighbour_dump(ifindex=bridge))
    got = nl.decode_neighbours(blocks)
    ours = got[got["protocol"] == nl.PROTOCOL]
    assert sorted(ours[["hi", "lo", "mac"]].tolist()) == sorted(rows.tolist())
    assert sock.batch(nl.encode_neighbours(rows, bridge, "delete")) == []
    assert not (nl.decode_neighbours(sock.dump(nl.neighbour_dump()))["protocol"] == nl.PROTOCOL).any()


def test_a_decoded_dump_is_what_iproute2_tells(netns: Netns, sock: nl.NetlinkSocket, segment: tuple[int, int, str]) -> None:
    """Some thousand rows of all sorts on several devices, made by both sides, read by both sides."""
    bridge, vxlan, prefix = segment
    count = 3000
    last = np.arange(count) % 200 + 1
    rows = np.zeros(count, FDB)
    rows["mac"] = 0x0200_0000_0000 + np.arange(count)
    rows["hi"] = pair(prefix + "1")[0]
    rows["lo"] = np.uint64(pair(prefix + "0" if "." in prefix else prefix)[1]) + last.astype(np.uint64)
    assert sock.batch([nl.create_veth("tap0", "guest0", master=bridge)]) == []
    assert sock.batch(nl.encode_fdb(rows, vxlan)) == []
    assert sock.batch(nl.encode_flood(np.unique(rows[["hi", "lo"]])[:50].astype(FLOOD), vxlan)) == []
    assert sock.batch(nl.encode_bridge_fdb(np.arange(0x0300, 0x0400) * 4, socket.if_nametoindex("tap0"))) == []
    netns.run("bridge", "fdb", "add", "02:aa:00:00:00:01", "dev", "vx0", "self", "dst", prefix + "7", "vni", "99", "port", "99")
    netns.run("bridge", "fdb", "add", "02:aa:00:00:00:02", "dev", "tap0", "master", "dynamic", "extern_learn")

    names = {link.index: link.name for link in nl.parse_links(sock.dump(nl.link_dump()))}
    got = nl.decode_fdb(sock.dump(nl.fdb_dump()))
    ours = sorted(
        (
            names[int(row["ifindex"])],
            mac_text(int(row["mac"])),
            names.get(int(row["master"]), ""),
            ip_text(int(row["hi"]), int(row["lo"])) if row["hi"] or row["lo"] else "",
            bool(row["flags"] & nl.NTF_STICKY),
            bool(row["flags"] & nl.NTF_EXT_LEARNED),
        )
        for row in got
        if row["mac"] >> 32 != 0x3333
    )
    theirs = sorted(
        (
            str(row["ifname"]),
            str(row["mac"]),
            str(row.get("master", "")),
            str(row.get("dst", "")),
            "sticky" in row["flags"],
            "extern_learn" in row["flags"],
        )
        for row in json.loads(netns.run("bridge", "-j", "fdb", "show"))
        if not row["mac"].startswith("33:33:")  # IPv6's multicast joins come and go by themselves
    )
    assert ours == theirs
    assert got["mac"][got["other"] == 1].tolist() == [0x02AA_0000_0001]


def test_a_dump_can_be_narrowed(sock: nl.NetlinkSocket, segment: tuple[int, int, str]) -> None:
    bridge, vxlan, prefix = segment
    assert sock.batch([nl.create_veth("tap0", "guest0", master=bridge), nl.create_bridge("br1", mac=0x0200_0000_00FF)]) == []
    assert sock.batch(nl.encode_fdb(fdb_table((0x0200_0000_0001, prefix + "1")), vxlan)) == []
    assert set(nl.decode_fdb(sock.dump(nl.fdb_dump(ifindex=vxlan)))["ifindex"].tolist()) == {vxlan}
    of_bridge = nl.decode_fdb(sock.dump(nl.fdb_dump(master=bridge)))
    assert set(of_bridge["ifindex"].tolist()) == {bridge, vxlan, socket.if_nametoindex("tap0")}


def test_keyed_reads(sock: nl.NetlinkSocket, segment: tuple[int, int, str]) -> None:
    bridge, vxlan, prefix = segment
    rows = fdb_table((0x0200_0000_0001, prefix + "1"), (0x0200_0000_0002, prefix + "2"))
    neighbours = np.array([(*pair("10.1.1.5"), 5), (*pair("fd00:1::5"), 5)], NEIGHBOUR)
    assert sock.batch(nl.encode_fdb(rows, vxlan)) == []
    assert sock.batch(nl.encode_neighbours(neighbours, bridge)) == []
    asked = np.array([0x0200_0000_0001, 0x0200_0000_0099, 0x0200_0000_0002])
    blocks, failures = sock.get(nl.encode_fdb_get(asked, vxlan, "self"))
    assert sorted(nl.decode_fdb(blocks)[["mac", "hi", "lo"]].tolist()) == sorted(rows.tolist())
    assert [(failure.index, failure.errno) for failure in failures] == [(1, 2)]
    blocks, failures = sock.get([nl.fdb_get(0x0200_0000_0002, vxlan, "master"), nl.neighbour_get(*pair("fd00:1::5"), bridge)])
    assert failures == []
    assert sorted(nl.decode_fdb(blocks)["mac"].tolist()) == [5, 0x0200_0000_0002]
    blocks, failures = sock.get(nl.encode_neighbour_get(neighbours, bridge))
    assert failures == []
    assert sorted(nl.decode_neighbours(blocks)[["hi", "lo", "mac"]].tolist()) == sorted(neighbours.tolist())
