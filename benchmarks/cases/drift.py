"""Drift until repaired: an agent process without a server, things of its host broken one after the other by hand.

Time runs from just before the breaking until the part of the host that it belongs to is seen to be as wanted again, all of it:
links, port flags, rows and filters. The agent knows nothing of what is done; it follows the kernel's notices.
"""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import guests
from benchmarks.case import SCRATCH
from benchmarks.measure import Bench, percentile
from benchmarks.nodes import ip
from benchmarks.rows import Bound, Row, row
from benchmarks.world import EPOCH
from vxloom.agent.held import Held, Word
from vxloom.agent.statefile import StateFile
from vxloom.compiler import compile_host
from vxloom.dataplane.host import HostDataplane
from vxloom.dataplane.netlink import NetlinkSocket, delete_link, encode_fdb, encode_neighbours, set_link
from vxloom.dataplane.nft import Nft
from vxloom.dataplane.ruleset import TABLE
from vxloom.model.host import decode_ports
from vxloom.model.state import HostState, bridge_name, vxlan_name
from vxloom.planner import diff
from vxloom.planner.plan import Scope

NETWORKS = 20
VTEP = "192.0.2.1"
PATIENCE = 10.0
PAUSE = 0.02
Break = Callable[[], object]


def run(bench: Bench) -> Iterator[Row]:
    word = _word(remote=bench.size(100, 20))
    ip("address", "add", f"{VTEP}/32", "dev", "lo")
    agent = _start_agent(word)
    try:
        yield from _measure(bench, word)
    finally:
        agent.terminate()
        agent.wait()


def _measure(bench: Bench, word: Word) -> Iterator[Row]:
    if word.document is None:
        raise RuntimeError("a host has a document")
    desired = compile_host(word.document, word.tables)
    driver = HostDataplane()
    seen = _until_as_wanted(driver, desired, Scope(), 30)
    bench.say(f"the agent made its host in {seen:.1f} s")
    by_kind: dict[str, list[float]] = {}
    turns = bench.size(40, 4)
    for turn, vni in zip(range(turns), itertools.cycle(sorted(word.tables)), strict=False):
        taps = frozenset(port.tap for port in decode_ports(word.document)[0] if port.vni == vni)
        scope = Scope(frozenset({vni}), taps)
        for kind, harm in _harms(word, vni, min(taps)):
            time.sleep(PAUSE)
            start = time.perf_counter()
            harm()
            _until_as_wanted(driver, desired, scope, PATIENCE)
            by_kind.setdefault(kind, []).append(time.perf_counter() - start)
        worst = ", ".join(f"{kind} {max(found) * 1000:.0f}" for kind, found in by_kind.items())
        bench.say(f"round {turn + 1}/{turns}, worst so far, ms: {worst}")
    seconds = list(itertools.chain.from_iterable(by_kind.values()))
    yield row("drift-p50", "ms until repaired", percentile(seconds, 50) * 1000)
    yield row("drift-p99", "ms until repaired", percentile(seconds, 99) * 1000, bound=Bound("value", "<=", 200))


def _word(remote: int) -> Word:
    """A host with one guest in each of its networks, whose other guests live elsewhere."""
    here, there = guests.host(1, VTEP), [guests.host(number, f"192.0.2.{number}") for number in range(2, 12)]
    networks = [guests.network(5000 + number) for number in range(NETWORKS)]
    nics = [guests.guest(net, here, 1) for net in networks]
    nics += [guests.guest(net, there[number % len(there)], number) for net in networks for number in range(2, remote + 2)]
    return guests.word_for(guests.cloud([here, *there], networks, nics), here)


def _start_agent(word: Word) -> subprocess.Popen[bytes]:
    """Start an ordinary agent that finds this word as its last one and has no server to talk to."""
    state, run_dir, config = Path(SCRATCH, "agent"), Path(SCRATCH, "vxloom"), Path(SCRATCH, "agent.toml")
    StateFile(state).save(Held(epoch=EPOCH, revision=1, nonce="n", said=word, session_epoch=EPOCH))
    config.write_text(f'name = "h1"\nvtep = "{VTEP}"\nstate_dir = "{state}"\nrun_dir = "{run_dir}"\n', encoding="utf-8")
    with Path(SCRATCH, "agent.log").open("wb") as log:
        command = [sys.executable, "-c", "from vxloom.cli.main import main; main()", "agent", "--config", str(config)]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _harms(word: Word, vni: int, tap: str) -> Iterator[tuple[str, Break]]:
    """What a person may do to one network: to a row, a neighbour, a filter, a port, a device."""
    sock = NetlinkSocket()
    if word.document is None:
        raise RuntimeError("a host has a document")
    rows = compile_host(word.document, word.tables).rows[vni]
    one, bridge = rows.fdb[:1], socket.if_nametoindex(bridge_name(vni))
    address = next(port.security.ips[0] for port in decode_ports(word.document)[0] if port.tap == tap)

    def vxlan() -> int:
        return socket.if_nametoindex(vxlan_name(vni))

    yield "VXLAN row", lambda: _accepted(sock.batch(encode_fdb(one, vxlan(), "delete", "self")))
    yield "bridge row", lambda: _accepted(sock.batch(encode_fdb(one, vxlan(), "delete", "master")))
    yield "neighbour", lambda: _accepted(sock.batch(encode_neighbours(rows.neighbours[:1], bridge, "delete")))
    with_nft = Nft()
    yield "filter", lambda: with_nft.run(f'delete element bridge {TABLE} ipv4 {{ "{tap}" . {address} }}')
    with_nft.close()
    yield "port", lambda: _accepted(sock.batch([set_link(name=tap, master=0)]))
    yield "device", lambda: _accepted(sock.batch([delete_link(name=vxlan_name(vni))]))
    sock.close()


def _accepted(failures: object) -> None:
    if failures:
        raise RuntimeError(f"nothing was broken: {failures}")


def _until_as_wanted(driver: HostDataplane, desired: HostState, scope: Scope, patience: float) -> float:
    """Look until a part of the host is as wanted; return the seconds it took, or raise ``TimeoutError``."""
    start = time.perf_counter()
    while diff(desired, driver.observe(scope), scope=scope).steps:
        if time.perf_counter() - start > patience:
            log = Path(SCRATCH, "agent.log").read_text(errors="replace")[-2000:]
            raise TimeoutError(f"not repaired after {patience:g} s: {diff(desired, driver.observe(scope), scope=scope).steps[:2]}\n{log}")
    return time.perf_counter() - start
