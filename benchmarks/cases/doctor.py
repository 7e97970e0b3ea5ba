"""The doctor over three hosts with 1,000 networks and 10,000 machines: every host compares its kernel with the server's word, and judges.

Each host has a third of the machines itself, on taps, with their filters; the rest are rows. The peer only has the same asked
of the kernel by a person's tools, and reads none of it. No agent runs, which the doctor says; it may say nothing else.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks import guests
from benchmarks.case import SCRATCH
from benchmarks.measure import Bench
from benchmarks.nodes import add_node, await_end, fork_in, ip, run_in
from benchmarks.rows import Bound, Row
from vxloom.agent.held import Held, Word
from vxloom.agent.reconcile import Reconciler, Target
from vxloom.agent.statefile import StateFile
from vxloom.dataplane.host import HostDataplane
from vxloom.doctor.examination import examine
from vxloom.hypervisor.external import ExternalSource
from vxloom.model.host import decode_ports
from vxloom.model.intent import GuestSource, Host
from vxloom.planner.plan import ALL
from vxloom.server.diagnosis.asking import PATIENCE
from vxloom.settings import AgentSettings

HOSTS = 3
_MACHINES = 10
"""In each network."""
_BY_HAND = ("ip -d -j link show", "bridge -j fdb show", "ip -j neigh show", "ip -6 -j neigh show", "nft -j list ruleset")


def run(bench: Bench) -> Iterator[Row]:
    networks = bench.size(1000, 40)
    hosts = [guests.host(number, f"192.0.2.{number}") for number in range(1, HOSTS + 1)]
    _underlay(hosts)
    nets = [guests.network(vni) for vni in range(1, networks + 1)]
    nics = [guests.guest(net, hosts[n % HOSTS], n + 1, GuestSource.EXTERNAL) for net in nets for n in range(_MACHINES)]
    intent = guests.cloud(hosts, nets, nics)
    for host in hosts:
        work = _make(host, guests.word_for(intent, host))
        bench.say(f"making {host.name}: {networks:,} networks, {len(nics):,} machines")
        run_in(host.name, work)
    machines = f"{len(nics):,} machines, {networks:,} networks"
    if bench.wants("doctor-host"):
        pairs = bench.pairs(bench.size(10, 2), lambda: run_in("h1", _examine(hosts[0])), lambda: run_in("h1", _by_hand))
        bound = Bound("value", "<=", 1000 * PATIENCE)
        yield pairs.times("doctor-host", f"ms, one host; {machines}", 1000, "those dumps by ip, bridge, nft, unread", bound)
    if bench.wants("doctor"):
        pairs = bench.pairs(bench.size(10, 2), lambda: _all(hosts, _examine), lambda: _all(hosts, lambda _: _by_hand))
        yield pairs.times("doctor", f"ms, {HOSTS} hosts at once; {machines}", 1000, "those dumps by ip, bridge, nft, unread", None)


def _underlay(hosts: Sequence[Host]) -> None:
    ip("link", "add", "fabric", "type", "bridge")
    ip("link", "set", "fabric", "up")
    for host in hosts:
        add_node(host.name)
        ip("link", "add", f"to-{host.name}", "master", "fabric", "type", "veth", "peer", "name", "eth0", "netns", host.name)
        ip("link", "set", f"to-{host.name}", "up")
        ip("-n", host.name, "link", "set", "eth0", "up")
        ip("-n", host.name, "address", "add", f"{host.vtep}/24", "dev", "eth0")


def _settings(host: Host) -> AgentSettings:
    return AgentSettings(name=host.name, vtep=host.vtep, state_dir=Path(SCRATCH, host.name), run_dir=Path(SCRATCH, f"{host.name}.run"))


def _make(host: Host, word: Word) -> Callable[[], None]:
    """Return what makes all that the server says of a host, and leaves its word as an agent does."""

    def work() -> None:
        assert word.document is not None
        taps = [port.tap for port in decode_ports(word.document)[0]]
        lines = "".join(f"tuntap add dev {tap} mode tap\n" for tap in taps)
        subprocess.run(["ip", "-batch", "-"], input=lines, text=True, check=True)
        dataplane = HostDataplane()
        result = Reconciler(dataplane, {GuestSource.EXTERNAL: ExternalSource()}).run(Target(word), ALL)
        if not result.verified or result.problems or result.refused:
            raise RuntimeError(f"{host.name} is not as wanted: {(*result.problems, *result.refused)[:3]}")
        dataplane.close()
        StateFile(_settings(host).state_dir).save(Held(epoch=word.document.epoch, revision=1, said=word))

    return work


def _examine(host: Host) -> Callable[[], None]:
    def work() -> None:
        report = examine(_settings(host))
        found = [(finding.code, finding.where, finding.seen) for finding in report.findings]
        if [code for code, _, _ in found] != ["agent-stopped"] or report.unknown:
            raise RuntimeError(f"{host.name}: {found[:5]} {report.unknown}")

    return work


def _by_hand() -> None:
    for command in _BY_HAND:
        subprocess.run(command.split(), check=True, stdout=subprocess.DEVNULL)


def _all(hosts: Sequence[Host], work: Callable[[Host], Callable[[], None]]) -> None:
    """Do it on all hosts at once, as the server asks them."""
    for pid in [fork_in(host.name, work(host)) for host in hosts]:
        await_end(pid)
