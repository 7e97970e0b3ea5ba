"""The store's share of the laws: 6 (nothing withdrawn by accident), 7 (nothing reused while believed), 9 (jobs end)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.store.world import World
from vxloom.errors import RequestError
from vxloom.model.intent import BindingState
from vxloom.store import Acknowledgement, Reaped, Store, Transaction, backup, records, restore

MUST, PEER = records.WaitRole.MUST, records.WaitRole.PEER


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World.make(tmp_path / "store.db", vnis="5000-5000")
    yield made
    made.store.close()


class Pair:
    """One network, a NIC on each of two hosts."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.here, self.there, self.idle = world.hosts
        with world.store.write("test") as tx:
            self.network = world.segment(tx)
            self.a, self.b = world.nic(tx, self.network), world.nic(tx, self.network)
            tx.bind(self.a, self.here)
            tx.bind(self.b, self.there)

    def take_away(self, nic: str, host: str) -> None:
        with self.world.store.write("test") as tx:
            tx.unbind(nic, host)
            tx.release_nic(nic)

    def end(self) -> None:
        self.take_away(self.a, self.here)
        self.take_away(self.b, self.there)
        with self.world.store.write("test") as tx:
            tx.release_vni(self.network)
            tx.delete(records.Network, self.network)

    def vni_is_free(self) -> bool:
        return allowed(self.world, lambda tx: tx.take_vni(self.world.network(tx, "probe")))


class _UndoneError(Exception):
    pass


def allowed(world: World, attempt: Callable[[Transaction], object]) -> bool:
    """Whether the store would do it now, after freeing what can be freed. It is not done."""

    def and_undo(tx: Transaction) -> None:
        attempt(tx)
        raise _UndoneError

    world.store.reap()
    with pytest.raises((RequestError, _UndoneError)) as caught, world.store.write("test") as tx:
        and_undo(tx)
    return caught.type is _UndoneError


@pytest.fixture
def pair(world: World) -> Pair:
    return Pair(world)


# --- law 6: nothing is withdrawn by accident ----------------------------------------------------------------------------


def test_a_withdrawn_port_is_a_tombstone_until_the_host_says_it_is_gone(world: World, pair: Pair) -> None:
    with world.store.write("test") as tx:
        tx.unbind(pair.a, pair.here)
    revision = tx.revisions[world.zone]
    assert world.document(pair.here) == (revision, (pair.a,), (5000,))
    world.store.acknowledge(Acknowledgement(pair.here, revision, {}, (), ()))
    assert world.document(pair.here) == (revision, (pair.a,), (5000,)), "acknowledging the document is not acknowledging absence"
    world.store.acknowledge(Acknowledgement(pair.here, revision, {}, (), (pair.a,)))
    assert world.document(pair.here) == (revision, (), (5000,))
    world.store.acknowledge(Acknowledgement(pair.here, revision, {}, (5000,), ()))
    assert world.document(pair.here) == (revision, (), ())


def test_a_segment_stays_while_another_port_of_it_is_there(world: World, pair: Pair) -> None:
    with world.store.write("test") as tx:
        second = world.nic(tx, pair.network)
        tx.bind(second, pair.here)
    with world.store.write("test") as tx:
        tx.unbind(pair.a, pair.here)
    assert world.document(pair.here)[1:] == ((pair.a,), ())


def test_an_old_acknowledgement_says_nothing_of_a_later_withdrawal(world: World, pair: Pair) -> None:
    """Unbound, bound again, unbound again: the host's word on the first does not cover the last."""
    with world.store.write("test") as tx:
        tx.unbind(pair.a, pair.here)
    first = tx.revisions[world.zone]
    with world.store.write("test") as tx:
        tx.bind(pair.a, pair.here)
    assert world.document(pair.here)[1:] == ((), ()), "bound again: no tombstone"
    world.store.acknowledge(Acknowledgement(pair.here, first, {}, (5000,), (pair.a,)))
    assert world.rows(records.Belief, host=pair.here) == 2, "it is bound: the host will hold it, whatever it says of before"
    with world.store.write("test") as tx:
        tx.unbind(pair.a, pair.here)
    world.store.acknowledge(Acknowledgement(pair.here, first, {}, (5000,), (pair.a,)))
    assert world.document(pair.here)[1:] == ((pair.a,), (5000,))


def test_unbound_and_bound_again_in_one_transaction_is_no_tombstone(world: World, pair: Pair) -> None:
    with world.store.write("test") as tx:
        tx.unbind(pair.a, pair.here)
        tx.bind(pair.a, pair.here)
    assert world.document(pair.here)[1:] == ((), ())


def test_a_move_leaves_a_tombstone_only_at_the_source(world: World, pair: Pair) -> None:
    with world.store.write("test") as tx:
        tx.bind(pair.a, pair.idle, BindingState.INCOMING)
    with world.store.write("test") as tx:
        assert tx.bind(pair.a, pair.idle) == 2
        tx.unbind(pair.a, pair.here)
    assert world.document(pair.here)[1:] == ((pair.a,), (5000,))
    assert world.document(pair.idle)[1:] == ((), ())


def test_a_restored_store_has_another_epoch_and_does_not_know_what_came_after(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    world = World.make(data / "store.db")
    world.store.close()
    store = Store.open(data)
    with store.read() as rx:
        before = rx.zone_revision(world.zone)
    backup(data, "", tmp_path / "backup.tar")
    with store.write("test") as tx:
        tx.touch_host(world.hosts[0])
    with store.read() as rx:
        after = rx.zone_revision(world.zone)
    assert store.knows(world.zone, *before)
    assert store.knows(world.zone, *after)
    store.close()

    epoch = restore(data, "", tmp_path / "backup.tar")
    restored = Store.open(data)
    assert restored.epoch == epoch != store.epoch
    assert restored.knows(world.zone, *before)
    assert restored.knows(world.zone, 0, "")
    assert not restored.knows(world.zone, *after)
    with restored.write("test") as tx:
        tx.touch_host(world.hosts[0])
    assert tx.revisions[world.zone] == after[0], "the same number, of another history"
    assert not restored.knows(world.zone, *after)
    restored.close()


# --- law 7: nothing is reused while someone may still believe in it --------------------------------------------------------


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


# --- law 9: jobs end -------------------------------------------------------------------------------------------------------


def test_a_job_knows_whom_it_waits_for_and_at_which_revision(world: World, pair: Pair) -> None:
    with world.store.write("test") as tx:
        job = tx.start_job(command="deployVirtualMachine", account="a", user="u")
        tx.bind(world.nic(tx, pair.network), pair.here)
        tx.wait_host(job.id, pair.here, MUST)
        tx.wait_segment(job.id, pair.here, MUST, pair.network)
        tx.wait_segment(job.id, pair.there, PEER, pair.network)
    revision = tx.revisions[world.zone]
    with world.store.read() as rx:
        assert {(wait.host, wait.role, wait.kind, wait.key, wait.revision, wait.acked) for wait in rx.waits(job.id)} == {
            (pair.here, MUST, "host", pair.here, revision, False),
            (pair.here, MUST, "segment", "5000", revision, False),
            (pair.there, PEER, "segment", "5000", revision, False),
        }
        assert [one.id for one in rx.pending_jobs()] == [job.id]
        assert job.deadline is not None
        assert 29 < job.deadline - job.created < 31


def test_acknowledgements_satisfy_waits_up_to_their_revision(world: World, pair: Pair) -> None:
    with world.store.write("test") as tx:
        job = tx.start_job(command="c", account="a", user="u")
        tx.wait_host(job.id, pair.here, MUST)
        tx.wait_segment(job.id, pair.there, PEER, pair.network)
    revision = tx.revisions[world.zone]

    def open_waits() -> set[str]:
        with world.store.read() as rx:
            return {wait.host for wait in rx.waits(job.id) if not wait.acked}

    assert world.store.acknowledge(Acknowledgement(pair.here, revision - 1), Acknowledgement(pair.there, revision, {5001: revision})) == ()
    assert open_waits() == {pair.here, pair.there}
    assert world.store.acknowledge(Acknowledgement(pair.here, revision), Acknowledgement(pair.there, 0, {5000: revision + 5})) == (job.id,)
    assert open_waits() == set()
    assert world.store.acknowledge(Acknowledgement(pair.here, revision)) == ()


def test_waits_survive_a_restart(world: World, pair: Pair) -> None:
    with world.store.write("test") as tx:
        job = tx.start_job(command="c", account="a", user="u", phase="one", context={"vm": "x"}, deadline=123.0)
        tx.wait_host(job.id, pair.here, MUST)
    again = Store(world.store.url)
    with again.read() as rx:
        assert rx.pending_jobs() == [job]
        assert [wait.host for wait in rx.waits(job.id)] == [pair.here]
    again.close()


def test_the_next_phase_begins_without_waits_and_with_a_new_deadline(world: World, pair: Pair) -> None:
    with world.store.write("test") as tx:
        job = tx.start_job(command="c", account="a", user="u", context={"n": 1}, deadline=1.0)
        tx.wait_host(job.id, pair.here, MUST)
        later = tx.next_phase(job.id, "two")
        assert tx.waits(job.id) == []
    assert (later.phase, later.context) == ("two", {"n": 1})
    assert later.deadline is not None
    assert later.deadline > 1e9


def test_a_removed_host_is_waited_for_only_where_it_must(world: World, pair: Pair) -> None:
    with world.store.write("test") as tx:
        job = tx.start_job(command="c", account="a", user="u")
        tx.wait_segment(job.id, pair.there, PEER, pair.network)
        tx.wait_host(job.id, pair.there, MUST)
    with world.store.write("test") as tx:
        tx.remove_host(pair.there)
    with world.store.read() as rx:
        assert [(wait.role, wait.acked) for wait in rx.waits(job.id)] == [(MUST, False)]
        assert {(change.kind, change.key, change.op) for change in rx.changes(world.zone, tx.revisions[world.zone] - 1)} == {
            ("segment", pair.network, "put"),
            ("host", pair.there, "gone"),
        }


def test_a_wait_for_a_table_nobody_is_sent_is_refused(world: World) -> None:
    with world.store.write("test") as tx:
        job = tx.start_job(command="c", account="a", user="u")
        network = world.network(tx)
        with pytest.raises(LookupError):
            tx.wait_segment(job.id, world.hosts[0], PEER, network)


def test_an_acknowledgement_nobody_waits_for_writes_nothing(world: World, pair: Pair) -> None:
    lock = world.store.write("holder")
    with lock:  # a write would now be refused (same thread), so reaching the end means there was none
        assert world.store.acknowledge(Acknowledgement(pair.here, 99, {5000: 99})) == ()
