"""The guard of tests/conftest.py sees what it is there for. Its patience is zero here where nothing is on its way out."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable

import pytest

from tests.guard import Guard
from tests.kernel.netns import Netns, veth


@pytest.fixture(autouse=True)
def keep_the_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    """A guard of ours must not take this run's mark away."""
    monkeypatch.setenv("VXLOOM_TEST_RUN", os.environ["VXLOOM_TEST_RUN"])


def test_nothing_done_is_nothing_left() -> None:
    assert Guard.start().finish(patience=0) == []


def test_a_link_an_address_and_a_rule_are_seen(netns: Netns) -> None:
    guard = Guard.start()
    netns.run("ip", "link", "add", "stray", "type", "bridge")
    netns.run("ip", "address", "add", "192.0.2.1/32", "dev", "lo")
    netns.run("nft", "add", "table", "inet", "stray")
    left = "\n".join(guard.finish(patience=0))
    assert "new link or address: stray" in left
    assert "192.0.2.1" in left
    assert "new nft rule: table inet stray" in left


def test_a_process_is_seen_even_when_it_is_no_child_of_ours() -> None:
    guard = Guard.start()
    script = "setsid sleep 60 >/dev/null 2>&1 & echo $!"
    pid = int(subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout)
    try:
        left = guard.finish(patience=0)
    finally:
        os.kill(pid, signal.SIGKILL)
    assert any(line.startswith(f"process {pid}:") for line in left), left


def test_a_fork_that_never_called_exec_is_seen() -> None:
    guard = Guard.start()
    pid = os.fork()
    if pid == 0:
        signal.pause()
    try:
        left = guard.finish(patience=0)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert any(line.startswith(f"process {pid}:") for line in left), left


def test_what_goes_away_in_time_is_not_held_against_anybody(netns: Netns, make_netns: Callable[[], Netns]) -> None:
    guard = Guard.start()
    there = make_netns()
    veth(netns, "near", there, "far")
    there.close()  # the kernel takes both ends down in its own time
    assert guard.finish(patience=5) == []
