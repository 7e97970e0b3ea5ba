"""What is read from rules is what the kernel does: a datagram is sent through each ruleset, and its fate was foretold."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from tests.kernel.firewalls import Firewalled
from tests.kernel.netns import Netns, veth
from vxloom.prepare import run
from vxloom.prepare.firewall import walls
from vxloom.prepare.machine import Machine
from vxloom.prepare.requirement import Verdict
from vxloom.prepare.requirements import firewall
from vxloom.prepare.step import registry
from vxloom.settings import HostSettings

SETTINGS = HostSettings(labels={"Guest": "eth0"})
STEP = registry()["firewall"]
PASSES, STOPS, MAY = "passes", "stops", "may stop"

BASE = "table inet filter {{\n{sets}\nchain input {{ type filter hook input priority 0; policy {policy}; {rules}\n }}\n{more}\n}}"


def table(rules: str, policy: str = "drop", sets: str = "", more: str = "") -> str:
    return BASE.format(rules=rules, policy=policy, sets=sets, more=more)


NFT = [
    # what it is, rules, foretold, whether the datagram arrives
    ("nothing", "", PASSES, True),
    ("policy accept", table("tcp dport 22 accept", "accept"), PASSES, True),
    ("policy drop", table("ct state established,related accept; iifname lo accept; tcp dport { 22, 80 } accept"), STOPS, False),
    ("the port", table("udp dport 4789 accept"), PASSES, True),
    ("a set with the port", table("udp dport { 53, 4789 } accept"), PASSES, True),
    ("a named set", table("udp dport @open accept", sets="set open { type inet_service; elements = { 53, 4789 } }"), PASSES, True),
    ("a range", table("udp dport 4000-5000 accept"), PASSES, True),
    ("another port", table("udp dport 8472 accept"), STOPS, False),
    ("not another port", table("udp dport != 53 accept"), PASSES, True),
    ("another protocol", table("tcp dport 4789 accept; ip6 nexthdr udp accept; ip protocol icmp accept"), STOPS, False),
    ("the protocol", table("meta l4proto { tcp, udp } accept"), PASSES, True),
    ("any transport's port", table("th dport 4789 accept"), PASSES, True),
    ("a verdict map", table("udp dport vmap { 53 : drop, 4789 : accept }"), PASSES, True),
    ("a map of states", table("ct state vmap { established : accept, invalid : drop }"), STOPS, False),
    ("a device", table('iifname "eth0" accept'), PASSES, True),
    ("a device's kind", table('iifname "eth*" accept'), PASSES, True),
    ("another device", table('iifname "eth1" accept'), STOPS, False),
    ("a jump", table("jump more", more="chain more { udp dport 53 accept; udp dport 4789 accept; }"), PASSES, True),
    ("a return", table("jump more", more="chain more { udp dport 4789 return; accept; }"), STOPS, False),
    ("a goto does not come back", table("goto more; accept", more="chain more { tcp dport 1 accept; }"), STOPS, False),
    ("a drop before the accept", table("meta l4proto udp drop; udp dport 4789 accept"), STOPS, False),
    ("a reject", table("udp dport 53 accept; reject with icmpx admin-prohibited", "accept"), STOPS, False),
    ("this machine's address", table("fib daddr type local accept"), PASSES, True),
    ("who has no way back", table("fib saddr . iif oif missing drop", "accept"), PASSES, True),
    ("new connections only", table("ct state new accept"), MAY, True),
    ("some senders", table("ip saddr 192.0.2.0/24 accept"), MAY, True),
    ("other senders", table("ip saddr 198.51.100.0/24 accept"), MAY, False),
    ("who is kept out", table("ip saddr { 198.51.100.0/24, 203.0.113.7 } drop", "accept"), PASSES, True),
    ("all but some are kept out", table("ip saddr != 192.0.2.0/24 drop", "accept"), MAY, True),
    ("a rate", table("limit rate 1000/second accept"), MAY, True),
    ("a mark", table("meta mark 7 accept"), MAY, False),
    ("IPv6 only", "table ip6 filter { chain input { type filter hook input priority 0; policy drop; }\n}", PASSES, True),
    ("before input", "table ip raw { chain p { type filter hook prerouting priority -300; udp dport 4789 drop; }\n}", STOPS, False),
    (
        "at the device",
        'table netdev t { chain i { type filter hook ingress device "eth0" priority 0; udp dport 4789 drop; }\n}',
        STOPS,
        False,
    ),
    ("another hook", "table ip filter { chain forward { type filter hook forward priority 0; policy drop; }\n}", PASSES, True),
]
FLUSH = """
for table in raw mangle filter; do iptables -w -t $table -F; iptables -w -t $table -X; done
for chain in INPUT FORWARD; do iptables -P $chain ACCEPT; done
"""
IPTABLES = [
    (("-P INPUT DROP",), STOPS, False),
    (("-P INPUT DROP", "-A INPUT -p udp --dport 4789 -j ACCEPT"), PASSES, True),
    (("-P INPUT DROP", "-A INPUT -p udp -m multiport --dports 53,4789 -j ACCEPT"), PASSES, True),
    (("-P INPUT DROP", "-A INPUT -p udp --dport 4000:5000 -j ACCEPT"), PASSES, True),
    (("-P INPUT DROP", "-A INPUT -p udp ! --dport 53 -j ACCEPT"), PASSES, True),
    (("-P INPUT DROP", "-A INPUT ! -p tcp -j ACCEPT"), PASSES, True),
    (("-P INPUT DROP", "-A INPUT -p tcp --dport 4789 -j ACCEPT", "-A INPUT -i lo -j ACCEPT"), STOPS, False),
    (("-P INPUT DROP", "-A INPUT -i eth+ -j ACCEPT"), PASSES, True),
    (("-P INPUT DROP", "-A INPUT ! -i eth1 -j ACCEPT"), PASSES, True),
    (("-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "-A INPUT -j REJECT"), STOPS, False),
    (("-P INPUT DROP", "-A INPUT -m conntrack --ctstate NEW,UNTRACKED -j ACCEPT"), PASSES, True),
    (("-P INPUT DROP", "-A INPUT -m conntrack --ctstate NEW -j ACCEPT"), MAY, True),
    (("-P INPUT DROP", "-A INPUT -s 192.0.2.0/24 -j ACCEPT"), MAY, True),
    (("-A INPUT -s 198.51.100.0/24 -j DROP", "-A INPUT -s 203.0.113.7 -j REJECT"), PASSES, True),
    (("-A INPUT ! -s 198.51.100.0/24 -j DROP",), MAY, False),
    (("-P INPUT DROP", "-A INPUT -m limit --limit 1000/sec -j ACCEPT"), MAY, True),
    (("-P INPUT DROP", "-A INPUT -m addrtype --dst-type LOCAL -j ACCEPT"), PASSES, True),
    (("-N x", "-A x -p udp --dport 4789 -j RETURN", "-A x -j ACCEPT", "-A INPUT -j x", "-A INPUT -j DROP"), STOPS, False),
    (("-N x", "-A x -p tcp -j ACCEPT", "-A INPUT -g x", "-A INPUT -j ACCEPT", "-P INPUT DROP"), STOPS, False),
    (("-t raw -A PREROUTING -p udp --dport 4789 -m comment --comment '-j ACCEPT' -j DROP",), STOPS, False),
    (("-t mangle -A INPUT -p udp -j DROP",), STOPS, False),
    (("-A INPUT -m comment --comment hello -j LOG", "-A INPUT -p udp -j MARK --set-mark 7", "-A INPUT -p icmp -j DROP"), PASSES, True),
    (("-A FORWARD -j DROP", "-P FORWARD DROP"), PASSES, True),
]


def foretold(machine: Machine) -> str:
    found = walls.look(machine, SETTINGS).walls
    stopping = [wall for wall in found if wall.stops and not wall.packet.outward]
    return STOPS if stopping else (MAY if found else PASSES)


@pytest.fixture
def sent(netns: Netns, make_netns: Callable[[], Netns]) -> Callable[[], bool]:
    """A peer; the function sends a datagram from there and tells whether it arrives here."""
    peer = make_netns()
    veth(netns, "eth0", peer, "eth0")
    netns.run("ip", "address", "add", "192.0.2.1/24", "dev", "eth0")
    peer.run("ip", "address", "add", "192.0.2.2/24", "dev", "eth0")
    netns.sysctl("net.ipv4.neigh.eth0.retrans_time_ms", 50)
    peer.sysctl("net.ipv4.neigh.eth0.retrans_time_ms", 50)

    def arrives() -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inside:
            inside.bind(("192.0.2.1", 4789))
            inside.settimeout(0.15)
            with peer.entered():
                outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            with outside:
                outside.sendto(b"x", ("192.0.2.1", 4789))
            try:
                return inside.recv(9) == b"x"
            except TimeoutError:
                return False

    return arrives


def test_nftables_rules_are_read_as_the_kernel_reads_them(netns: Netns, sent: Callable[[], bool]) -> None:
    machine, wrong = Machine(), []
    for what, rules, told, arrives in NFT:
        netns.run("nft", "-f", "-", stdin=f"flush ruleset\n{rules}\n")
        if (foretold(machine), sent()) != (told, arrives):
            wrong.append((what, foretold(machine), sent()))
    assert wrong == []


@pytest.mark.parametrize("backend", ["nft", "legacy"])
def test_iptables_rules_are_read_as_the_kernel_reads_them(netns: Netns, sent: Callable[[], bool], backend: str) -> None:
    wrong = []
    with Firewalled(netns, "iptables", backend) as host:
        for rules, told, arrives in IPTABLES:
            host.run("sh", "-ec", "\n".join([FLUSH, *(f"iptables {rule}" for rule in rules)]))
            found = foretold(Inside(host))
            if (found, sent()) != (told, arrives):
                wrong.append((rules, found))
    assert wrong == []


class Inside(Machine):
    """The machine as it is seen from within the hypervisor's namespaces."""

    def __init__(self, host: Firewalled) -> None:
        super().__init__()
        self.host = host

    def has(self, program: str) -> bool:
        return self.host.attempt("sh", "-c", f"command -v {program}").returncode == 0

    def run(self, *command: str, patience: float = 60.0, text: str | None = None):
        return super().run("nsenter", "--target", self.host.inside, "--mount", "--pid", "--net", "--", *command)


def test_a_table_that_nobody_known_has_made_is_named_and_left_alone(netns: Netns) -> None:
    netns.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
    machine = Machine()
    for rules in ("udp dport 4789 drop", "meta l4proto udp counter drop"):
        netns.run("nft", "-f", "-", stdin=f"flush ruleset\n{table(rules, 'accept')}")
        assert f"({rules})" in firewall.look(machine, SETTINGS)[0].found.replace("counter packets 0 bytes 0", "counter")
    assert "(meta l4proto udp counter drop)" in run.plan(machine, SETTINGS, [STEP])[0].problem
    netns.run("nft", "-f", "-", stdin=f"flush ruleset\n{table('tcp dport 22 accept')}")
    before = netns.run("nft", "list", "ruleset")
    [part] = run.plan(machine, SETTINGS, [STEP])
    assert "table inet filter, chain input, drops 4789/udp (policy drop)" in part.problem
    assert "nft insert rule inet filter input udp dport 4789 accept" in part.problem
    assert netns.run("nft", "list", "ruleset") == before
    [row, _tracked] = firewall.look(machine, SETTINGS)
    assert (row.verdict, row.impact) == (Verdict.FAILED, 8)
    assert "inet filter input stops 4789/udp (policy drop)" in row.found
    netns.run(*["nft", "insert", "rule", "inet", "filter", "input", "udp", "dport", "4789", "accept"])
    assert run.plan(machine, SETTINGS, [STEP])[0] == run.Part("firewall", STEP.summary())
    assert [one.verdict for one in firewall.look(machine, SETTINGS)] == [Verdict.OK, Verdict.OK]


def test_conntrack_of_tunnels_is_told(netns: Netns) -> None:
    netns.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth1")

    def tracked() -> tuple[str, str]:
        row = firewall.look(Machine(), SETTINGS)[1]
        return row.verdict.value, row.found

    assert tracked() == ("ok", "no rule here wants connections tracked")
    netns.run("nft", "-f", "-", stdin=table("ct state established,related accept", "accept"))
    assert tracked() == ("warning", "tracked")
    exempt = "table inet vxloom { chain p { type filter hook prerouting priority raw; udp dport 4789 notrack; }\n}"
    netns.run("nft", "-f", "-", stdin=exempt)
    verdict, found = tracked()
    assert verdict == "ok"
    assert found == "exempt: udp dport 4789 notrack"
