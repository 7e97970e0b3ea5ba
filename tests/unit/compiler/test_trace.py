"""Where a frame ends, and what the last line says, on healthy hosts and broken ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.intents import at, cloud, desired, mac, network, nic, nic_id, tap
from vxloom.compiler.frames import BROADCAST, Frame, Kind, link_local, packet, question
from vxloom.compiler.trace import Trace, desired_states, follow, trace
from vxloom.errors import IntentError
from vxloom.model.state import HostState, Resource, SegmentRows
from vxloom.model.vteps import Vteps

INTENT = cloud((network(5001),), (nic(1, 5001, at(1)), nic(2, 5001, at(2)), nic(3, 5001, at(1))))
STATES = desired_states(INTENT)
TO_PEER = packet(mac(1), mac(2), "10.1.1.1", "10.1.1.2")
TO_ALL = Frame(mac(1), BROADCAST, Kind.IP, "10.1.1.1")
PEER, LOCAL = ("h2", tap(2, 5001)), ("h1", tap(3, 5001))


def without(host: str, *kinds: str) -> dict[str, HostState]:
    left = {key: r for key, r in STATES[host].resources.items() if key[0] not in kinds}
    return {**STATES, host: replace(STATES[host], resources=left)}


def changed(host: str, key: tuple[str, str], **fields: object) -> dict[str, HostState]:
    resource: Resource = STATES[host].resources[key]
    return {**STATES, host: replace(STATES[host], resources={**STATES[host].resources, key: replace(resource, **fields)})}  # type: ignore[type-var]


def rows(host: str, **tables: object) -> dict[str, HostState]:
    return {**STATES, host: replace(STATES[host], rows={5001: replace(STATES[host].rows[5001], **tables)})}  # type: ignore[arg-type]


def send(frame: Frame, states: dict[str, HostState] = STATES) -> Trace:
    return trace(frame, "h1", tap(1, 5001), states)


NOTHING = SegmentRows()
CASES = [
    (TO_PEER, without("h1", "tap"), "it is not bound here"),
    (TO_PEER, changed("h1", ("tap", tap(1, 5001)), up=False), "the tap is down"),
    (TO_PEER, changed("h1", ("tap", tap(1, 5001)), macs=frozenset()), "no row on it"),
    (TO_PEER, without("h1", "filter"), "no filter stands"),
    (TO_PEER, without("h1", "bridge"), "there is no such bridge"),
    (TO_PEER, changed("h1", ("bridge", "brvx-5001"), up=False), "the bridge is down"),
    (TO_PEER, without("h1", "vxlan"), "counted, not flooded"),
    (TO_PEER, rows("h1", bridged=NOTHING.bridged), "counted, not flooded"),
    (TO_PEER, rows("h1", fdb=NOTHING.fdb), "no VTEP is known"),
    (TO_PEER, changed("h1", ("allow-list", "5001"), vteps=Vteps()), "is not in this host's allow list of VNI 5001"),
    (TO_PEER, changed("h2", ("allow-list", "5001"), vteps=Vteps()), "192.0.2.1 is not in the allow list of VNI 5001 on host h2"),
    (TO_PEER, {"h1": STATES["h1"]}, "no host has this VTEP"),
    (TO_PEER, changed("h2", ("vxlan", "vxlan5001"), vni=5009), "does not take part in VNI 5001"),
    (TO_PEER, changed("h2", ("vxlan", "vxlan5001"), up=False), "does not take part in VNI 5001"),
    (TO_PEER, changed("h2", ("bridge", "brvx-5001"), up=False), "it is on no bridge that is up"),
    (TO_PEER, changed("h2", ("tap", tap(2, 5001)), macs=frozenset()), "does not live here"),
    (TO_PEER, changed("h2", ("tap", tap(2, 5001)), up=False), "the tap is down"),
    (TO_ALL, without("h1", "vxlan"), "no peer hears it"),
    (TO_ALL, changed("h1", ("vxlan", "vxlan5001"), bcast_flood=False), "its port does not flood this"),
    (replace(TO_ALL, kind=Kind.OTHER), STATES, "ethertype"),
    (replace(TO_ALL, source=mac(9)), STATES, "spoofed"),
    (replace(TO_ALL, sender="10.1.1.9"), STATES, "spoofed"),
    (question(mac(1), "10.1.1.1", "10.1.1.1"), STATES, "gratuitous"),
    (question(mac(1), "10.1.1.1", "10.1.1.2"), STATES, "stays at home"),
]


@pytest.mark.parametrize(("frame", "states", "reason"), CASES, ids=[f"{case[0].kind}: {case[2]}" for case in CASES])
def test_the_last_line_says_why_it_ends(frame: Frame, states: dict[str, HostState], reason: str) -> None:
    way = send(frame, states)
    assert PEER not in way.delivered
    assert reason in str(way).splitlines()[-1]


def test_a_healthy_way_ends_at_the_guest() -> None:
    assert send(TO_PEER).delivered == {PEER}
    assert send(TO_PEER).left_host
    assert send(packet(mac(1), mac(3), "10.1.1.1", "10.1.1.3")).delivered == {LOCAL}
    assert send(TO_ALL).delivered == {PEER, LOCAL}


def test_a_question_is_flooded_where_suppression_is_off_or_the_answer_unknown() -> None:
    known = question(mac(1), "10.1.1.1", "10.1.1.2")
    assert send(known, changed("h1", ("vxlan", "vxlan5001"), neigh_suppress=False)).delivered == {PEER, LOCAL}
    assert send(known, rows("h1", bridged=NOTHING.bridged)).delivered == {PEER, LOCAL}
    assert send(question(mac(1), "10.1.1.1", "10.1.1.77")).delivered == {PEER, LOCAL}
    assert send(known).answered == mac(2)
    assert send(question(mac(1), "fd00:1::1", "fd00:1::2")).answered == mac(2)


def test_multicast_and_broadcast_have_a_flag_each() -> None:
    group = replace(TO_ALL, destination="01:00:5e:00:00:12")
    assert send(group, changed("h1", ("vxlan", "vxlan5001"), bcast_flood=False)).delivered == {PEER, LOCAL}
    assert send(group, changed("h1", ("vxlan", "vxlan5001"), mcast_flood=False)).delivered == {LOCAL}


@pytest.mark.parametrize("kind", [Kind.RARP, Kind.IP])
def test_a_frame_without_a_sender_address_passes(kind: Kind) -> None:
    """RARP of a migration, duplicate address detection, DHCP."""
    assert send(Frame(mac(1), BROADCAST, kind)).delivered == {PEER, LOCAL}


def test_the_own_link_local_address_always_passes() -> None:
    """RFC 4291 appendix A, modified EUI-64."""
    assert link_local("34:56:78:9a:bc:de") == "fe80::3656:78ff:fe9a:bcde"
    assert send(replace(TO_ALL, sender=link_local(mac(1)))).delivered == {PEER, LOCAL}
    assert not send(replace(TO_ALL, sender=link_local(mac(2)))).delivered


def test_a_network_without_addresses_lets_any_sender_address_pass() -> None:
    intent = cloud((network(5001, addressed=False),), (nic(1, 5001, at(1), addressed=False), nic(2, 5001, at(2), addressed=False)))
    story = follow(intent, nic_id(1, 5001), nic_id(2, 5001))
    assert story.reached
    assert len(story.traces) == 1
    frame = packet(mac(1), mac(2), "172.16.0.1", "172.16.0.2")
    assert trace(frame, "h1", tap(1, 5001), desired_states(intent)).delivered == {PEER}


def test_an_unknown_host_is_a_story_too() -> None:
    assert not trace(TO_PEER, "h9", "t", STATES).delivered


def test_stories_need_two_living_nics() -> None:
    with pytest.raises(IntentError, match="is not there"):
        follow(INTENT, nic_id(1, 5001), "nobody")
    stopped = cloud((network(5001),), (nic(1, 5001, at(1)), nic(2, 5001)))
    with pytest.raises(IntentError, match="vm2 lives on no host"):
        follow(stopped, nic_id(1, 5001), nic_id(2, 5001))


def test_a_guest_that_cannot_be_reached_has_a_conclusion() -> None:
    half = cloud((network(5001),), (nic(1, 5001, at(1)), nic(2, 5001, at(2), running=False)))
    story = follow(half, nic_id(1, 5001), nic_id(2, 5001))
    assert not story.reached
    assert str(story).endswith("vm1 does not reach vm2: see the last line above\n")


def test_frames_speak() -> None:
    assert str(TO_PEER) == f"IP 10.1.1.1 → 10.1.1.2, {mac(1)} → {mac(2)}"
    assert str(TO_ALL) == f"IP 10.1.1.1 → ?, {mac(1)} → {BROADCAST}"
    assert str(Frame(mac(1), BROADCAST, Kind.RARP)) == f"RARP announcement, {mac(1)} → {BROADCAST}"
    assert question(mac(1), "fd00:1::1", "fd00:1::2:3456").destination == "33:33:ff:02:34:56"
    assert desired(INTENT).rows.keys() == {5001}
