"""Law 6, the store's share: deletion is a tombstone under a store epoch."""

from __future__ import annotations

from pathlib import Path

from tests.contract.store_pair import Pair, pair, world
from tests.unit.store.world import World
from vxloom.model.intent import BindingState
from vxloom.store import Acknowledgement, Store, backup, records, restore

__all__ = ["pair", "world"]  # fixtures
MUST, PEER = records.WaitRole.MUST, records.WaitRole.PEER


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
