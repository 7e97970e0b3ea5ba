"""Guest to guest over the overlay, filters on, against the same path made by hand with ``ip`` and ``bridge``, without filters.

Two pairs of hosts of the same shape, each pair joined by a veth: h1 and h2 are what the agent's reconciler makes, p1 and p2 what a
person would. On every host one guest; the guests' cards, MTUs and the rows that lead to the other host are the same.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import guests
from benchmarks.blast import PORT, blast, received
from benchmarks.case import SCRATCH
from benchmarks.measure import Bench, percentile
from benchmarks.nodes import add_node, fork_in, ip, run_in
from benchmarks.rows import Bound, Row, row
from vxloom.agent.held import Word
from vxloom.agent.reconcile import Reconciler, Target
from vxloom.dataplane.host import HostDataplane
from vxloom.dataplane.ruleset import ENTERED
from vxloom.hypervisor.namespace import NamespaceSource
from vxloom.model.intent import GuestSource
from vxloom.planner.plan import ALL

VNI = 5000
VTEPS = ("192.0.2.1", "192.0.2.2")
BY_HAND = "by hand, no filters"
LISTEN = 5201
SLICE = 0.25
"""Seconds of one run of packets: short and many, so that neighbours on the machine disturb both sides alike."""


@dataclass(frozen=True)
class Path2:
    """The two guests' namespaces and the address of the second."""

    left: str
    right: str
    address: str


def run(bench: Bench) -> Iterator[Row]:
    ours, theirs = build_ours(), build_by_hand()
    for path in (ours, theirs):  # neighbours resolved, first packets through
        _in(path.left, "ping", "-q", "-c", "3", "-i", "0.01", path.address)
    pairs = bench.size(12, 2)
    if bench.wants("guest-throughput"):
        with listening(ours, theirs):
            mine, peers = _interleaved(bench, "Gbit/s", bench.size(48, 2), (ours, theirs), lambda path: throughput(path, 1))
        yield _rates("guest-throughput", "Gbit/s", mine, peers, Bound("ratio", ">=", 0.95))
    if bench.wants("guest-packets"):
        filtered = _filtered("h1")
        mine, peers = _interleaved(bench, "packets/s", bench.size(50, 3), (ours, theirs), lambda path: packets(path, SLICE))
        if _filtered("h1") - filtered < sum(mine) * SLICE / 2 or _filtered("p1"):
            raise RuntimeError("the filters did not see our packets, or saw the peer's")
        yield _rates("guest-packets", "64-byte packets/s", mine, peers, Bound("ratio", ">=", 0.80))
    if bench.wants("guest-rtt-p50", "guest-rtt-p99"):
        times: tuple[list[float], list[float]] = ([], [])
        for pair in range(pairs):
            order = (0, 1) if pair % 2 == 0 else (1, 0)
            for side in order:
                times[side].extend(round_trips((ours, theirs)[side], bench.size(400, 50)))
            bench.say(f"round trips, pair {pair + 1}/{pairs}")
        for percent in (50, 99):
            here, there = (percentile(side, percent) for side in times)
            yield row(f"guest-rtt-p{percent}", "µs round trip", here, peer=BY_HAND, peer_value=there)


def _rates(name: str, unit: str, ours: Sequence[float], theirs: Sequence[float], bound: Bound) -> Row:
    ratio = statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))
    return row(name, unit, statistics.median(ours), peer=BY_HAND, peer_value=statistics.median(theirs), ratio=ratio, bound=bound)


def _interleaved(
    bench: Bench, unit: str, pairs: int, paths: tuple[Path2, Path2], measure: Callable[[Path2], float]
) -> tuple[list[float], list[float]]:
    """Measure both paths pair by pair, each first in every second pair. One run of each goes before and does not count."""
    found: tuple[list[float], list[float]] = ([], [])
    for path in paths:
        measure(path)
    for pair in range(pairs):
        for side in (0, 1) if pair % 2 == 0 else (1, 0):
            found[side].append(measure(paths[side]))
        bench.say(f"pair {pair + 1}/{pairs}: {found[0][-1]:,.2f} {unit}, by hand {found[1][-1]:,.2f}")
    return found


# ------------------------------------------------------------------------------------------------------------- measuring


@contextmanager
def listening(*paths: Path2) -> Iterator[None]:
    """An iperf3 server in every right guest."""
    servers = [
        subprocess.Popen(
            ["ip", "netns", "exec", path.right, "iperf3", "-s", "-p", str(LISTEN)], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )
        for path in paths
    ]
    try:
        for path in paths:
            _await(lambda path=path: f":{LISTEN} " in _in(path.right, "ss", "-Hltn"))  # type: ignore[misc]  # a default of a lambda
        yield
    finally:
        for server in servers:
            server.kill()
            server.wait()


def throughput(path: Path2, seconds: int) -> float:
    """Return Gbit/s of one TCP stream, as its receiver saw it."""
    told = json.loads(_in(path.left, "iperf3", "-c", path.address, "-p", str(LISTEN), "-t", str(seconds), "-J"))
    return float(told["end"]["sum_received"]["bits_per_second"]) / 1e9


def packets(path: Path2, seconds: float) -> float:
    """Return frames of 64 bytes per second that reached the right guest's card."""
    reader, writer = os.pipe()
    before = _count(path.right)

    def send() -> None:
        os.write(writer, repr(blast(path.address, seconds)).encode())

    run_in(path.left, send)
    took = float(os.read(reader, 100))
    os.close(reader)
    os.close(writer)
    return (_count(path.right) - before) / took


def _filtered(node: str) -> int:
    """Return how many unicast frames a host's filters have admitted."""
    told = json.loads(_in(node, "nft", "-j", "list", "ruleset"))["nftables"]
    rules = [each["rule"]["expr"] for each in told if each.get("rule", {}).get("chain") in ENTERED]
    return sum(part["counter"]["packets"] for rule in rules for part in rule if "counter" in part)


def _count(guest: str) -> int:
    reader, writer = os.pipe()
    run_in(guest, lambda: _write(writer, received("eth0")))
    text = os.read(reader, 100)
    os.close(reader)
    os.close(writer)
    return int(text)


def _write(fd: int, number: int) -> None:
    os.write(fd, str(number).encode())


def round_trips(path: Path2, count: int) -> list[float]:
    """Return round-trip times in microseconds: echo requests answered by the other guest's kernel, 2 ms apart."""
    told = _in(path.left, "ping", "-n", "-c", str(count), "-i", "0.002", path.address)
    return [float(found) * 1000 for found in re.findall(r"time=([0-9.]+) ms", told)]


def _in(guest: str, *command: str) -> str:
    done = subprocess.run(["ip", "netns", "exec", guest, *command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} in {guest}: {done.stderr or done.stdout}")
    return done.stdout


def _await(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("iperf3 does not listen")
        time.sleep(0.02)


# -------------------------------------------------------------------------------------------------------------- building


def underlay(left: str, right: str) -> None:
    """Make two hosts, joined."""
    for name in (left, right):
        add_node(name)
    ip("link", "add", "up0", "netns", left, "type", "veth", "peer", "name", "up0", "netns", right)
    for name, vtep in zip((left, right), VTEPS, strict=True):
        ip("-n", name, "address", "add", f"{vtep}/24", "dev", "up0")
        ip("-n", name, "link", "set", "up0", "up")


def build_ours(first: int = 1) -> Path2:
    """Have the agent's reconciler make both hosts, numbered from ``first``; each pair of them is a world of its own."""
    underlay(f"h{first}", f"h{first + 1}")
    hosts = [guests.host(number, vtep) for number, vtep in enumerate(VTEPS, first)]
    net = guests.network(VNI)
    nics = [guests.guest(net, place, place.number) for place in hosts]
    intent = guests.cloud(hosts, [net], nics)
    names = []
    for place in hosts:
        word = guests.word_for(intent, place)
        run_in(place.name, lambda word=word, place=place: _reconcile(word, place.name))  # type: ignore[misc]  # defaults of a lambda
        names += guests.guest_names(word)
    for name in names:
        hold_discard(name)
    return Path2(names[0], names[1], nics[1].ips[0])


def _reconcile(word: Word, name: str) -> None:
    sources = {GuestSource.NAMESPACE: NamespaceSource(Path(SCRATCH, name, "guests"))}
    result = Reconciler(HostDataplane(), sources).run(Target(word), ALL)
    if not result.verified or result.problems:
        raise RuntimeError(f"{name} is not as wanted: {result.problems}")


def build_by_hand() -> Path2:
    """Make the same two hosts with ``ip`` and ``bridge``: no filter, no marks, no locked ports."""
    underlay("p1", "p2")
    net = guests.network(VNI)
    hosts = [guests.host(number, vtep) for number, vtep in enumerate(VTEPS, 1)]
    nics = [guests.guest(net, place, place.number) for place in hosts]
    for this, other in ((0, 1), (1, 0)):
        node, own, away = f"p{this + 1}", nics[this], nics[other]
        ip("-n", node, "link", "add", "br0", "mtu", str(net.mtu), "type", "bridge", "mcast_snooping", "0")
        outer = ["local", VTEPS[this], "dstport", "4789", "nolearning", "df", "set"]
        ip("-n", node, "link", "add", "vx0", "mtu", str(net.mtu), "type", "vxlan", "id", str(VNI), *outer)
        ip("-n", node, "link", "set", "vx0", "master", "br0", "up")
        ip("-n", node, "link", "set", "br0", "up")
        add_node(f"guest-{node}")
        card = ["name", "eth0", "address", own.mac, "mtu", str(net.mtu), "netns", f"guest-{node}"]
        ip("-n", node, "link", "add", "tap0", "mtu", str(net.mtu), "type", "veth", "peer", *card)
        ip("-n", node, "link", "set", "tap0", "master", "br0", "up")
        ip("-n", f"guest-{node}", "address", "add", f"{own.ips[0]}/16", "dev", "eth0")
        ip("-n", f"guest-{node}", "link", "set", "eth0", "up")
        subprocess.run(
            ["bridge", "-n", node, "fdb", "replace", away.mac, *f"dev vx0 dst {VTEPS[other]} self master static".split()], check=True
        )
        subprocess.run(["bridge", "-n", node, "fdb", "append", "00:00:00:00:00:00", *f"dev vx0 dst {VTEPS[other]}".split()], check=True)
        hold_discard(f"guest-{node}")
    return Path2("guest-p1", "guest-p2", nics[1].ips[0])


def hold_discard(guest: str) -> None:
    """Keep the port that is blasted at open and unread: otherwise every packet would be answered by ICMP."""
    fork_in(guest, _discard)


def _discard() -> None:
    import signal
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("", PORT))
        signal.pause()
