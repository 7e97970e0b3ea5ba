"""A running guest gets a NIC, other addresses and another way out, and loses them again: seen in its kernel, and by packets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import pytest

from tests.kernel import frames
from tests.kernel.frames import BROADCAST
from tests.scenarios.clouds import Cloud, Guest, Network, Room, cable
from tests.waiting import wait_until
from vxloom.lab.cloud import Object
from vxloom.model.host import tap_name


@dataclass
class Town:
    """A guest on h1 with a peer on h2 in its own network and another in the one it is going to join."""

    cloud: Cloud
    own: Network
    other: Network
    guest: Guest
    peer: Guest
    far: Guest

    def nics(self) -> list[Object]:
        return self.cloud.objects("listNics", "nic", virtualmachineid=self.guest.id)

    def change(self, command: str, **given: object) -> Object:
        """Ask for a change and return the machine when every host has acknowledged."""
        made = cast("Object", self.cloud.call(command, **given)["virtualmachine"])
        assert "pendinghosts" not in made
        return made

    def addresses(self, card: str) -> set[str]:
        shown = json.loads(self.guest.place.run(["ip", "-j", "addr", "show", "dev", card]).stdout)
        return {str(a["local"]) for a in shown[0]["addr_info"] if a["scope"] == "global"}

    def way_out(self) -> list[str]:
        return self.guest.place.run(["ip", "route", "show", "default"]).stdout.split()[1:5]


@pytest.fixture
def town(cloud: Cloud) -> Iterator[Town]:
    own = cloud.network()
    other = cloud.network(gateway="10.2.2.1", ip6cidr="fd00:2::/64", ip6gateway="fd00:2::1")
    guest, peer = cloud.guests(own, "h1", "h2")
    far = cloud.guest(other, "h2", "10.2.2.12")
    yield Town(cloud, cloud.settled(own), cloud.settled(other), guest, peer, far)
    cloud.destroy(guest, peer, far)
    for network in (own, other):
        cloud.call("deleteNetwork", id=network.id)


def test_a_running_guest_gets_a_nic_that_works_and_loses_it_again(town: Town) -> None:
    guest, far, node = town.guest, town.far, town.guest.node
    assert town.other.bridge not in node.run(["ip", "-br", "link"]).stdout
    made = town.change("addNicToVirtualMachine", virtualmachineid=guest.id, networkid=town.other.id, ipaddress="10.2.2.50")
    added = cast("list[Object]", made["nic"])[1]
    assert town.addresses("eth1") == {"10.2.2.50", str(added["ip6address"])}
    assert far.ping("10.2.2.50")
    assert guest.ping(far.ip6)
    assert town.way_out() == ["via", "10.1.1.1", "dev", "eth0"]
    assert town.cloud.in_step("h1", "h2")

    other = str(town.nics()[1]["macaddress"])
    with cable(Room(node, guest.full_name), "eth1") as wire, far.cable() as seen:
        forged, last = (
            frames.udp4(other, BROADCAST, "10.2.2.99", "10.2.2.255"),
            frames.udp4(other, BROADCAST, "10.2.2.50", "10.2.2.255", payload=b"last"),
        )
        wire.send(forged, last)
        assert forged not in seen.until(last), "its filter stands"

    town.change("removeNicFromVirtualMachine", virtualmachineid=guest.id, nicid=added["id"])
    assert "eth1" not in guest.place.run(["ip", "-br", "link"]).stdout
    shown = node.run(["ip", "-br", "link"]).stdout
    assert tap_name(str(added["id"])) not in shown
    assert not far.ping("10.2.2.50", count=1, wait=0.5)
    wait_until(lambda: town.other.bridge not in node.run(["ip", "-br", "link"]).stdout, "the segment has left the host")
    assert guest.ping(town.peer.ip)
    assert town.cloud.in_step("h1", "h2")


def test_an_address_that_changes_is_found_at_once_and_the_old_one_is_silent(town: Town) -> None:
    guest, peer = town.guest, town.peer
    assert peer.ping(guest.ip)
    made = town.change("updateVmNicIp", nicid=guest.nic, ipaddress="10.1.1.77")
    assert made["ipaddress"] == "10.1.1.77"
    assert town.addresses("eth0") == {"10.1.1.77", guest.ip6}
    assert peer.ping("10.1.1.77")
    assert not peer.ping(guest.ip, count=1, wait=0.5)
    assert town.way_out() == ["via", "10.1.1.1", "dev", "eth0"]
    with guest.cable() as wire, peer.cable() as seen:
        before = frames.udp4(guest.mac, peer.mac, guest.ip, peer.ip)
        now = frames.udp4(guest.mac, peer.mac, "10.1.1.77", peer.ip)
        wire.send(before, now)
        assert before not in seen.until(now), "the old address is not admitted any more"


def test_a_secondary_address_answers_and_is_answered_for(town: Town) -> None:
    guest, peer = town.guest, town.peer
    made = cast("Object", town.cloud.call("addIpToNic", nicid=guest.nic, ipaddress="10.1.1.80")["nicsecondaryip"])
    assert peer.ping("10.1.1.80")
    assert peer.ping(guest.ip)
    asked = frames.arp(peer.mac, peer.mac, peer.ip, "10.1.1.80")
    answer = frames.arp(guest.mac, guest.mac, "10.1.1.80", peer.ip, operation=2, target=peer.mac, target_mac=peer.mac)
    last = frames.udp4(peer.mac, BROADCAST, peer.ip, "10.1.1.255", payload=b"last")
    with peer.cable() as wire, guest.cable() as there:
        wire.send(asked, last)
        wire.until(answer)
        assert asked not in there.until(last), "the peer's own host answered"
    town.cloud.call("removeIpFromNic", id=made["id"])
    assert "10.1.1.80" not in town.addresses("eth0")
    assert not peer.ping("10.1.1.80", count=1, wait=0.5)
    assert peer.ping(guest.ip)


def test_the_way_out_follows_the_default_nic(town: Town) -> None:
    guest = town.guest
    made = town.change("addNicToVirtualMachine", virtualmachineid=guest.id, networkid=town.other.id)
    first, second = (str(nic["id"]) for nic in cast("list[Object]", made["nic"]))
    town.change("updateDefaultNicForVirtualMachine", virtualmachineid=guest.id, nicid=second)
    assert town.way_out() == ["via", "10.2.2.1", "dev", "eth1"]
    town.change("removeNicFromVirtualMachine", virtualmachineid=guest.id, nicid=first)
    assert town.way_out() == ["via", "10.2.2.1", "dev", "eth1"]
    town.change("rebootVirtualMachine", id=guest.id)
    assert town.way_out() == ["via", "10.2.2.1", "dev", "eth1"]
    assert town.far.ping(str(made["nic"][1]["ipaddress"]))  # type: ignore[index]
    assert town.cloud.in_step("h1", "h2")


def test_a_stopped_guest_starts_with_what_it_was_given_meanwhile(town: Town) -> None:
    guest, cloud = town.guest, town.cloud
    cloud.call("stopVirtualMachine", id=guest.id)
    cloud.call("addNicToVirtualMachine", virtualmachineid=guest.id, networkid=town.other.id, ipaddress="10.2.2.50")
    cloud.call("updateVmNicIp", nicid=guest.nic, ipaddress="10.1.1.77")
    cloud.call("startVirtualMachine", id=guest.id)
    assert town.peer.ping("10.1.1.77")
    assert town.far.ping("10.2.2.50")
    assert not town.peer.ping(guest.ip, count=1, wait=0.5)
