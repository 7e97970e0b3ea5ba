"""Rates of our netlink against iproute2's batches, side by side, each case in a network namespace of its own process.

Run as root: python benchmarks/netlink_rates.py [fdb|dump|links|parse ...]
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

from vxloom.dataplane import netlink as nl
from vxloom.model.rows import FDB, NEIGHBOUR, Rows

CLONE_NEWNET = 0x40000000
LOOPBACK = (0, 0xFFFF_7F00_0001)


def timed(work: Callable[..., object], *arguments: object) -> float:
    start = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start


def tool(program: str, lines: list[str]) -> None:
    subprocess.run([program, "-batch", "-"], input="\n".join(lines), text=True, check=True, capture_output=True)


def networks(count: int, first: int, *, up: bool = True) -> list[bytes]:
    """The full recipe of ``count`` networks."""
    out = []
    for place, bridge in enumerate(nl.choose_indexes((), count, nl.FIRST_INDEX + 2 * first)):
        vni, vxlan = first + place + 1, bridge + 0x10_0000
        out += [
            nl.create_bridge(f"brvx-{vni}", index=bridge, mac=0x0200_0000_0000 + vni, mtu=1450, ageing=300),
            nl.add_altnames(bridge, [f"vxloom-brvx-{vni}", f"second-brvx-{vni}"]),
            nl.create_vxlan(f"vxlan{vni}", index=vxlan, vni=vni, local=LOOPBACK, mtu=1450, master=bridge, group=7),
            nl.add_altnames(vxlan, [f"vxloom-vxlan{vni}", f"second-vxlan{vni}"]),
            nl.set_link(bridge, addr_gen_mode_none=True),
            nl.set_link(vxlan, addr_gen_mode_none=True, port=nl.PortFlags(learning=False, flood=False, neigh_suppress=True)),
        ]
        if up:
            out += [nl.set_link(vxlan, up=True), nl.set_link(bridge, up=True)]
    return out


def ip_networks(count: int, first: int) -> list[str]:
    """The same for ``ip -batch``."""
    out = []
    for vni in range(first + 1, first + count + 1):
        mac = (0x0200_0000_0000 + vni).to_bytes(6, "big").hex(":")
        out += [
            f"link add brvx-{vni} address {mac} mtu 1450 type bridge ageing_time 30000 mcast_snooping 0",
            f"link property add dev brvx-{vni} altname vxloom-brvx-{vni} altname second-brvx-{vni}",
            f"link add vxlan{vni} mtu 1450 group 7 type vxlan id {vni} local 127.0.0.1 dstport 4789 nolearning df set",
            f"link property add dev vxlan{vni} altname vxloom-vxlan{vni} altname second-vxlan{vni}",
            f"link set brvx-{vni} addrgenmode none",
            f"link set vxlan{vni} master brvx-{vni} addrgenmode none",
            f"link set vxlan{vni} type bridge_slave learning off flood off neigh_suppress on",
            f"link set vxlan{vni} up",
            f"link set brvx-{vni} up",
        ]
    return out


def remote(count: int) -> tuple[Rows, Rows]:
    number = np.arange(count)
    fdb, neighbours = np.zeros(count, FDB), np.zeros(count, NEIGHBOUR)
    fdb["mac"] = neighbours["mac"] = 0x0200_0000_0000 + number
    fdb["lo"] = 0xFFFF_0A00_0000 + number % 1000
    neighbours["lo"] = 0xFFFF_0A00_0000 + number
    return fdb, neighbours


def fdb_case() -> None:
    """A remote MAC ready: VXLAN row, bridge row, neighbour; over 100 networks."""
    count, nets = 50_000, 100
    sock = nl.NetlinkSocket()
    assert not sock.batch(networks(nets, 0))
    fdb, neighbours = remote(count)
    place = np.arange(count) % nets
    vxlans = np.array([socket.if_nametoindex(f"vxlan{n + 1}") for n in range(nets)])[place]
    bridges = np.array([socket.if_nametoindex(f"brvx-{n + 1}") for n in range(nets)])[place]

    def ours(op: nl.Op) -> None:
        assert not sock.batch(nl.encode_fdb(fdb, vxlans, op))
        assert not sock.batch(nl.encode_neighbours(neighbours, bridges, op))

    mac = [int(value).to_bytes(6, "big").hex(":") for value in fdb["mac"]]
    to = [socket.inet_ntoa(int(value & 0xFFFF_FFFF).to_bytes(4, "big")) for value in fdb["lo"]]
    ip = [socket.inet_ntoa(int(value & 0xFFFF_FFFF).to_bytes(4, "big")) for value in neighbours["lo"]]
    rows = [f"fdb replace {mac[n]} dev vxlan{n % nets + 1} dst {to[n]} self master static sticky" for n in range(count)]
    neighs = [f"neigh replace {ip[n]} lladdr {mac[n]} dev brvx-{n % nets + 1} nud permanent protocol 118" for n in range(count)]

    def theirs() -> None:
        tool("bridge", rows)
        tool("ip", neighs)

    for _ in range(3):
        new = timed(ours, "replace")
        again = timed(ours, "replace")
        ours("delete")
        peer = timed(theirs)
        peer_again = timed(theirs)
        gone = timed(ours, "delete")
        print(
            f"remote MACs ready/s: new {count / new:,.0f} against {count / peer:,.0f} ({peer / new:.1f}x), "
            f"replaced {count / again:,.0f} against {count / peer_again:,.0f} ({peer_again / again:.1f}x), deleted {count / gone:,.0f}"
        )


def dump_case() -> None:
    """100,000 remote MACs over 1,000 networks: dump and decode against receiving only."""
    count, nets = 100_000, 1000
    sock = nl.NetlinkSocket()
    assert not sock.batch(networks(nets, 0))
    fdb, _ = remote(count)
    assert not sock.batch(
        nl.encode_fdb(fdb, np.array([socket.if_nametoindex(f"vxlan{n + 1}") for n in range(nets)])[np.arange(count) % nets])
    )
    raw = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    raw.bind((0, 0))
    buffer = bytearray(1 << 20)

    def receive() -> None:
        raw.send(nl.fdb_dump())
        while True:
            size = raw.recv_into(buffer)
            if int.from_bytes(buffer[size - 16 : size - 14], sys.byteorder) == 3 or int.from_bytes(buffer[4:6], sys.byteorder) == 3:
                return

    def whole() -> None:
        nl.decode_fdb(sock.dump(nl.fdb_dump()))

    pairs = [(timed(receive), timed(whole)) for _ in range(15)]
    alone, ours = (sorted(column)[len(pairs) // 2] for column in zip(*pairs, strict=True))
    blocks = sock.dump(nl.fdb_dump())
    decode, rows = timed(nl.decode_fdb, blocks), len(nl.decode_fdb(blocks))
    print(
        f"FDB dump of {rows:,} rows: {ours:.3f} s against {alone:.3f} s receive only ({ours / alone:.2f}x), decode {decode * 1000:.1f} ms"
    )


def links_case() -> None:
    """Full recipe, both ways, interleaved."""
    count, sock = 300, nl.NetlinkSocket()

    def create(first: int) -> None:
        assert not sock.batch(networks(count, first))

    for turn in range(3):
        ours = timed(create, 2 * turn * count)
        theirs = timed(tool, "ip", ip_networks(count, (2 * turn + 1) * count))
        print(f"networks/s: {count / ours:,.0f} against {count / theirs:,.0f} ({theirs / ours:.2f}x)")
    assert len(nl.parse_links(sock.dump(nl.link_dump(kind="vxlan")))) == 6 * count
    gone = timed(lambda: sock.batch([nl.delete_group(7)]))
    print(f"deleted by group: {6 * count} VXLAN devices in {gone:.2f} s")


def parse_case() -> None:
    """Dump and parse of 2,000 links."""
    sock = nl.NetlinkSocket()
    assert not sock.batch(networks(1000, 0))
    for _ in range(3):
        got = timed(lambda: sock.dump(nl.link_dump()))
        blocks = sock.dump(nl.link_dump())
        parse = timed(nl.parse_links, blocks)
        print(f"links: dump {got * 1000:.0f} ms, parse of {len(nl.parse_links(blocks)):,} {parse * 1000:.0f} ms")


CASES = {"fdb": fdb_case, "dump": dump_case, "links": links_case, "parse": parse_case}


def isolated(case: str) -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    CASES[case]()


if __name__ == "__main__":
    for name in sys.argv[1:] or CASES:
        process = multiprocessing.get_context("spawn").Process(target=isolated, args=(name,))
        process.start()
        process.join()
        if process.exitcode:
            sys.exit(1)
