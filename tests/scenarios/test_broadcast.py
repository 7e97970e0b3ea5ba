"""Broadcast and multicast reach the hosts with a port in the segment and nobody else; unknown unicast stays where it is."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.kernel import frames
from tests.kernel.frames import BROADCAST, Cable
from tests.scenarios.clouds import Cloud, Guest, Network, Room, cable, link_local
from tests.waiting import wait_until
from vxloom.dataplane.ruleset import ENTERED, LEFT

STRANGER = "02:00:00:00:07:07"
_UDP, _VXLAN_PORT = 17, 4789


@dataclass
class Segment:
    """Guests on h1 and h2 and none on h3, whose cables are in our hands."""

    cloud: Cloud
    network: Network
    one: Guest
    two: Guest
    near: Guest
    """On h1 too."""
    sender: Cable
    receiver: Cable
    neighbour: Cable
    underlay: dict[str, Cable]

    def frames(self) -> dict[str, bytes]:
        """What is sent to all, or to a group."""
        me, ip = self.one.mac, self.one.ip
        local = link_local(me)
        advertisement = bytes(4) + struct.pack(">HBB", 0, 0, 0)
        return {
            "broadcast": frames.udp4(me, BROADCAST, ip, "10.1.1.255"),
            "ARP request for an address nobody has": frames.arp(me, me, ip, "10.1.1.200"),
            "mDNS": frames.udp4(me, "01:00:5e:00:00:fb", ip, "224.0.0.251", (5353, 5353)),
            "VRRP": _vrrp(me, ip),
            "mDNS over IPv6": frames.udp6(me, "33:33:00:00:00:fb", local, "ff02::fb", (5353, 5353)),
            "a neighbour solicitation for an address nobody has": frames.solicit(me, self.one.ip6, "fd00:1::dead:beef", option=me),
            "to all nodes": frames.icmp6(me, "33:33:00:00:00:01", local, "ff02::1", 128, advertisement),
        }


def _vrrp(mac: str, ip: str) -> bytes:
    """An advertisement of VRRP (RFC 5798): IP protocol 112 to 224.0.0.18; its body does not matter to a network."""
    frame = bytearray(frames.udp4(mac, "01:00:5e:00:00:12", ip, "224.0.0.18"))
    checksum = int.from_bytes(frame[24:26], "big") - (112 - _UDP)
    frame[23], frame[24:26] = 112, (checksum % 0xFFFF).to_bytes(2, "big")
    return bytes(frame)


@pytest.fixture(scope="module")
def segment(cloud: Cloud) -> Iterator[Segment]:
    made = cloud.network()
    one, two, near = cloud.guests(made, "h1", "h2", "h1")
    network = cloud.settled(made)
    with ExitStack() as stack:
        sender, receiver, neighbour = (stack.enter_context(guest.cable()) for guest in (one, two, near))
        underlay = {name: stack.enter_context(cable(Room(cloud.lab.node(name)), "eth0")) for name in ("h2", "h3")}
        yield Segment(cloud, network, one, two, near, sender, receiver, neighbour, underlay)
    cloud.destroy(one, two, near)
    cloud.call("deleteNetwork", id=network.id)


def _carried(frame: bytes, vni: int) -> bytes | None:
    """The inner frame of an underlay packet that carries this VNI, or None."""
    if frame[12:14] != b"\x08\x00" or frame[23] != _UDP or int.from_bytes(frame[36:38], "big") != _VXLAN_PORT:
        return None
    return frame[50:].ljust(60, b"\0") if int.from_bytes(frame[46:49], "big") == vni else None


def _drained(segment: Segment, name: str) -> list[bytes]:
    """Every inner frame of the segment that came to a host on the underlay until now."""
    _marker(segment, name)
    return [inner for frame in segment.underlay[name].until(_Marker()) if (inner := _carried(frame, segment.network.vni)) is not None]


def _marker(segment: Segment, name: str) -> None:
    """Send a plain datagram to port 9 across the underlay, after everything that was sent before it."""
    target = segment.cloud.lab.node(name).address
    with Room(segment.cloud.lab.node("h1")) as room, room.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(b"marker", (target, 9))


class _Marker(bytes):
    """Compares equal to any underlay frame that carries a datagram to port 9."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, bytes) and other[23] == _UDP and int.from_bytes(other[36:38], "big") == 9

    __hash__ = bytes.__hash__


def test_broadcast_and_multicast_reach_every_host_with_a_port_and_nobody_else(segment: Segment) -> None:
    last = frames.udp4(segment.one.mac, BROADCAST, segment.one.ip, "10.1.1.255", payload=b"last")
    sent = segment.frames()
    segment.sender.send(*sent.values(), last)
    for place, wire in (("the guest on h2", segment.receiver), ("the other guest on h1", segment.neighbour)):
        got = wire.until(last)
        assert [name for name, frame in sent.items() if got.count(frame) != 1] == [], f"exactly once at {place}"
    assert set(sent.values()) <= set(_drained(segment, "h2")), "the capture works"
    assert _drained(segment, "h3") == []


def test_a_host_hears_a_segment_from_its_first_port_to_its_last(segment: Segment) -> None:
    """When deploying or destroying has ended, every host of the segment knows: no frame after that is missed, or sent in vain."""
    said = frames.udp4(segment.two.mac, BROADCAST, segment.two.ip, "10.1.1.255", payload=b"is anybody on h3?")
    late = segment.cloud.guest(segment.network, "h3", "10.1.1.50")
    with late.cable() as wire:
        segment.receiver.send(said)
        wire.until(said)
    assert said in _drained(segment, "h3")
    segment.cloud.destroy(late)
    _drained(segment, "h3")  # what guests said by themselves (MLD) before destroying had ended
    segment.receiver.send(said)
    segment.sender.until(said)
    assert _drained(segment, "h3") == []


def test_unknown_unicast_reaches_nobody_and_is_counted(segment: Segment) -> None:
    before = _unknown_unicast(segment)
    lost = [frames.udp4(segment.one.mac, STRANGER, segment.one.ip, "10.1.1.77", payload=f"{n}".encode()) for n in range(9)]
    last = frames.udp4(segment.one.mac, BROADCAST, segment.one.ip, "10.1.1.255", payload=b"last of all")
    segment.sender.send(*lost, last)
    assert not set(lost) & set(segment.neighbour.until(last))
    assert not set(lost) & set(segment.receiver.until(last))
    assert not set(lost) & set(_drained(segment, "h2"))
    # A frame of a guest's own may be between its two counters at the moment of reading.
    wait_until(lambda: _unknown_unicast(segment) - before == len(lost), "all that was lost is counted, and nothing else")


def _unknown_unicast(segment: Segment) -> int:
    """As the driver reckons it, from what nft shows."""
    return sum(_unicast(segment, chain) for chain in ENTERED) - sum(_unicast(segment, chain) for chain in LEFT)


def _unicast(segment: Segment, chain: str) -> int:
    shown = segment.cloud.lab.node("h1").run(["nft", "-j", "list", "chain", "bridge", "vxloom", chain]).stdout
    rules = [each["rule"]["expr"] for each in json.loads(shown)["nftables"] if "rule" in each]
    return sum(int(part["counter"]["packets"]) for rule in rules for part in rule if "counter" in part)
