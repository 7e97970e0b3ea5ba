"""Measuring the path to another host: how fast, what it adds to the underlay at the usual rate; and drawing a sample of very many paths.

Two hosts with a cable between them; all is well, so each direction costs what most cost.
"""

from __future__ import annotations

import os
import select
import signal
import statistics
import time
from collections.abc import Iterator
from pathlib import Path as File

from benchmarks.measure import Bench, timed
from benchmarks.nodes import add_node, fork_in, ip
from benchmarks.rows import Bound, Row, row
from vxloom.dataplane.probe import FRAMES, LEGS, RATE, Probe
from vxloom.dataplane.probe_frames import SEGMENTS
from vxloom.server.diagnosis.sample import draw

PORT, NEEDED = 4789, 1550
NEAR, FAR = "192.0.2.1", "192.0.2.2"
PROBES = 2 * LEGS + FRAMES + SEGMENTS * FRAMES // 2
_UNBOUNDED = 1e9


def run(bench: Bench) -> Iterator[Row]:
    if bench.wants("probe-rate", "probe-direction", "probe-load"):
        _connect()
        with Probe(NEAR, PORT) as probe:
            _measure(probe, RATE)
            if bench.wants("probe-rate"):
                seconds = [timed(lambda: _measure(probe, _UNBOUNDED)) for _ in range(bench.size(300, 20))]
                yield row("probe-rate", "probes/s answered, one host, no bound", PROBES / statistics.median(seconds))
            bench.say("at the usual rate")
            count = bench.size(100, 5)
            before, start = _sent(), time.monotonic()
            seconds = [timed(lambda: _measure(probe, RATE)) for _ in range(count)]
            load = 8 * (_sent() - before) / (time.monotonic() - start) / 1e6
            yield row("probe-direction", f"ms, {PROBES} probes", 1000 * statistics.median(seconds))
            yield row("probe-load", f"Mbit/s that a measuring host sends, {NEEDED} bytes", load, bound=Bound("value", "<=", 13))
    if bench.wants("path-sample"):
        hosts = [f"h{number}" for number in range(bench.size(10_000, 1000))]
        total = len(hosts) * (len(hosts) - 1)
        seconds = [timed(lambda seed=seed: draw([hosts], 2 * len(hosts), seed)) for seed in range(bench.size(10, 2))]  # type: ignore[misc]  # mypy cannot see a lambda's default
        yield row("path-sample", f"ms, {2 * len(hosts):,} of {total:,} directions", 1000 * statistics.median(seconds))


def _connect() -> None:
    """Join this namespace with another one, where somebody answers."""
    add_node("far")
    ip("link", "add", "near", "type", "veth", "peer", "name", "far0", "netns", "far")
    for words, name, address in (((), "near", NEAR), (("-n", "far"), "far0", FAR)):
        ip(*words, "address", "add", f"{address}/24", "dev", name)
        ip(*words, "link", "set", name, "mtu", "9000", "up")
    ready, told = os.pipe()

    def answer() -> None:
        with Probe(FAR, PORT):
            os.write(told, b"1")
            while True:
                signal.pause()  # it answers from a thread of its own until it is killed

    fork_in("far", answer)
    if not select.select([ready], [], [], 10)[0]:
        raise RuntimeError("nobody answers probes")


def _measure(probe: Probe, rate: float) -> None:
    path = probe.measure(FAR, NEEDED, rate)
    if path.limit != NEEDED or path.lost or path.frames_lost or path.segments_lost or not path.segments_sent:
        raise RuntimeError(f"probes were lost: {path}")


def _sent() -> int:
    return int(File("/sys/class/net/near/statistics/tx_bytes").read_text())
