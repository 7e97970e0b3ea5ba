"""Law 7: nothing is reused while someone may still believe in it."""

from __future__ import annotations

import pytest

from tests.contract.store_pair import Pair, allowed, pair, world
from tests.unit.store.world import World
from vxloom.errors import RequestError
from vxloom.store import Acknowledgement, Reaped, records

__all__ = ["pair", "world"]  # fixtures
MUST, PEER = records.WaitRole.MUST, records.WaitRole.PEER


def test_a_vni_returns_when_the_last_host_has_forgotten_it(world: World, pair: Pair) -> None:
    pair.end()
    assert not pair.vni_is_free()
    world.obey(pair.here)
    assert not pair.vni_is_free()
    world.obey(pair.there)
    assert pair.vni_is_free()


def test_an_exhausted_pool_says_how_many_are_still_believed_in(world: World, pair: Pair) -> None:
    pair.end()
    with pytest.raises(RequestError, match="1 come back when every host has forgotten them"), world.store.write("test") as tx:
        tx.take_vni(world.network(tx))


def test_a_vni_returns_when_a_host_that_believed_in_it_is_removed(world: World, pair: Pair) -> None:
    pair.end()
    world.obey(pair.here)
    with world.store.write("test") as tx:
        tx.remove_host(pair.there)
    assert pair.vni_is_free()


def test_a_vni_cannot_be_released_under_a_bound_nic(world: World, pair: Pair) -> None:
    with pytest.raises(RequestError) as caught, world.store.write("test") as tx:
        tx.release_vni(pair.network)
    assert caught.value.code == 536


def test_a_mac_and_an_ip_return_when_host_and_peers_have_forgotten_them(world: World, pair: Pair) -> None:
    with world.store.read() as rx:
        mac = rx.get(records.Nic, pair.a).mac

    def refused() -> tuple[bool, bool]:
        return (
            not allowed(world, lambda tx: tx.take_mac("probe", world.zone, mac)),
            not allowed(world, lambda tx: tx.take_ip(pair.network, "probe", address="10.1.1.2")),
        )

    pair.take_away(pair.a, pair.here)
    assert refused() == (True, True)
    world.obey(pair.here)
    assert refused() == (True, True), "the peer's table still holds the MAC"
    with world.store.read() as rx:
        revision = rx.segment_revisions([pair.network])[pair.network][1]
    world.store.acknowledge(Acknowledgement(pair.there, 0, {5000: revision - 1}))
    assert refused() == (True, True), "the peer acknowledged the table before"
    world.obey(pair.there)
    assert refused() == (False, False)
    assert world.rows(records.MacAllocation) == world.rows(records.IpAllocation) == 1


def test_an_address_taken_from_a_nic_that_lives_on_returns_when_its_host_and_the_peers_have_forgotten_it(world: World, pair: Pair) -> None:
    def free() -> bool:
        return allowed(world, lambda tx: tx.take_ip(pair.network, "probe", address="10.1.1.50"))

    with world.store.write("test") as tx:
        tx.add(records.NicIp(nic=pair.a, address=tx.take_ip(pair.network, pair.a, address="10.1.1.50"), secondary=True))
    world.obey(pair.here, pair.there)
    with world.store.write("test") as tx:
        tx.release_ip(pair.network, "10.1.1.50")
    assert not free()
    world.obey(pair.there)
    assert not free(), "its own host still lets it say so"
    with world.store.read() as rx:
        sent = rx.host_intent(pair.here)
    world.store.acknowledge(Acknowledgement(pair.here, sent.revision - 1, sent.segments))
    assert not free(), "the document before"
    world.obey(pair.here)
    assert free()
    assert world.rows(records.NicIp, nic=pair.a) == 1


def test_the_next_address_given_is_not_one_that_drains(world: World, pair: Pair) -> None:
    pair.take_away(pair.b, pair.there)
    with world.store.write("test") as tx:
        assert tx.take_ip(pair.network, "n") == "10.1.1.4"


def test_the_number_of_freed_allocations_is_told(world: World, pair: Pair) -> None:
    assert world.store.reap() == Reaped()
    pair.end()
    assert world.store.reap() == Reaped()
    world.obey(*world.hosts)
    assert world.store.reap() == Reaped(vnis=1, macs=2, ips=0), "the IPs went with their network"
    assert world.rows(records.Belief) == 0


def test_a_vni_a_host_holds_from_another_history_is_not_given(world: World) -> None:
    """After a restore: what was allotted since the backup is unknown here, and still in kernels out there."""
    host = world.hosts[0]

    def free() -> bool:
        world.store.reap()
        with world.store.read() as rx:
            return rx.count(records.VniAllocation) == 0

    world.store.report_held(host, {5000, 777})
    assert not free()
    assert world.document(host)[2] == (), "never a tombstone: nothing is withdrawn on a guess"
    with pytest.raises(RequestError, match="Unable to allocate"), world.store.write("test") as tx:
        tx.take_vni(world.network(tx))
    world.store.report_held(host, {777})
    world.store.acknowledge(Acknowledgement(host, 0, {}, (777,)))
    assert free()


def test_what_a_host_was_sent_is_not_taken_for_foreign(world: World, pair: Pair) -> None:
    world.store.report_held(pair.here, {5000})
    assert world.rows(records.Belief, kind=records.BeliefKind.HELD) == 0
