"""How much a port may send to all or to a group: what is over its limit is dropped and counted, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.kernel import frames
from tests.kernel.frames import BROADCAST, Cable
from tests.kernel.netns import Netns
from tests.waiting import wait_until
from vxloom.dataplane.host import HostDataplane
from vxloom.model.filters import RULESET_VERSION
from vxloom.model.state import Bridge, FilterTable, HostState, PortFilter, Resource, Tap, VxlanDevice
from vxloom.planner import diff

MACS = {"t1": "02:00:00:00:00:01", "t2": "02:00:00:00:00:02", "t3": "02:00:00:00:00:03"}
IPS = {"t1": "10.1.1.1", "t2": "10.1.1.2", "t3": "10.1.1.3"}
LIMIT = 20
MORE = 30


def port(tap: str, limit: int) -> tuple[Resource, Resource]:
    mac = frozenset({MACS[tap]})
    return PortFilter(tap, mac, frozenset({IPS[tap]}), storm_limit=limit), Tap(tap, "brvx-7", mac, 1450)


def wanted(**limits: int) -> HostState:
    resources = (
        FilterTable(ruleset=RULESET_VERSION),
        Bridge("brvx-7", 7, "02:aa:00:00:00:07", 1450),
        VxlanDevice("vxlan7", 7, "127.0.0.1", 4789, 1450, "brvx-7"),
        *(each for tap in MACS for each in port(tap, limits.get(tap, LIMIT))),
    )
    return HostState({resource.key: resource for resource in resources})


@dataclass
class Switch:
    """One host with three bound ports."""

    host: HostDataplane
    cables: dict[str, Cable]

    def settle(self, state: HostState) -> None:
        assert self.host.apply(diff(state, self.host.observe())).failed == {}
        assert diff(state, self.host.observe()).steps == ()

    def sends(self, tap: str, count: int, target: str = BROADCAST) -> int:
        """Send so many frames at once; return how many of them come to the third port (the second's, if unicast)."""
        said = [frames.udp4(MACS[tap], target, IPS[tap], "10.1.1.255", payload=f"{n}".encode()) for n in range(count)]
        last = frames.udp4(MACS["t2"], MACS["t3"], IPS["t2"], IPS["t3"], payload=b"last")
        self.cables[tap].send(*said)
        self.cables["t2"].send(last)
        got = self.cables["t3"].until(last)
        return len([frame for frame in said if frame in got])


@pytest.fixture
def switch(netns: Netns) -> Iterator[Switch]:
    netns.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
    for number in (1, 2, 3):
        netns.run("ip", "link", "add", f"t{number}", "type", "veth", "peer", "name", f"g{number}")
        netns.run("ip", "link", "set", f"g{number}", "up")
    with ExitStack() as stack:
        host = HostDataplane()
        stack.callback(host.close)
        made = Switch(host, {f"t{number}": stack.enter_context(Cable(f"g{number}")) for number in (1, 2, 3)})
        made.settle(wanted())
        wait_until(lambda: netns.run("bridge", "link").count("state forwarding") >= len(MACS), "the ports are forwarding")
        yield made


def allowed(sent: int) -> range:
    """How many of a burst may pass: a second's worth, and what the bucket gets meanwhile."""
    return range(LIMIT, LIMIT + sent // 2)


def dropped(switch: Switch) -> dict[str, int]:
    return {name: count for name, count in switch.host.counters().items() if count and name.startswith("storm")}


def test_a_burst_within_the_limit_passes_whole(switch: Switch) -> None:
    assert switch.sends("t1", LIMIT) == LIMIT
    assert dropped(switch) == {}


@pytest.mark.parametrize("target", [BROADCAST, "01:00:5e:00:00:fb"], ids=["broadcast", "multicast"])
def test_what_is_over_is_dropped_and_counted_for_its_port_alone(switch: Switch, target: str) -> None:
    sent = LIMIT + MORE
    passed = switch.sends("t1", sent, target)
    assert passed in allowed(sent)
    assert dropped(switch) == {"storm": sent - passed, "storm t1": sent - passed}
    assert switch.sends("t2", LIMIT) == LIMIT, "each port has its own"
    assert switch.sends("t1", LIMIT + MORE, MACS["t3"]) == LIMIT + MORE, "unicast has none"


def test_a_port_without_a_limit_sends_as_it_likes(switch: Switch) -> None:
    switch.settle(wanted(t1=0))
    assert switch.sends("t1", LIMIT + MORE) == LIMIT + MORE
    assert dropped(switch) == {}


def test_a_limit_that_changes_touches_no_other_port(switch: Switch) -> None:
    switch.sends("t2", LIMIT + MORE)
    before = dropped(switch)
    switch.settle(wanted(t1=LIMIT + MORE))
    assert switch.sends("t1", LIMIT + MORE) == LIMIT + MORE
    assert dropped(switch) == before


@pytest.mark.parametrize(
    "limit",
    [
        "",
        "limit rate over 9/second burst 20 packets",
        "limit rate over 20/minute burst 20 packets",
        "limit rate 20/second burst 20 packets",
    ],
)
def test_a_limit_changed_by_hand_is_seen_and_put_right(switch: Switch, netns: Netns, limit: str) -> None:
    netns.run("nft", "delete element bridge vxloom storms { t1 }")
    netns.run("nft", f"add element bridge vxloom storms {{ t1 {limit}{' counter' if limit else ''} }}")
    seen = switch.host.observe().resources["filter", "t1"]
    assert seen != wanted().resources["filter", "t1"]
    switch.settle(wanted())
    assert switch.sends("t1", LIMIT + MORE) in allowed(LIMIT + MORE)


def test_a_limit_of_no_port_is_taken_away(switch: Switch, netns: Netns) -> None:
    netns.run("nft", "add element bridge vxloom storms { stranger limit rate over 9/second burst 9 packets counter }")
    assert ("filter", "stranger") in switch.host.observe().resources
    switch.settle(wanted())
    assert "stranger" not in netns.run("nft", "list", "set", "bridge", "vxloom", "storms")
