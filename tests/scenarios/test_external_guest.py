"""Taps that others plug in, and hosts that others run: what is ours is bound, what is not is reported and left alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

import pytest

from tests.kernel import frames
from tests.scenarios.clouds import Cloud, Guest, Network, Room, cable, ours
from tests.waiting import wait_until
from vxloom.lab.node import Node

EXTERNAL = "details[0].vxloom.source"
TAP = "details[0].vxloom.tap"
ADDRESSES = {"MAC": "10.1.1.40", "name": "10.1.1.41"}


@pytest.fixture(scope="module")
def network(cloud: Cloud) -> Iterator[tuple[Network, Guest]]:
    """A network with an ordinary guest on h1."""
    made = cloud.network()
    (peer,) = cloud.guests(made, "h1")
    yield cloud.settled(made), peer
    cloud.destroy(peer)
    cloud.call("deleteNetwork", id=made.id)


def _plug(node: Node, tap: str, mac: str, ip: str, *, tap_mac: str = "") -> None:
    """As a hypervisor does: a card in a guest, its tap on the host. A namespace stands in for the guest."""
    node.run(["ip", "netns", "add", tap])
    node.run(["ip", "link", "add", tap, "type", "veth", "peer", "name", "eth0", "netns", tap])
    node.run(["ip", "-n", tap, "link", "set", "eth0", "address", mac, "mtu", "1450", "up"])
    node.run(["ip", "-n", tap, "addr", "add", f"{ip}/24", "dev", "eth0"])
    node.run(["ip", "link", "set", tap, *(["address", tap_mac] if tap_mac else []), "up"])


def _unplug(node: Node, tap: str) -> None:
    node.run(["ip", "link", "del", tap], check=False)
    node.run(["ip", "netns", "del", tap])


@pytest.mark.parametrize("found_by", ["MAC", "name"])
def test_a_tap_that_others_plug_in_is_bound_when_it_appears(cloud: Cloud, network: tuple[Network, Guest], found_by: str) -> None:
    segment, peer = network
    node, tap = cloud.lab.node("h2"), f"ext-{found_by.lower()}"
    named = {TAP: tap} if found_by == "name" else {}
    guest = cloud.guest(segment, "h2", ADDRESSES[found_by], **{EXTERNAL: "external"}, **named)
    assert not peer.ping(guest.ip, count=1, wait=0.2), "it is not there yet"
    _plug(node, tap, guest.mac, guest.ip, tap_mac=f"fe{guest.mac[2:]}" if found_by == "MAC" else "")
    inside = node.guest(tap)
    wait_until(lambda: inside.ping(peer.ip, count=1, wait=0.2), "it is bound", seconds=3)
    assert peer.ping(guest.ip)
    with cable(Room(node, tap), "eth0") as wire, peer.cable() as seen:
        last = frames.udp4(guest.mac, frames.BROADCAST, guest.ip, "10.1.1.255", payload=b"last")
        forged = frames.udp4("02:00:00:00:00:66", frames.BROADCAST, guest.ip, "10.1.1.255")
        wire.send(forged, last)
        assert forged not in seen.until(last), "and filtered like any other"
    told = cast("dict[str, Any]", cloud.call("vxloomWhy", **{"from": guest.name, "to": peer.name}, packet="true")["why"])
    assert told["sentence"] == f"{guest.name} can reach {peer.name}: packets came out at both taps"
    first = next(step for step in told["ways"][0]["steps"] if step["place"].startswith("packets"))
    assert first["seen"].startswith("put in at the bridge: only the hypervisor can send by a tap that it holds")
    assert node.run(["vxloom", "doctor", "--host"]).stdout == "1 host: nothing found\n", "its tap is its own, whatever its name"
    assert "nothing to do" in node.run(["vxloom", "agent", "--observe"]).stdout
    index = json.loads(node.run(["ip", "-j", "link", "show", tap]).stdout)[0]["ifindex"]
    cloud.destroy(guest)
    left = json.loads(node.run(["ip", "-j", "link", "show", tap]).stdout)[0]
    assert (left["ifindex"], left.get("master")) == (index, None), "unbound, not deleted: it is not ours"
    assert not inside.ping(peer.ip, count=1, wait=0.2)
    _unplug(node, tap)


def test_a_tap_nobody_asked_for_on_our_bridge_gets_nothing_through(cloud: Cloud, network: tuple[Network, Guest]) -> None:
    segment, peer = network
    node = peer.node
    _plug(node, "ext-none", "02:00:00:00:00:77", "10.1.1.77", tap_mac="fe:00:00:00:00:77")
    node.run(["ip", "link", "set", "ext-none", "master", segment.bridge])
    assert not node.guest("ext-none").ping(peer.ip, wait=0.5)
    _unplug(node, "ext-none")
    wait_until(lambda: "ext-none" not in str(cloud.plan("h1")["plan"]), "nothing is left of it")


# ------------------------------------------------------------------------------------------------ hosts others run


def _stock(node: Node, vni: int) -> None:
    """What Apache CloudStack's KVM agent makes (its script modifyvxlan.sh): a multicast group, port 8472, names as ours."""
    vxlan, bridge = f"vxlan{vni}", f"brvx-{vni}"
    node.run(
        ["ip", "link", "add", vxlan, "type", "vxlan", "id", str(vni), "group", "239.0.27.88", "ttl", "10", "dev", "eth0", "dstport", "8472"]
    )
    node.run(["ip", "link", "set", vxlan, "up"])
    node.run(["ip", "link", "add", bridge, "type", "bridge"])
    node.run(["ip", "link", "set", bridge, "up"])
    node.run(["ip", "link", "set", vxlan, "master", bridge])
    # The kernel tells of carriers up to a second late: what is compared later must have come to rest.
    shown = ["ip", "-d", "link", "show", "master", bridge]
    wait_until(lambda: "state forwarding" in node.run(shown).stdout, "the port forwards")
    wait_until(lambda: "state UP" in node.run(["ip", "link", "show", bridge]).stdout, "the bridge has carrier")


def _clear(node: Node, vni: int) -> None:
    node.run(["ip", "link", "del", f"vxlan{vni}"])
    node.run(["ip", "link", "del", f"brvx-{vni}"])


def test_observing_a_stock_cloudstack_host_tells_what_is_there_and_changes_nothing(cloud: Cloud) -> None:
    """On the management node: there is no agent of ours."""
    node = cloud.lab.node("mgmt")
    _stock(node, 7777)
    before = ours(node)
    seen = json.loads(node.run(["vxloom", "agent", "--observe", "--output", "json"]).stdout)
    assert ours(node) == before
    assert not node.run(["sh", "-c", "ls -A /var/lib/vxloom/agent 2>/dev/null"], check=False).stdout, "no state is written"
    found = {row["name"]: row["owner"] for row in seen}
    assert (found.get("vxlan7777"), found.get("brvx-7777")) == ("foreign", "foreign"), seen
    assert "7777" in next(row["detail"] for row in seen if row["name"] == "vxlan7777")
    _clear(node, 7777)


def test_a_vni_held_by_somebody_elses_device_is_an_obstacle_that_is_told_and_not_touched(cloud: Cloud) -> None:
    physical = cloud.one("listPhysicalNetworks", "physicalnetwork")
    made = cloud.network()
    (first,) = cloud.guests(made, "h1")
    network, node = cloud.settled(made), cloud.lab.node("h3")
    assert physical["name"]
    _stock(node, network.vni)
    theirs = ours(node)
    job = cloud.ask_for_guest(network, "h3", "10.1.1.60")
    wait_until(lambda: cloud.alerts(network.vxlan), "the obstacle is told", seconds=8)
    assert "!" in str(cloud.plan("h3")["plan"])
    kept = [line for line in theirs.splitlines() if network.vxlan in line or network.bridge in line]
    now = ours(node).splitlines()
    assert [line for line in kept if line not in now] == [], "their devices are as they were"
    _clear(node, network.vni)
    done = wait_until(lambda: cloud.ended(job), "what waited is made when they are gone", seconds=15)
    assert done["jobstatus"] == 1
    assert first.ping("10.1.1.60")
    wait_until(lambda: not cloud.alerts(network.vxlan), "nothing stands in the way any more", seconds=12)
    cloud.call("destroyVirtualMachine", id=job["id"], expunge="true")
    cloud.destroy(first)
    cloud.call("deleteNetwork", id=made.id)
