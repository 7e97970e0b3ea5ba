"""Tunnel packets of a real cloud, captured on the host itself and through the server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import captures as made
from tests.kernel.frames import udp4
from tests.scenarios.clouds import Cloud, Guest, Network, Room, cable, running, stream
from tests.waiting import wait_until
from vxloom.lab import faults
from vxloom.lab.node import Node, NodeProcess

VXLOOM = Path(sys.executable).with_name("vxloom")
FILE = "/tmp/captured.pcap"


@pytest.fixture(scope="module")
def cloud(lab_directory: object) -> Iterator[Cloud]:
    with running(3) as made:
        yield made


@pytest.fixture(scope="module")
def guests(cloud: Cloud) -> list[Guest]:
    """A network with guests on two of three hosts."""
    return cloud.guests(cloud.network(), "h1", "h2")


@pytest.fixture(scope="module")
def network(cloud: Cloud, guests: list[Guest]) -> Network:
    return cloud.only_network()


class Local:
    """`vxloom capture --host` on a node; what it told once it has ended."""

    def __init__(self, process: NodeProcess) -> None:
        self.process = process
        self.told: dict[str, Any] = {}

    def flags(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for row in self.told["summary"]:
            for flag, count in row["flags"].items():
                found[flag] = found.get(flag, 0) + count
        return found


@contextmanager
def capturing(node: Node, *words: str) -> Iterator[Local]:
    """Capturing has begun; afterwards it is ended as a person ends it."""
    process = node.popen(["vxloom", "capture", "--host", "--seconds", "60", "--output", "json", *words])
    local = Local(process)
    assert process.stdout is not None
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("capturing on"):
            break
    else:
        raise AssertionError("it did not begin")
    try:
        yield local
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
    assert process.returncode == 0, errors
    local.told = json.loads(out)


def test_guests_frames_are_decoded_outside_and_inside_and_are_nothing_remarkable(
    cloud: Cloud, guests: list[Guest], network: Network
) -> None:
    one, two = guests
    with capturing(one.node, "--write", FILE) as local:
        assert one.ping(two.ip, count=3)
    echoes = [row["packet"] for row in local.told["packets"] if row["packet"]["protocol"] == "ICMP"]
    assert len(echoes) == 6
    first = echoes[0]
    assert (first["outer"]["source"], first["outer"]["target"]) == (one.node.address, two.node.address)
    assert (first["outer"]["target_port"], first["outer"]["df"], first["vni"]) == (4789, True, network.vni)
    inner = first["inner"]
    assert (inner["source"], inner["target"], inner["source_ip"], inner["target_ip"]) == (one.mac, two.mac, one.ip, two.ip)
    assert local.flags() == {}
    assert local.told["capture"]["dropped"] == 0
    written = one.node.run(["tcpdump", "-n", "-r", FILE]).stdout
    assert written.count(f"vni {network.vni}") == local.told["capture"]["packets"]
    assert written.count("ICMP echo request") == 3


def test_what_is_wrong_on_the_wire_is_flagged(cloud: Cloud, guests: list[Guest], network: Network) -> None:
    """Put on the host's own link, towards its router, as a host with such a fault would."""
    one, two = guests
    here, there = one.node.address, two.node.address
    inside = udp4(one.mac, two.mac, one.ip, two.ip, payload=bytes(400))
    first, later = made.fragments(made.tunnel(inside, vni=network.vni, source=here, target=there), 200)
    with capturing(one.node) as local, cable(Room(one.node), "eth0") as wire:
        wire.send(first, later)
        wire.send(made.tunnel(inside, vni=network.vni, source=here, target=there, ports=(50000, 8472)))
        wire.send(made.tunnel(inside, vni=network.vni, source=cloud.lab.node("h3").address, target=here))  # h3 has no port in it
        wire.send(made.tunnel(inside, vni=4242, source=there, target=here))
        # From one source port: a bridge that hashes nothing.
        wire.send(
            *[
                made.tunnel(udp4(one.mac, two.mac, one.ip, two.ip, (port, 9)), vni=network.vni, source=there, target=here)
                for port in range(8)
            ]
        )
    assert local.flags() == {"fragment": 2, "wrong-port": 1, "unknown-vtep": 1, "unknown-vni": 1, "poor-entropy": 9}


def test_a_narrow_path_is_seen_by_what_the_router_says_and_the_packet_it_dropped(
    cloud: Cloud, guests: list[Guest], network: Network
) -> None:
    one, two = guests
    faults.cause(cloud.lab, "path-mtu", "h2", "1400")
    with capturing(one.node, "--vm", one.name) as local:
        one.place.run(["ping", "-n", "-c", "2", "-i", "0.1", "-W", "1", "-s", "1400", two.ip], check=False)
    faults.heal(cloud.lab)
    one.node.run(["ip", "route", "flush", "cache"])
    flags = local.flags()
    assert flags.keys() == {"frag-needed", "df-drop"}
    (told,) = {(row["packet"]["refusal"]["mtu"], row["packet"]["vni"]) for row in local.told["packets"] if row["packet"]["refusal"]}
    assert told == (1400, network.vni)


def on_another(cloud: Cloud, *words: str) -> subprocess.CompletedProcess[str]:
    """`vxloom capture` beside the server, as an operator types it."""
    environment = os.environ | cloud.lab.environment()
    return subprocess.run([VXLOOM, "capture", *words], env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_another_host_captures_for_the_operator(cloud: Cloud, guests: list[Guest], network: Network, tmp_path: Path) -> None:
    one, two = guests
    file = tmp_path / "far.pcap"
    other = cloud.guests(cloud.network(), "h1", "h2")
    pings = [stream(one.place, two.ip), stream(other[0].place, other[1].ip)]
    try:
        done = on_another(cloud, "h2", "--vm", two.name, "--packets", "6", "--seconds", "30", "--write", str(file))
    finally:
        for ping in pings:
            ping.end()
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if " ICMP Echo " in line]
    assert len(lines) == 6
    assert all(f"vni {network.vni} " in line and one.ip in line and two.ip in line and "!" not in line for line in lines)
    assert "6 packets in " in done.stdout
    shown = subprocess.run(["tcpdump", "-n", "-r", file], capture_output=True, text=True, check=True).stdout
    assert shown.count(f"vni {network.vni}") == 6
    cloud.destroy(*other)


def test_a_host_that_is_away_or_unknown_is_said_in_one_line(cloud: Cloud, guests: list[Guest]) -> None:
    faults.cause(cloud.lab, "kill-agent", "h3")
    wait_until(lambda: not cloud.connected("h3"), "the server knows that it is away")
    away = on_another(cloud, "h3", "--seconds", "1")
    faults.heal(cloud.lab)
    assert (away.returncode, away.stdout) == (1, "")
    assert "h3 is not connected" in away.stderr
    nobody = on_another(cloud, "h9")
    assert nobody.returncode == 1
    assert "vxloom host list" in nobody.stderr
    assert "Traceback" not in away.stderr + nobody.stderr
    wait_until(lambda: cloud.connected("h3"), "it is back")
