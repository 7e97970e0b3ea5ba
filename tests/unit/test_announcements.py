"""Which frames on a guest's tap say who holds a shared address, and which of them have to be carried to the other hosts."""

from __future__ import annotations

import pytest

from tests.kernel import frames
from tests.kernel.frames import BROADCAST
from vxloom.dataplane.announcements import Watched, announced, eaten

ME, OTHER, VIRTUAL = "02:00:00:00:00:01", "02:00:00:00:00:02", "00:00:5e:00:01:35"
IP, IP6, SHARED, SHARED6 = "10.1.1.1", "fd00:1::1", "10.1.1.100", "fd00:1::100"
LOCAL = "fe80::ff:fe00:1"
WATCHED = Watched("vt1", "vxlan7", frozenset({SHARED, SHARED6, VIRTUAL}), frozenset({ME, VIRTUAL}), frozenset({IP, IP6, SHARED, SHARED6}))


def vrrp(source: str) -> bytes:
    frame = bytearray(frames.udp4(source, "01:00:5e:00:00:12", IP, "224.0.0.18"))
    frame[23] = 112
    return bytes(frame)


CLAIMS = {
    "gratuitous ARP": (frames.arp(ME, ME, SHARED, SHARED), {SHARED}, True),
    "gratuitous ARP from the shared MAC": (frames.arp(VIRTUAL, VIRTUAL, SHARED, SHARED), {SHARED, VIRTUAL}, True),
    "an answer": (frames.arp(ME, ME, SHARED, IP, operation=2, target=OTHER, target_mac=OTHER), {SHARED}, False),
    "a question from the shared MAC": (frames.arp(VIRTUAL, VIRTUAL, IP, "10.1.1.9"), {VIRTUAL}, False),
    "unsolicited NA": (frames.advertise(ME, SHARED6, SHARED6, option=ME), {SHARED6}, True),
    "unsolicited NA from its link-local address": (frames.advertise(ME, LOCAL, SHARED6, option=ME), {SHARED6}, True),
    "VRRP advertisement from the shared MAC": (vrrp(VIRTUAL), {VIRTUAL}, False),
}
NO_CLAIMS = {
    "another's MAC": frames.arp(OTHER, OTHER, SHARED, SHARED),
    "another's MAC inside": frames.arp(ME, OTHER, SHARED, SHARED),
    "another's address, with the shared MAC": frames.arp(VIRTUAL, VIRTUAL, "10.1.1.9", "10.1.1.9"),
    "its own address": frames.arp(ME, ME, IP, IP),
    "odd ARP": frames.arp(ME, ME, SHARED, SHARED, head=(1, 0x0800, 4, 6)),
    "NA from another's address": frames.advertise(ME, "fd00:1::9", SHARED6, option=ME),
    "NA with another's MAC": frames.advertise(ME, IP6, SHARED6, option=OTHER),
    "NA cut short": frames.advertise(ME, IP6, SHARED6, option=ME)[:60],
    "VRRP from another's MAC": vrrp(OTHER),
    "too short": b"\0" * 20,
}


@pytest.mark.parametrize(("frame", "claimed", "carried"), CLAIMS.values(), ids=CLAIMS)
def test_what_an_honest_frame_claims(frame: bytes, claimed: set[str], carried: bool) -> None:
    assert announced(frame, WATCHED) == claimed
    assert eaten(frame) is carried


@pytest.mark.parametrize("frame", NO_CLAIMS.values(), ids=NO_CLAIMS)
def test_what_claims_nothing(frame: bytes) -> None:
    assert announced(frame, WATCHED) == frozenset()


def test_where_addresses_are_the_guests_own_business_only_its_macs_are_held_against_it() -> None:
    free = Watched("vt1", "vxlan7", frozenset({VIRTUAL}), frozenset({ME, VIRTUAL}), checked=False)
    assert announced(frames.arp(VIRTUAL, VIRTUAL, "192.0.2.9", "192.0.2.9"), free) == {VIRTUAL}
    assert announced(frames.arp(VIRTUAL, OTHER, "192.0.2.9", "192.0.2.9"), free) == frozenset()
    assert announced(frames.advertise(VIRTUAL, "2001:db8::9", "2001:db8::9", option=VIRTUAL), free) == {VIRTUAL}
    assert BROADCAST not in free.macs
