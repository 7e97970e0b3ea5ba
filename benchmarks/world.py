"""The hosts, segments and rows that cases work on: made-up tables in the form the server sends, and the agent's own reconciler."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vxloom.agent.held import Word
from vxloom.agent.reconcile import Reconciler, Round, Target
from vxloom.compiler import compile_host
from vxloom.dataplane.host import HostDataplane
from vxloom.model.addresses import V4_MAPPED
from vxloom.model.host import HostDocument, SegmentNeed
from vxloom.model.rows import ADDRESS, MEMBER, PORT, Rows
from vxloom.model.segment import SegmentHead, SegmentTable
from vxloom.model.state import HostState
from vxloom.planner import diff
from vxloom.planner.plan import ALL

EPOCH = "benchmark"
VTEP = "192.0.2.1"
_PEER_VTEPS = V4_MAPPED | 0x0A00_0000
_GUESTS = V4_MAPPED | 0x0A40_0000


def segment(vni: int, count: int, first: int = 0, hosts: int = 1000) -> SegmentTable:
    """Return a table with ``count`` remote ports on ``hosts`` other hosts (at most one each); MACs and IPs run on from ``first``."""
    hosts = min(count, hosts)
    members, ports, addresses = np.zeros(hosts, MEMBER), np.zeros(count, PORT), np.zeros(count, ADDRESS)
    members["host"] = np.arange(hosts) + 2
    members["lo"] = _PEER_VTEPS + 2 + np.arange(hosts)
    ports["mac"] = addresses["mac"] = 0x0200_0000_0000 + first + np.arange(count)
    ports["host"] = 2 + np.arange(count) % max(hosts, 1)
    addresses["lo"] = _GUESTS + first + np.arange(count)
    return SegmentTable(SegmentHead(vni, f"net-{vni}", f"net-{vni}", "tenant", 1450), 1, members, ports, addresses)


def document(tables: Sequence[SegmentTable], revision: int = 1) -> HostDocument:
    """Return the document of a host without guests that takes part in these segments."""
    needs = tuple(SegmentNeed(table.vni, table.revision) for table in tables)
    return HostDocument("bench", 1, "bench", "zone", EPOCH, revision, VTEP, segments=needs)


def word(tables: Sequence[SegmentTable], revision: int = 1) -> Word:
    """Return the server's word about these segments."""
    return Word(document(tables, revision), {table.vni: table for table in tables})


def desired(tables: Sequence[SegmentTable]) -> HostState:
    """Return what is to stand on the host."""
    return compile_host(document(tables), {table.vni: table for table in tables})


class Host:
    """The agent's driver and reconciler in the namespace of the case."""

    def __init__(self) -> None:
        """Open the kernel's sockets. Raises ``DataplaneError``."""
        self.driver = HostDataplane()
        self.reconciler = Reconciler(self.driver, {})

    def round(self, tables: Sequence[SegmentTable]) -> Round:
        """Run the agent's round over everything; the round must end verified."""
        result = self.reconciler.run(Target(word(tables)), ALL)
        if not result.verified or result.problems:
            raise RuntimeError(f"the host is not as wanted: {result.problems[:3]}")
        return result

    def apply(self, before: HostState, after: HostState) -> None:
        """Carry out the plan between two states, all of which must be done."""
        outcome = self.driver.apply(diff(after, before))
        if outcome.failed:
            raise RuntimeError(f"not done: {next(iter(outcome.failed.values()))}")


def state_of(tables: Sequence[SegmentTable]) -> HostState:
    """Return the links without any row, as after a first round with empty tables."""
    return desired([segment(table.vni, 0) for table in tables])


class Batch:
    """A file of commands for ``ip -batch`` or ``bridge -batch``, written before the clock starts."""

    def __init__(self, program: str, path: Path, lines: Sequence[str]) -> None:
        self._command = [program, "-batch", str(path)]
        path.write_text("\n".join(lines) + "\n", encoding="ascii")

    def __call__(self) -> None:
        """Run it; raises ``CalledProcessError`` if a line was refused."""
        subprocess.run(self._command, check=True, capture_output=True)


def remote_mac_lines(tables: Sequence[SegmentTable], op: str) -> tuple[list[str], list[str]]:
    """Return lines for ``bridge`` and for ``ip`` that make ("replace") or remove ("del") what the tables' ports are in the kernel.

    One line of ``bridge`` writes the VXLAN row and the bridge row, as one message of ours does.
    """
    fdb: list[str] = []
    neighbours: list[str] = []
    for table in tables:
        vteps = dict(zip(table.members["host"].tolist(), map(dotted, table.members["lo"].tolist()), strict=True))
        for mac, host in zip(map(colons, table.ports["mac"].tolist()), table.ports["host"].tolist(), strict=True):
            fdb.append(f"fdb {op} {mac} dev vxlan{table.vni} dst {vteps[host]} self master static sticky")
        neighbours += neighbour_lines(table.vni, table.addresses, op)
    return fdb, neighbours


def neighbour_lines(vni: int, rows: Rows, op: str) -> list[str]:
    """Return lines for ``ip`` that make or remove neighbours on a segment's bridge."""
    pairs = zip(map(dotted, rows["lo"].tolist()), map(colons, rows["mac"].tolist()), strict=True)
    return [f"neigh {op} {ip} lladdr {mac} dev brvx-{vni} nud permanent protocol 118" for ip, mac in pairs]


def flood_lines(tables: Sequence[SegmentTable]) -> list[str]:
    """Return lines for ``bridge`` that make the tables' flood entries."""
    zero = "00:00:00:00:00:00"
    return [
        f"fdb append {zero} dev vxlan{table.vni} dst {dotted(low)} self permanent"
        for table in tables
        for low in table.members["lo"].tolist()
    ]


def colons(mac: int) -> str:
    """Return ``aa:bb:cc:dd:ee:ff``."""
    return mac.to_bytes(6, "big").hex(":")


def dotted(low: int) -> str:
    """Return the dotted form of a v4-mapped address's low half."""
    return ".".join(map(str, (low & 0xFFFF_FFFF).to_bytes(4, "big")))
