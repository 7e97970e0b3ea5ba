"""Isolation and reachability, by following frames through the desired states of all hosts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.intents import mac
from tests.properties.strategies import FEW, sane_clouds
from vxloom.compiler.frames import BROADCAST, Frame, Kind, packet, question
from vxloom.compiler.segments import active_binding
from vxloom.compiler.trace import desired_states, trace
from vxloom.model.host import tap_name
from vxloom.model.intent import Intent, Nic


def home(nic: Nic) -> tuple[str, str] | None:
    """(host, tap) of a NIC that lives and runs somewhere."""
    active = active_binding(nic.bindings)
    return (active.host.replace("host-", "h"), tap_name(nic.id)) if active and nic.running else None


def living(intent: Intent) -> list[tuple[Nic, tuple[str, str]]]:
    return [(nic, place) for nic in intent.nics if (place := home(nic))]


def members(intent: Intent, network: str) -> set[tuple[str, str]]:
    """Every (host, tap) bound in a network, in whatever state."""
    bound = ((nic, binding) for nic in intent.nics if nic.network == network for binding in nic.bindings)
    return {(binding.host.replace("host-", "h"), tap_name(nic.id)) for nic, binding in bound}


@FEW
@given(sane_clouds())
def test_every_guest_reaches_every_other_of_its_network_and_nobody_else_hears(intent: Intent) -> None:
    states = desired_states(intent)
    alive = living(intent)
    for here, place in alive:
        for there, target in alive:
            if here.network == there.network and here is not there:
                frame = packet(here.mac, there.mac, *(here.ips[:1] + there.ips[:1]))
                assert trace(frame, *place, states).delivered == {target}


@FEW
@given(sane_clouds())
def test_nothing_crosses_networks_although_addresses_are_the_same(intent: Intent) -> None:
    states = desired_states(intent)
    for here, place in living(intent):
        others = {key for nic in intent.nics if nic.network != here.network for key in members(intent, nic.network)}
        frames = [packet(here.mac, mac(number), *here.ips[:1]) for number in range(1, 9)]
        frames += [Frame(here.mac, BROADCAST, Kind.IP, *here.ips[:1]), Frame(here.mac, BROADCAST, Kind.RARP)]
        frames += [question(here.mac, ip, f"10.1.1.{number}") for ip in here.ips[:1] for number in (1, 2, 99, 200)]
        for frame in frames:
            assert not trace(frame, *place, states).delivered & others


@FEW
@given(sane_clouds())
def test_broadcast_reaches_every_bound_tap_of_the_network_once(intent: Intent) -> None:
    states = desired_states(intent)
    for here, place in living(intent):
        way = trace(Frame(here.mac, BROADCAST, Kind.IP, *here.ips[:1]), *place, states)
        assert way.delivered == members(intent, here.network) - {place}
        assert sum(hop.text == "out to the guest" for hop in way.hops) == len(way.delivered)


@FEW
@given(sane_clouds())
def test_a_question_for_a_known_guest_never_leaves_the_host(intent: Intent) -> None:
    states = desired_states(intent)
    for here, place in living(intent):
        for there, target in living(intent):
            if here.network != there.network or here is there:
                continue
            for mine, its in zip(here.ips, there.ips, strict=True):
                way = trace(question(here.mac, mine, its), *place, states)
                assert not way.left_host
                assert (way.answered == there.mac) != (target in way.delivered), str(way)


@FEW
@given(sane_clouds())
def test_a_question_for_a_shared_address_reaches_all_and_is_answered_by_none(intent: Intent) -> None:
    states = desired_states(intent)
    sharers = [nic for nic in intent.nics if nic.shared]
    for here, place in living(intent):
        if here.ips and any(nic.network == here.network for nic in sharers):
            way = trace(question(here.mac, here.ips[0], "10.1.1.99"), *place, states)
            assert not way.answered
            assert way.delivered == members(intent, here.network) - {place}


@FEW
@given(sane_clouds(), st.sampled_from((mac(77), mac(1), mac(2))), st.sampled_from(("10.1.1.77", "10.1.1.1", "10.1.1.2", "fd00:1::1")))
def test_a_spoofed_sender_reaches_nobody(intent: Intent, wrong_mac: str, wrong_ip: str) -> None:
    states = desired_states(intent)
    for here, place in living(intent):
        if wrong_mac != here.mac:
            for kind in Kind:
                assert not trace(Frame(wrong_mac, BROADCAST, kind), *place, states).delivered
        if here.ips and wrong_ip not in here.ips:
            for kind in (Kind.IP, Kind.ARP_REQUEST, Kind.ND_SOLICITATION):
                assert not trace(Frame(here.mac, BROADCAST, kind, wrong_ip, "10.1.1.250"), *place, states).delivered
        assert not trace(Frame(here.mac, BROADCAST, Kind.OTHER), *place, states).delivered
