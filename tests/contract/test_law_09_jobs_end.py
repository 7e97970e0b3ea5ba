"""Law 9: jobs end. Whom a job waits for is stored with it, with a deadline."""

from __future__ import annotations

import pytest

from tests.contract.store_pair import Pair, pair, world
from tests.unit.store.world import World
from vxloom.store import Acknowledgement, Store, records

__all__ = ["pair", "world"]  # fixtures
MUST, PEER = records.WaitRole.MUST, records.WaitRole.PEER


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
