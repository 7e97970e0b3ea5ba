"""Which devices carry the tunnel end point, by routes and addresses of the kernel."""

from __future__ import annotations

from tests.kernel.netns import Netns
from vxloom.agent.facts import underlay
from vxloom.settings import AgentSettings


def carrying(vtep: str, **more: str) -> tuple[str, ...]:
    return underlay(AgentSettings(vtep=vtep, **more))


def test_the_device_with_the_address_carries_it_and_for_a_loopback_those_of_the_default_routes(netns: Netns) -> None:
    assert carrying("192.0.2.1") == ()
    assert underlay(AgentSettings()) == (), "neither address nor server: nothing is known"
    for number in (1, 2):
        netns.run("ip", "link", "add", f"up{number}", "type", "veth", "peer", "name", f"far{number}")
        netns.run("ip", "addr", "add", f"198.51.100.{number * 16}/28", "dev", f"up{number}")
        netns.run("ip", "addr", "add", f"2001:db8:{number}::1/64", "dev", f"up{number}", "nodad")
        netns.run("ip", "link", "set", f"far{number}", "up")
        netns.run("ip", "link", "set", f"up{number}", "up")
    assert carrying("198.51.100.16") == ("up1",)
    netns.run("ip", "addr", "add", "192.0.2.1/32", "dev", "lo")
    assert carrying("192.0.2.1") == (), "no default route"
    hops = [word for n in (1, 2) for word in ("nexthop", "via", f"198.51.100.{n * 16 + 1}", "dev", f"up{n}")]
    netns.run("ip", "route", "add", "default", *hops)
    assert carrying("192.0.2.1") == ("up1", "up2")
    assert carrying("", server="203.0.113.9:8250") in {("up1",), ("up2",)}, "the address that routes towards the server"
    netns.run("ip", "addr", "add", "2001:db8::1/128", "dev", "lo")
    netns.run("ip", "-6", "route", "add", "default", "via", "2001:db8:2::2", "dev", "up2")
    assert carrying("2001:db8::1") == ("up2",)
