"""A host that is upgraded: its filter table is of older rules, and its guests go on."""

from __future__ import annotations

from tests.kernel.test_law_08_fail_closed import GOOD, ME, MY_IP, PEER, PEER_IP, WANTED, Switch, switch  # noqa: F401 - a fixture
from vxloom.dataplane.ruleset import RULES, commands, elements_of
from vxloom.model.state import HostState, PortFilter
from vxloom.planner import diff


def test_a_table_of_older_rules_is_exchanged_with_the_ports_that_are_in_it(switch: Switch) -> None:  # noqa: F811 - the fixture
    """Also of those nothing is said about: a host that holds keeps its ports. Rules before version 6 had MAC and address as such."""
    switch.netns.run("nft", "-f", "-", stdin=older(RULES))
    for tap, mac, ip in (("t1", ME, MY_IP), ("t2", PEER, PEER_IP)):
        switch.netns.run("nft", "add", "element", "bridge", "vxloom", "senders", f'{{ "{tap}" . {mac} . {ip} }}')
    elements = frozenset().union(*(elements_of(port) for port in WANTED if isinstance(port, PortFilter)))
    switch.netns.run("nft", "-f", "-", stdin=commands("add", frozenset(each for each in elements if each.set != "senders")))
    seen = switch.host.observe()
    ports = {key: port for key, port in seen.resources.items() if isinstance(port, PortFilter)}
    assert ports == {port.key: port for port in WANTED if isinstance(port, PortFilter)}
    plan = diff(HostState({**seen.resources, WANTED[0].key: WANTED[0]}), seen)
    assert [step.key for step in plan.steps] == [WANTED[0].key]
    assert switch.host.apply(plan).failed == {}
    assert {key: switch.host.observe().resources[key] for key in ports} == ports
    assert [name for name, frame in GOOD.items() if not switch.arrives(switch.one, frame)] == []


def older(rules: str) -> str:
    text = rules.replace("iifname . @ll,48,64 . @nh,96,32", "iifname . ether saddr . ip saddr")
    return f"delete table bridge vxloom\n{text}"
