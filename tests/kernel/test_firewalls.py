"""Tunnels through a machine's own firewall: ufw, firewalld, iptables with both back ends, and tables that nobody known has made.

By packets: a ping through a real VXLAN device is lost before, answered after `apply`, and lost again after `undo`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.kernel.firewalls import Firewalled
from tests.kernel.netns import Netns, veth
from tests.meta.tree import ROOT

LOST, ANSWERED = False, True
RULES = """*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT DROP [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -p tcp -m multiport --dports 22,80 -j ACCEPT
-A INPUT -p icmp -m limit --limit 10/sec -j ACCEPT
-A INPUT -j REJECT --reject-with icmp-port-unreachable
-A OUTPUT -p icmp -j ACCEPT
COMMIT
# Completed
"""


class Pair:
    """The hypervisor and a peer, with a tunnel between them; ``underlay``: their addresses without the last digit, and its length."""

    def __init__(self, here: Netns, peer: Netns, underlay: str = "192.0.2.", length: int = 24) -> None:
        self.here, self.peer, mac = here, peer, "02:00:00:00:00:0"
        veth(here, "eth0", peer, "eth0")
        for mine, other, netns in ((1, 2, here), (2, 1, peer)):
            for command in (
                f"address add {underlay}{mine}/{length} dev eth0 nodad",
                f"link add vxlan7 address {mac}{mine} type vxlan id 7 dstport 4789 local {underlay}{mine} remote {underlay}{other}",
                f"address add 198.51.100.{mine}/24 dev vxlan7",
                "link set vxlan7 up",
                f"neigh replace 198.51.100.{other} lladdr {mac}{other} dev vxlan7",
            ):
                netns.run("ip", *command.split())

    def ping(self) -> bool:
        """Is a ping through the tunnel answered? The first one waits until the underlay's neighbours are known."""
        return "1 received" in self.peer.run("ping", "-n", "-c", "1", "-W", "0.7", "198.51.100.1", check=False)


@pytest.fixture
def pair(netns: Netns, make_netns: Callable[[], Netns]) -> Pair:
    pair = Pair(netns, make_netns())
    assert pair.ping() is ANSWERED
    return pair


@contextmanager
def guarded(pair: Pair, tool: str, backend: str = "nft") -> Iterator[Firewalled]:
    with Firewalled(pair.here, tool, backend) as host:
        host.write("/etc/vxloom/host.toml", '[labels]\nGuest = "eth0"\n')
        yield host


def lets_pass_and_forgets(pair: Pair, host: Firewalled, *folders: str, again: str) -> None:
    """The whole story; ``again``: how the tool loads its own files, as at a boot."""
    only = ("--only", "firewall")
    before = host.files(*folders)
    assert pair.ping() is LOST
    done = host.vxloom("apply", "--yes", *only)
    assert done.returncode == 0, done.stdout + done.stderr
    assert pair.ping() is ANSWERED
    after = host.files(*folders)
    assert host.vxloom("apply", *only).stdout == "nothing to do\n"
    host.run("sh", "-c", again)
    assert pair.ping() is ANSWERED, "it lasts"
    assert host.files(*folders) == after
    done = host.vxloom("undo")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "all is as it was"), done.stderr
    assert pair.ping() is LOST
    assert host.files(*folders) == before
    host.vxloom("apply", "--yes", *only)
    assert host.files(*folders) == after
    assert pair.ping() is ANSWERED


def test_ufw(pair: Pair) -> None:
    with guarded(pair, "ufw") as host:
        host.run("ufw", "default", "deny", "outgoing")
        lets_pass_and_forgets(pair, host, "/etc/ufw", "/etc/default", again="ufw reload")


def test_firewalld(pair: Pair) -> None:
    with guarded(pair, "firewalld") as host:
        lets_pass_and_forgets(pair, host, "/etc/firewalld", again="firewall-cmd --reload")


@pytest.mark.parametrize("backend", ["nft", "legacy"])
def test_iptables(pair: Pair, backend: str) -> None:
    with guarded(pair, "iptables", backend) as host:
        host.write("/etc/iptables/rules.v4", RULES)
        host.run("iptables-restore", "/etc/iptables/rules.v4")
        lets_pass_and_forgets(pair, host, "/etc/iptables", again="iptables-restore /etc/iptables/rules.v4")


def test_iptables_over_ipv6(netns: Netns, make_netns: Callable[[], Netns]) -> None:
    """Only the family that the underlay has is permitted; the other one stays as it is."""
    pair = Pair(netns, make_netns(), "2001:db8::", 64)
    rules = RULES.replace("icmp-port", "icmp6-port").replace("-p icmp", "-p ipv6-icmp").replace("-m limit --limit 10/sec ", "")
    with guarded(pair, "iptables") as host:
        for program, file, text in (("iptables", "rules.v4", RULES), ("ip6tables", "rules.v6", rules)):
            host.write(f"/etc/iptables/{file}", text)
            host.run(f"{program}-restore", f"/etc/iptables/{file}")
        lets_pass_and_forgets(pair, host, "/etc/iptables", again="ip6tables-restore /etc/iptables/rules.v6")
        assert "4789" not in host.run("iptables-save")


def test_a_permit_that_was_there_is_not_ours(pair: Pair) -> None:
    with guarded(pair, "iptables") as host:
        host.write("/etc/iptables/rules.v4", RULES)
        host.run("iptables-restore", "/etc/iptables/rules.v4")
        for chain in ("INPUT", "OUTPUT"):
            host.run("iptables", "-I", chain, "-p", "udp", "--dport", "4789", "-j", "ACCEPT")
        assert pair.ping() is ANSWERED
        assert host.vxloom("apply", "--only", "firewall").stdout == "nothing to do\n"
        assert host.vxloom("undo").returncode == 0
        assert pair.ping() is ANSWERED


KILLS = """#!/bin/sh
case "$*" in *' -I '*) kill -9 $PPID ;; *) exec xtables-nft-multi iptables "$@" ;; esac
"""


def test_a_run_killed_between_the_file_and_the_kernel_is_completed_by_the_next(pair: Pair) -> None:
    with guarded(pair, "iptables") as host:
        host.write("/etc/iptables/rules.v4", RULES)
        host.run("iptables-restore", "/etc/iptables/rules.v4")
        before = host.files("/etc/iptables")
        host.run("mv", "/usr/sbin/iptables-nft", "/usr/sbin/kept")
        host.write("/usr/sbin/iptables-nft", KILLS)
        host.run("chmod", "755", "/usr/sbin/iptables-nft")
        assert host.vxloom("apply", "--yes", "--only", "firewall").returncode == -9
        assert host.files("/etc/iptables") != before
        assert pair.ping() is LOST
        host.run("mv", "/usr/sbin/kept", "/usr/sbin/iptables-nft")
        assert host.vxloom("apply", "--yes", "--only", "firewall").returncode == 0
        assert pair.ping() is ANSWERED
        assert host.vxloom("apply", "--only", "firewall").stdout == "nothing to do\n"
        assert host.vxloom("undo").returncode == 0
        assert pair.ping() is LOST
        assert host.files("/etc/iptables") == before


def test_wherever_a_run_is_killed_the_next_completes_it_and_undo_takes_it_back(pair: Pair) -> None:
    """The kinds of change that iptables and ufw have; that of firewalld alone is in tests/unit/prepare/test_open_zone.py."""
    with guarded(pair, "iptables") as host:
        host.write("/etc/iptables/rules.v4", RULES.replace("OUTPUT DROP", "OUTPUT ACCEPT"))
        host.run("iptables-restore", "/etc/iptables/rules.v4")
        host.run("env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "tests.kernel.firewall_inside", "/etc/iptables")
        assert pair.ping() is LOST
        assert host.vxloom("apply", "--yes", "--only", "firewall").returncode == 0
        assert pair.ping() is ANSWERED
