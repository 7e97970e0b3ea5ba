"""Host 1 of three as its agent left it: the server's word on disk, everything made in the kernel, and no agent that runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.contract.laws import plug_all, settle
from tests.intents import at, cloud, network, nic, tap
from tests.kernel.bench import KernelBench
from tests.kernel.netns import Netns
from vxloom.agent.held import Held, Word
from vxloom.agent.statefile import StateFile
from vxloom.compiler import compile_document, compile_host, compile_segments

TAP = tap(1, 5001)
REMOTE = "02:00:00:00:00:03"
INTENT = cloud((network(5001),), (nic(1, 5001, at(1)), nic(3, 5001, at(2)), nic(4, 5001, at(3))))
DOCUMENT = compile_document(INTENT, "host-1", INTENT.revision, {})
TABLES = compile_segments(INTENT)
WANTED = compile_host(DOCUMENT, TABLES)
HELD = Held(epoch="epoch-1", revision=7, said=Word(DOCUMENT, TABLES))


@contextmanager
def told_host(netns: Netns, folder: Path) -> Iterator[KernelBench]:
    """The host with its underlay; ``folder`` is the agent's."""
    netns.run("ip", "link", "add", "underlay", "type", "veth", "peer", "name", "fabric")
    netns.run("ip", "link", "set", "fabric", "up")
    netns.run("ip", "link", "set", "underlay", "up")
    netns.run("ip", "address", "add", "192.0.2.1/24", "dev", "underlay")
    StateFile(folder).save(HELD)
    bench = KernelBench(netns)
    plug_all(bench, WANTED)
    settle(bench, WANTED)
    yield bench
    bench.close()
