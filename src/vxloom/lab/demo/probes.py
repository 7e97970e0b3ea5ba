"""Looks at kernels and packets, from outside: iproute2, nft, ping and tcpdump, nothing of our own."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

from vxloom.dataplane.ruleset import ECHOES
from vxloom.errors import VxloomError
from vxloom.lab.lab import Lab
from vxloom.lab.node import Node, NodeProcess, Place

# Offsets into the outer IPv4 packet: 20 IP + 8 UDP + 8 VXLAN = 36, then the inner Ethernet frame (RFC 7348 section 5).
INNER_ARP = "udp port 4789 and ip[48:2]=0x0806"
INNER_SOLICITATION = "udp port 4789 and ip[48:2]=0x86dd and ip[56]=58 and ip[90]=135"
INNER_ECHO = "udp port 4789 and ((ip[48:2]=0x0800 and ip[59]=1) or (ip[48:2]=0x86dd and ip[56]=58 and ip[90]=128))"
_LOSS = re.compile(r"(\d+) packets transmitted, (\d+) received")
_ANSWER_SECONDS = 10.0
_STAMP = re.compile(r"^\[(\d+\.\d+)\].*icmp_seq=(\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class PingResult:
    """A stream of echo requests: how many were answered, and the longest silence in seconds."""

    sent: int
    received: int
    gap: float

    @property
    def lost(self) -> int:
        """Requests without an answer."""
        return self.sent - self.received


class Stream:
    """A ping that goes on until it is ended. Made when the first request has been answered: only then does silence mean anything."""

    def __init__(self, place: Place, address: str, interval: float) -> None:
        self._interval = interval
        self._process: NodeProcess = place.popen(["ping", "-n", "-D", "-i", str(interval), address], stderr=subprocess.STDOUT)
        self._lines: list[str] = []
        self._answered = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)  # a full pipe would hold the ping up
        self._reader.start()
        if not self._answered.wait(_ANSWER_SECONDS):
            self._process.kill()
            raise VxloomError(f"{address} does not answer: {''.join(self._lines)[-500:]}")

    def end(self) -> PingResult:
        """Stop and count."""
        self._process.send_signal(2)
        self._process.wait(10)
        self._reader.join(10)
        if self._process.stdout is not None:
            self._process.stdout.close()
        out = "".join(self._lines)
        counts = _LOSS.search(out)
        if counts is None:
            raise VxloomError(f"ping said nothing countable: {out[-500:]}")
        times = [float(stamp) for stamp, _ in _STAMP.findall(out)]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        sent, received = int(counts[1]), int(counts[2])
        # The request under way when ping is stopped has no answer yet; it is not lost.
        return PingResult(max(received, sent - 1), received, max(gaps, default=0.0) - self._interval)

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._lines.append(line)
            if "icmp_seq=" in line and "bytes from" in line:
                self._answered.set()


class Capture:
    """tcpdump on a node's underlay, counting several things at once."""

    def __init__(self, node: Node, filters: dict[str, str], device: str = "eth0") -> None:
        self._processes = {name: node.popen(["tcpdump", "-l", "-n", "-i", device, "-Q", "out", text]) for name, text in filters.items()}
        for process in self._processes.values():
            _await_listening(process)

    def end(self) -> dict[str, int]:
        """Stop and return how many packets each filter saw."""
        counts = {}
        for name, process in self._processes.items():
            process.send_signal(2)
            out, _ = process.communicate(timeout=10)
            counts[name] = sum(1 for line in out.splitlines() if line.strip())
        return counts


@contextmanager
def capturing(nodes: tuple[Node, ...], filters: dict[str, str]) -> Iterator[dict[str, int]]:
    """Capture on several nodes while the block runs; the dictionary is filled when it ends."""
    captures = [Capture(node, filters) for node in nodes]
    totals = dict.fromkeys(filters, 0)
    try:
        yield totals
    finally:
        for capture in captures:
            for name, count in capture.end().items():
                totals[name] += count


def neighbour_mac(place: Place, address: str) -> str:
    """Return the MAC a guest has for an address, "" if none."""
    shown = place.run(["ip", "neigh", "show", address]).stdout
    found = re.search(r"lladdr (\S+)", shown)
    return found[1] if found else ""


def overlay_state(node: Node) -> str:
    """Return all of the overlay a host's kernel holds, as comparable text: links, rows, neighbours, filters without counters."""
    links = node.run(["sh", "-c", "ip -o link show type vxlan; ip -o link show type bridge"]).stdout
    rows = node.run(["bridge", "fdb", "show"]).stdout
    neighbours = node.run(["ip", "neigh", "show", "nud", "permanent"]).stdout
    ours = [line for line in (links + rows + neighbours).splitlines() if "vxlan" in line or "brvx-" in line or "vt" in line]
    return "\n".join(sorted(ours)) + filters_text(node)


def filters_text(node: Node) -> str:
    """Return a node's ruleset as comparable text: without counters, and without what was heard lately and is forgotten by itself."""
    listed = node.run(["nft", "-s", "list", "ruleset"]).stdout
    return re.sub(rf"(set {ECHOES} {{[^}}]*?)\n\s*elements = {{[^}}]*}}", r"\1", listed)


def leftovers(lab: Lab) -> list[str]:
    """Return everything of ours that is left on any hypervisor: devices, rows, neighbours, nft tables, guests."""
    left = []
    for node in lab.hypervisors:
        links = node.run(["ip", "-o", "link", "show"]).stdout.splitlines()
        left += [f"{node.name}: {line.split(':')[1].strip()}" for line in links if "vxlan" in line or "brvx-" in line or ": vt" in line]
        left += [f"{node.name}: {line}" for line in node.run(["nft", "list", "tables"]).stdout.splitlines() if "vxloom" in line]
        left += [f"{node.name}: {line}" for line in node.run(["ip", "neigh", "show", "proto", "118"]).stdout.splitlines()]
        left += [f"{node.name}: guest {guest}" for guest in node.guests()]
    return left


def _await_listening(process: NodeProcess) -> None:
    deadline = time.monotonic() + 10
    if process.stderr is None:
        raise VxloomError("tcpdump without a pipe")
    for line in process.stderr:
        if "listening on" in line:
            return
        if time.monotonic() > deadline:
            break
    raise VxloomError("tcpdump does not start")
