from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.kernel.netns import Netns, inode, veth
from tests.waiting import wait_until

REAL = inode()  # tests are collected in the real network's namespace


def test_a_kernel_test_runs_outside_the_real_network(netns: Netns) -> None:
    assert inode() != REAL
    assert [line.split()[0] for line in netns.run("ip", "-brief", "link").splitlines()] == ["lo"]


def test_processes_started_inside_are_inside(netns: Netns) -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        try:
            assert inode(child.pid) == inode()
        finally:
            child.kill()


def test_two_namespaces_are_joined_by_a_veth_pair(netns: Netns, make_netns: Callable[[], Netns]) -> None:
    other = make_netns()
    veth(netns, "left", other, "right")
    netns.run("ip", "address", "add", "192.0.2.1/24", "dev", "left")
    other.run("ip", "address", "add", "192.0.2.2/24", "dev", "right")
    assert " 0% packet loss" in netns.run("ping", "-c1", "-W2", "192.0.2.2")


def test_a_sysctl_is_set_in_its_own_namespace_only(netns: Netns, make_netns: Callable[[], Netns]) -> None:
    other = make_netns()
    other.sysctl("net.ipv4.ip_forward", 1)
    netns.sysctl("net.ipv4.ip_forward", 0)
    assert other.run("sysctl", "-n", "net.ipv4.ip_forward").strip() == "1"
    assert netns.run("sysctl", "-n", "net.ipv4.ip_forward").strip() == "0"


def test_a_killed_process_leaves_no_namespace(netns: Netns) -> None:
    """The peer of a veth pair dies with the namespace that the other end is in: that is how the kernel tells us."""
    program = """
import sys
from tests.kernel.netns import Netns
held = Netns()
held.run("ip", "link", "add", "inside", "type", "veth", "peer", "name", "witness", "netns", sys.argv[1])
print("ready", flush=True)
sys.stdin.read()
"""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", program, netns.path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        assert "witness" in netns.run("ip", "-brief", "link")
        child.send_signal(signal.SIGKILL)
    wait_until(lambda: "witness" not in netns.run("ip", "-brief", "link"), "the killed process' namespace is gone")
