"""Why two machines cannot talk: the whole question as a person asks it, packets and all, and one large host's part of it.

The question: `vxloom why A B --packet` against a lab of two hypervisors, from the start of the process to its end. The part: what an agent
does when it is asked, its state read from disk, on a host of many networks whose rows and allow lists stand in the kernel.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from benchmarks.case import SCRATCH
from benchmarks.measure import Bench, percentile, timed
from benchmarks.nodes import ip
from benchmarks.rows import Bound, Row, row
from benchmarks.world import EPOCH, VTEP, Host, colons, desired, dotted, segment, word
from vxloom.agent.held import Held
from vxloom.agent.statefile import StateFile
from vxloom.doctor.evidence import Process
from vxloom.doctor.why.gather import gather
from vxloom.lab import Lab, cloud
from vxloom.model.pair import End, Pair
from vxloom.model.segment import SegmentTable
from vxloom.model.state import HostState
from vxloom.settings import AgentSettings

PORTS = 10
"""Of a network, each on another host."""
_BOUND = Bound("value", "<=", 2000)


def run(bench: Bench) -> Iterator[Row]:
    if bench.wants("why-host"):
        yield _host(bench)
    if bench.wants("why-p50", "why-p99"):
        yield from _question(bench)


def _host(bench: Bench) -> Row:
    networks = bench.size(1000, 20)
    tables = [segment(vni, PORTS, vni * PORTS) for vni in range(1, networks + 1)]
    ip("address", "add", f"{VTEP}/32", "dev", "lo")
    ip("route", "add", "10.0.0.0/8", "dev", "lo")  # to the VTEPs
    bench.say(f"making {networks:,} networks")
    Host().apply(HostState(), desired(tables))
    settings = AgentSettings(state_dir=Path(SCRATCH, "agent"), run_dir=Path(SCRATCH, "vxloom"), name="bench", vtep=VTEP)
    StateFile(settings.state_dir).save(Held(epoch=EPOCH, revision=1, nonce="n", said=word(tables), session_epoch=EPOCH))
    pair = _pair(tables[networks // 2])

    def look() -> None:
        sight = gather(settings, pair, agent=Process.RUNS)
        if pair.ends[1].mac not in sight.seen.fdb:
            raise RuntimeError(f"the row of {pair.ends[1].mac} is not seen")

    seconds = [timed(look) for _ in range(bench.size(30, 3))]
    return row("why-host", f"ms, one host's part, {networks:,} networks, {networks * PORTS:,} ports", percentile(seconds, 50) * 1000)


def _pair(table: SegmentTable) -> Pair:
    """One that would live here, and one that a row leads to."""
    far = table.ports[0]
    vtep = dotted(int(table.members["lo"][table.members["host"] == far["host"]][0]))
    ends = (
        End(vm="here", nic="00000000-0000-4000-8000-000000000000", mac="02:ff:00:00:00:01", host="bench", vtep=VTEP),
        End(vm="there", nic="", mac=colons(int(far["mac"])), host="peer", vtep=vtep),
    )
    return Pair(vni=table.vni, ends=ends, here=(0,))


def _question(bench: Bench) -> Iterator[Row]:
    with Lab(2, progress=lambda text, _: bench.say(text)) as lab:
        bench.say("starting the server")
        lab.start_server()
        api = cloud.client(lab)
        zone = cloud.make_zone(api)
        cloud.join_hosts(lab, api, zone)
        network = str(cloud.make_network(api, "bench", zone, gateway="10.1.1.1", netmask="255.255.255.0")["id"])
        hosts = cloud.objects(api, "listHosts", "host", type="Routing")
        for number, host in enumerate(hosts):
            cloud.deploy(api, f"vm{number}", zone, network, cast("str", host["id"]), f"10.1.1.{10 + number}")
        environment = os.environ | lab.environment()
        seconds: list[float] = []
        turns = bench.size(40, 3)
        for turn in range(turns):
            seconds.append(_asked(environment))
            bench.say(f"{turn + 1}/{turns}: {seconds[-1] * 1000:.0f} ms")
    for percent, bound in ((50, None), (99, _BOUND)):
        yield row(f"why-p{percent}", "ms, `vxloom why A B --packet`", percentile(seconds, percent) * 1000, bound=bound)


def _asked(environment: dict[str, str]) -> float:
    """Return the seconds of one question; raises ``RuntimeError`` unless the answer is that the two can talk."""
    command = [sys.executable, "-c", "from vxloom.cli.main import main; main()", "why", "vm0", "vm1", "--packet"]
    start = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode or not done.stdout.endswith("vm0 can reach vm1: packets came out at both taps\n"):
        raise RuntimeError(done.stdout[-500:] + done.stderr)
    return seconds
