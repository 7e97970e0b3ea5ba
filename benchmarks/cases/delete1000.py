"""Deletion of 1,000 networks: the VXLAN devices against one ``ip link del group``, then the bridges; and who waits meanwhile.

While we delete, another process writes an FDB row of a device that stays, every two milliseconds, and notes its longest delay.
The bridges are deleted once: each pair of runs gets new VXLAN devices on the same bridges.
"""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from benchmarks.measure import Bench, Pairs, timed
from benchmarks.rows import Bound, Row, row
from benchmarks.world import Host, desired, segment
from vxloom.dataplane.netlink import NetlinkSocket, encode_fdb
from vxloom.lab import syscalls
from vxloom.model.rows import FDB
from vxloom.model.state import OVERLAY_GROUP, Bridge, HostState, Key, Resource, VxlanDevice, vxlan_name
from vxloom.planner import diff

STAYS = 1
"""VNI of the network that is not deleted; its VXLAN device is of another group during the peer's runs."""
PERIOD = 0.002
PEER = "ip link del group"


def run(bench: Bench) -> Iterator[Row]:
    count = bench.size(1000, 100)
    host = Host()
    stays = desired([segment(STAYS, 0)])
    full = desired([segment(vni, 0) for vni in range(STAYS, STAYS + 1 + count)])
    bridges = HostState({key: each for key, each in full.resources.items() if key[0] != VxlanDevice.kind or key in stays.resources})
    bench.say(f"making {count} networks")
    host.apply(HostState(), full)
    subprocess.run(["ip", "link", "set", vxlan_name(STAYS), "group", "0"], check=True)
    down, up = diff(bridges, full), diff(full, bridges)
    delays: list[float] = []
    peer_delays: list[float] = []

    def ours() -> None:
        with writer() as waited:
            if host.driver.apply(down).failed:
                raise RuntimeError("not deleted")
        delays.append(waited[0])

    def theirs() -> None:
        with writer() as waited:
            subprocess.run(["ip", "link", "del", "group", str(OVERLAY_GROUP)], check=True)
        peer_delays.append(waited[0])

    def again() -> None:
        if host.driver.apply(up).failed:
            raise RuntimeError("not made again")

    pairs: Pairs | None = None
    if bench.wants("delete1000", "delete1000-delay"):
        pairs = bench.pairs(bench.size(10, 2), ours, theirs, again)
        yield pairs.rates("delete1000", "VXLAN devices/s", count, PEER, Bound("ratio", ">=", 1))
    host.driver.apply(down)
    gone = diff(HostState(_only(stays, VxlanDevice.kind, Bridge.kind)), HostState(_only(bridges, VxlanDevice.kind, Bridge.kind)))
    bench.say(f"deleting {count} bridges")
    with writer() as waited:
        seconds = timed(lambda: host.driver.apply(gone))
    delays.append(waited[0])
    peer, longest = (PEER, max(peer_delays) * 1000) if peer_delays else (None, None)
    yield row("delete1000-delay", "ms, longest", max(delays) * 1000, peer=peer, peer_value=longest, bound=Bound("value", "<=", 100))
    yield row("delete1000-bridges", "bridges/s", count / seconds)


def _only(state: HostState, *kinds: str) -> dict[Key, Resource]:
    return {key: each for key, each in state.resources.items() if key[0] in kinds}


@contextmanager
def writer() -> Iterator[list[float]]:
    """Another process that writes a row every two milliseconds; on leaving the list holds its longest delay in seconds."""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        _write_on(tell)
    os.close(tell)
    if os.read(told, 1) != b"!":
        raise RuntimeError("the other writer did not start")
    waited: list[float] = []
    try:
        yield waited
    finally:
        os.kill(pid, signal.SIGTERM)
        waited.append(struct.unpack("d", os.read(told, 8))[0])
        os.waitpid(pid, 0)
        os.close(told)


def _write_on(tell: int) -> None:
    """The other process's whole life."""
    syscalls.die_with_parent(signal.SIGKILL)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    one = np.zeros(1, FDB)
    one["mac"], one["lo"] = 0x0200_0000_0001, 0xFFFF_0A00_0001
    with open(f"/sys/class/net/{vxlan_name(STAYS)}/ifindex", encoding="ascii") as file:  # noqa: PTH123 - one word of sysfs
        batch = encode_fdb(one, int(file.read()), half="self")
    worst = 0.0
    with NetlinkSocket() as sock:
        os.write(tell, b"!")
        while not signal.sigtimedwait({signal.SIGTERM}, PERIOD):
            start = time.perf_counter()
            if sock.batch(batch):
                os._exit(1)
            worst = max(worst, time.perf_counter() - start)
    os.write(tell, struct.pack("d", worst))
    os._exit(0)
