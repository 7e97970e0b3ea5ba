"""A benchmark that is killed leaves nothing: its namespaces go with its processes, and those with whoever started them."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]


def marked(mark: str) -> list[int]:
    """Processes that carry a mark in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:  # it ended meanwhile
            continue
    return found


def namespaces(pids: list[int]) -> set[str]:
    return {str(Path(f"/proc/{pid}/ns/net").readlink()) for pid in pids}


def test_nothing_is_left_when_the_benchmark_is_killed_at_work(tmp_path):
    mark = uuid.uuid4().hex
    command = [sys.executable, "-m", "benchmarks", "--only", "delete1000", "--quick", "--json", str(tmp_path / "rows.json")]
    with subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=os.environ | {"BENCH_MARK": mark}
    ) as bench:
        ours = str(Path("/proc/self/ns/net").readlink())
        wait_until(lambda: len(namespaces(marked(mark)) - {ours}) == 1, "the case is in a namespace of its own")
        bench.kill()
    wait_until(lambda: not marked(mark), "all its processes are gone")
