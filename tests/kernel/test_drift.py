"""Whatever a person changes on a host by hand is hinted at, seen and put right, and nothing else is written."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator

import pytest

from tests.contract.laws import FULL, agrees, plug_all, settle, taps_of
from tests.intents import tap
from tests.kernel.bench import KernelBench
from tests.kernel.netns import Netns
from vxloom.dataplane.driver import Events
from vxloom.model.state import HostState
from vxloom.planner import diff, widen
from vxloom.planner.plan import Scope

TAP = tap(1, 5001)
MAC = "02:00:00:00:00:01"
REMOTE = "02:00:00:00:00:03"
ON_LINKS = {
    "bridge: snooping on": "ip link set brvx-5001 type bridge mcast_snooping 1",
    "bridge: spanning tree on": "ip link set brvx-5001 type bridge stp_state 1",
    "bridge: forwards link-local groups": "ip link set brvx-5001 type bridge group_fwd_mask 8",
    "bridge: MTU": "ip link set brvx-5001 mtu 1300",
    "bridge: an address generated": "ip link set brvx-5001 addrgenmode eui64",
    "bridge: neighbours flushed": "ip neigh flush dev brvx-5001 nud all",
    "bridge: a neighbour with another MAC": "ip neigh replace 10.1.1.3 lladdr 02:00:00:00:00:66 dev brvx-5001 nud permanent protocol 118",
    "VXLAN: MTU": "ip link set vxlan5001 mtu 1300",
    "VXLAN: local address": "ip link set vxlan5001 type vxlan local 192.0.2.9",
    "VXLAN: default remote": "ip link set vxlan5001 type vxlan remote 192.0.2.9",
    "VXLAN: learning": "ip link set vxlan5001 type vxlan learning",
    "VXLAN: link group": "ip link set vxlan5001 group 5",
    "VXLAN port: learns": "bridge link set dev vxlan5001 learning on",
    "VXLAN port: floods": "bridge link set dev vxlan5001 flood on",
    "VXLAN port: no multicast": "bridge link set dev vxlan5001 mcast_flood off",
    "VXLAN port: no broadcast": "bridge link set dev vxlan5001 bcast_flood off",
    "VXLAN port: no suppression": "bridge link set dev vxlan5001 neigh_suppress off",
    "VXLAN port: locked": "bridge link set dev vxlan5001 locked on",
    "VXLAN port: isolated": "bridge link set dev vxlan5001 isolated on",
    "rows: another VTEP": f"bridge fdb replace {REMOTE} dev vxlan5001 dst 192.0.2.9 self static",
    "rows: a strange VTEP is flooded": "bridge fdb append 00:00:00:00:00:00 dev vxlan5001 dst 192.0.2.9",
    "rows: a strange MAC": "bridge fdb add 02:00:00:00:00:77 dev vxlan5001 dst 192.0.2.9 self static",
    "rows: a strange MAC in the bridge": "bridge fdb add 02:00:00:00:00:77 dev vxlan5001 master static",
    "rows: a MAC no longer sticky": f"bridge fdb replace {REMOTE} dev vxlan5001 master static",
    "tap: MTU": f"ip link set {TAP} mtu 1300",
    "tap: link group": f"ip link set {TAP} group 5",
    "tap: unlocked": f"bridge link set dev {TAP} locked off",
    "tap: floods": f"bridge link set dev {TAP} flood on",
    "tap: isolated": f"bridge link set dev {TAP} isolated on",
    "tap: deaf": f"bridge link set dev {TAP} bcast_flood off",
    "tap: its MAC freed": f"bridge fdb del {MAC} dev {TAP} master",
    "tap: its MAC no longer sticky": f"bridge fdb replace {MAC} dev {TAP} master static",
    "tap: another MAC let in": f"bridge fdb add 02:00:00:00:00:66 dev {TAP} master static",
}
ON_FILTERS = {
    "table deleted": "nft delete table bridge vxloom",
    "table flushed": "nft flush table bridge vxloom",
    "a rule added": "nft insert rule bridge vxloom checked accept",
    "a chain added": "nft add chain bridge vxloom extra",
    "a MAC let in": f"nft add element bridge vxloom ports {{ {TAP} . 02:00:00:00:00:66 : goto checked }}",
    "a sender let in": f"nft add element bridge vxloom senders {{ {TAP} . 0x{MAC.replace(':', '')}0800 . 0x0a090909 }}",
    "an address let in": f"nft add element bridge vxloom ipv4 {{ {TAP} . 10.9.9.9 }}",
    "an IPv6 address let in": f"nft add element bridge vxloom ipv6 {{ {TAP} . 0xfd000001000000000000000000000066 }}",
    "a link-local address let in": f"nft add element bridge vxloom local6 {{ {TAP} . 0xfe800000000000000000000000000066 }}",
    "an ARP and ND MAC let in": f"nft add element bridge vxloom macs {{ {TAP} . 0x66 }}",
    "its MACs taken": "nft flush set bridge vxloom macs",
    "its senders taken": "nft flush set bridge vxloom senders",
    "its ports taken": "nft flush map bridge vxloom ports",
    "its tap taken": f"nft delete element bridge vxloom taps {{ {TAP} }}",
    "a port that is not ours bound": "nft add element bridge vxloom taps { stranger }",
    "allow table deleted": "nft delete table inet vxloom",
    "allow table flushed": "nft flush table inet vxloom",
    "allow table: a rule added": "nft insert rule inet vxloom arriving accept",
    "allow table: another policy": "nft add chain inet vxloom extra { type filter hook input priority 0; }",
    "a VTEP let in": "nft add element inet vxloom vteps4 { 0x138900 . 0xc0000242 }",
    "an IPv6 VTEP let in": "nft add element inet vxloom vteps6 { 0x138900 . 2001:db8::66 }",
    "a VTEP shut out": "nft delete element inet vxloom vteps4 { 0x138900 . 0xc0000202 }",
    "all VTEPs shut out": "nft flush set inet vxloom vteps4",
    "a VNI left to anybody": "nft delete element inet vxloom vnis { 5001 }",
    "a VNI of others restricted": "nft add element inet vxloom vnis { 4711 }",
    "its bridge forgotten": "nft flush set inet vxloom bridges",
    "all that a card brings let through": "nft add element inet vxloom bridges { eth0 }",
}
SILENT = {
    "bridge: hears routers": "sysctl -q net.ipv6.conf.brvx-5001.accept_ra=1",
    "bridge: takes addresses": "sysctl -q net.ipv6.conf.brvx-5001.autoconf=1",
    "bridge: no IPv6": "sysctl -q net.ipv6.conf.brvx-5001.disable_ipv6=1",
    "VXLAN: IPv6": "sysctl -q net.ipv6.conf.vxlan5001.disable_ipv6=0",
}
"""The kernel sends no notice of these; the agent's timer finds them."""


@pytest.fixture
def bench(netns: Netns) -> Iterator[KernelBench]:
    bench = KernelBench(netns)
    plug_all(bench, FULL)
    settle(bench, FULL)
    yield bench
    bench.close()


@pytest.mark.parametrize("command", [*ON_LINKS.values(), *ON_FILTERS.values()], ids=[*ON_LINKS, *ON_FILTERS])
def test_drift_is_hinted_at_and_a_look_where_the_hint_points_repairs_it(bench: KernelBench, command: str) -> None:
    events = bench.driver.events()
    try:
        bench.run(*command.split())
        scope = widen(_hinted(events), FULL)
    finally:
        events.close()
    plan = diff(FULL, bench.driver.observe(scope), scope=scope)
    assert plan.steps, "the look did not see it"
    assert bench.driver.apply(plan).failed == {}
    agrees(bench, FULL)


@pytest.mark.parametrize("command", SILENT.values(), ids=SILENT)
def test_drift_without_a_notice_is_found_by_a_look_at_everything(bench: KernelBench, command: str) -> None:
    bench.run(*command.split())
    assert settle(bench, FULL).steps
    agrees(bench, FULL)


@pytest.mark.parametrize("link", ["brvx-5001", "vxlan5001"])
def test_a_renamed_link_gets_its_place_again(bench: KernelBench, link: str) -> None:
    """The first round may only clear the way."""
    bench.run("ip", "link", "set", link, "name", "renamed")
    for _ in range(2):
        bench.driver.apply(diff(FULL, bench.driver.observe()))
    agrees(bench, FULL)


def test_losing_the_mark_makes_a_link_an_obstacle(bench: KernelBench) -> None:
    bench.run("ip", "link", "property", "del", "dev", "vxlan5001", "altname", "vxloom-vxlan5001")
    plan = diff(FULL, bench.driver.observe())
    assert {obstacle.holder.name for obstacle in plan.obstacles} == {"vxlan5001"}


def test_a_tap_moved_to_another_bridge_comes_back(bench: KernelBench) -> None:
    bench.run("ip", "link", "add", "elsewhere", "type", "bridge")
    bench.run("ip", "link", "set", TAP, "master", "elsewhere")
    settle(bench, FULL)
    agrees(bench, FULL)


def test_what_is_not_ours_gives_no_work(bench: KernelBench) -> None:
    """Links, rows and rules of others come and go: every look agrees."""
    for command in (
        "ip link add theirs type bridge",
        "ip link add vxlan9 type vxlan id 9 dstport 8472 local 192.0.2.1",
        "ip link set vxlan9 master theirs",
        "bridge fdb add 02:00:00:00:00:88 dev vxlan9 dst 192.0.2.8 self",
        "ip neigh add 10.8.8.8 lladdr 02:00:00:00:00:88 dev theirs nud permanent",
        "nft add table bridge theirs",
    ):
        bench.run(*command.split())
        assert not diff(FULL, bench.driver.observe()).steps


def test_everything_of_ours_goes_and_the_taps_stay(bench: KernelBench) -> None:
    settle(bench, HostState())
    assert "vxloom" not in bench.run("nft", "list", "ruleset")
    names = bench.run("ip", "-brief", "link")
    assert "vxlan" not in names
    assert "brvx" not in names
    assert all(name in names for name in taps_of(FULL))


def _hinted(events: Events, seconds: float = 5.0) -> Scope:
    """Fold hints until none has come for a moment: one command may cause several notices."""
    deadline = time.monotonic() + seconds
    vnis: set[int] = set()
    taps: set[str] = set()
    seen = False
    while select.select([events.fileno()], [], [], 0.05 if seen else max(0.0, deadline - time.monotonic()))[0]:
        for hint in events.read():
            seen = True
            if hint.scope.vnis is None:
                return Scope()
            vnis |= hint.scope.vnis
            taps |= hint.scope.taps
    assert seen, "no hint came"
    return Scope(frozenset(vnis), frozenset(taps))
