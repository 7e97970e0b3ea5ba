"""Law 9 where something goes wrong in the middle: jobs end, and leave nothing half done."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import cast

import pytest

from tests.unit.api.desk import FAILED, PENDING, Desk
from tests.unit.api.looks import bindings, overdue, state
from vxloom.errors import StateError
from vxloom.server.jobs import Runner
from vxloom.store import Acknowledgement, Store, Transaction, records


@pytest.fixture
def hosts(desk: Desk, zone: str) -> dict[str, str]:
    return {name: desk.host(zone, name) for name in ("h1", "h2", "h3")}


@pytest.fixture
def vm(desk: Desk, zone: str, hosts: dict[str, str]) -> str:
    network = desk.network(zone)
    return str(desk.deploy(zone, network["id"], "vm1", hostid=hosts["h1"])["id"])


class Flaky:
    """A store whose next writes fail, as a locked database's do."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.failures = 0

    @contextlib.contextmanager
    def write(self, actor: str) -> Iterator[Transaction]:
        if self.failures:
            self.failures -= 1
            raise StateError("database is locked", remedy="find who locks it")
        with self._store.write(actor) as tx:
            yield tx

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


def test_a_job_outlives_a_locked_database(desk: Desk, hosts: dict[str, str], vm: str) -> None:
    job = desk.ask("migrateVirtualMachine", virtualmachineid=vm, hostid=hosts["h2"])["jobid"]
    flaky = Flaky(desk.store)
    runner = Runner(cast("Store", flaky), desk.hosts, patience=0)
    with desk.store.read() as rx:
        told = rx.host_intent(hosts["h2"])
    desk.store.acknowledge(Acknowledgement(hosts["h2"], told.revision, dict(told.segments)))
    flaky.failures = 1
    runner.turn()
    assert desk.job(job)["jobstatus"] == PENDING
    runner.turn()
    desk.settle()
    assert desk.job(job)["jobstatus"] == 1
    assert state(desk, vm) == "Running"


def test_one_job_in_trouble_does_not_hold_up_the_others(desk: Desk, hosts: dict[str, str], vm: str) -> None:
    with desk.store.write("test") as tx:
        admin = tx.one(records.User, username="admin")
        assert admin is not None
        stuck = tx.start_job(command="deployVirtualMachine", account=admin.account, user=admin.id, phase="start", deadline=1.0)
    job = desk.ask("stopVirtualMachine", id=vm)["jobid"]
    flaky = Flaky(desk.store)
    flaky.failures = 1  # the older job's
    with desk.store.read() as rx:
        told = rx.host_intent(hosts["h1"])
    desk.store.acknowledge(
        Acknowledgement(hosts["h1"], told.revision, dict(told.segments), tuple(told.gone_segments), tuple(told.gone_ports))
    )
    Runner(cast("Store", flaky), desk.hosts, patience=0).turn()
    assert desk.job(job)["jobstatus"] == 1
    assert desk.job(stuck.id)["jobstatus"] == PENDING


@pytest.mark.parametrize("removed", ["h1", "h2"])
def test_a_host_removed_while_a_machine_moves_leaves_no_binding_behind(desk: Desk, hosts: dict[str, str], vm: str, removed: str) -> None:
    job = desk.ask("migrateVirtualMachine", virtualmachineid=vm, hostid=hosts["h2"])["jobid"]
    desk.ask("deleteHost", id=hosts[removed], forced="true")
    overdue(desk)
    assert desk.job(job)["jobstatus"] == FAILED
    if removed == "h1":
        assert (state(desk, vm), bindings(desk, vm)) == ("Stopped", {})
    else:
        assert (state(desk, vm), bindings(desk, vm)) == ("Running", {"h1": "active"})
    desk.do("destroyVirtualMachine", id=vm, expunge="true")


def test_a_host_removed_while_a_machine_starts_ends_the_job_at_once(desk: Desk, zone: str, hosts: dict[str, str]) -> None:
    network = desk.network(zone)["id"]
    begun = desk.ask("deployVirtualMachine", zoneid=zone, networkids=network, hostid=hosts["h1"], **desk.sizes())
    desk.ask("deleteHost", id=hosts["h1"], forced="true")
    assert desk.job(begun["jobid"])["jobstatus"] == FAILED
    assert (state(desk, begun["id"]), bindings(desk, begun["id"])) == ("Stopped", {})
    desk.do("startVirtualMachine", id=begun["id"])
    assert state(desk, begun["id"]) == "Running"


def test_a_network_is_not_deleted_under_a_machine_that_starts(desk: Desk, zone: str, hosts: dict[str, str]) -> None:
    network = desk.network(zone)["id"]
    begun = desk.ask("deployVirtualMachine", zoneid=zone, networkids=network, **desk.sizes())
    assert desk.refused("deleteNetwork", id=network).status == 536
    desk.settle()
    assert state(desk, begun["id"]) == "Running"


@pytest.mark.parametrize("settled", [0, 1])
def test_a_machine_destroyed_while_it_moves_is_gone_everywhere(desk: Desk, hosts: dict[str, str], vm: str, settled: int) -> None:
    move = desk.ask("migrateVirtualMachine", virtualmachineid=vm, hostid=hosts["h2"])["jobid"]
    for _ in range(settled):
        desk.settle("h1")
    desk.do("destroyVirtualMachine", id=vm, expunge="true")
    assert desk.job(move)["jobstatus"] == FAILED
    assert desk.refused("listVirtualMachines", id=vm).status == 431
    with desk.store.read() as rx:
        assert rx.count(records.Binding) == rx.count(records.Nic) == 0
    desk.settle()
    with desk.store.read() as rx:
        assert rx.count(records.Belief, kind=records.BeliefKind.PORT) == 0


@pytest.mark.parametrize("command", ["startVirtualMachine", "stopVirtualMachine", "migrateVirtualMachine", "rebootVirtualMachine"])
def test_the_second_of_two_is_refused_and_changes_nothing(desk: Desk, hosts: dict[str, str], vm: str, command: str) -> None:
    if command == "startVirtualMachine":
        desk.do("stopVirtualMachine", id=vm)
    given = {"virtualmachineid": vm, "hostid": hosts["h2"]} if command == "migrateVirtualMachine" else {"id": vm}
    first = desk.ask(command, **given)["jobid"]
    before = bindings(desk, vm), state(desk, vm)
    assert desk.refused(command, **given).status == 431
    assert (bindings(desk, vm), state(desk, vm)) == before
    for _ in range(3):
        desk.settle()
    assert desk.job(first)["jobstatus"] == 1


def test_a_host_removed_while_a_machine_stops_there_ends_the_job_well(desk: Desk, hosts: dict[str, str], vm: str) -> None:
    job = desk.ask("stopVirtualMachine", id=vm)["jobid"]
    desk.ask("deleteHost", id=hosts["h1"], forced="true")
    desk.runner().turn()
    assert desk.job(job)["jobstatus"] == 1
    assert state(desk, vm) == "Stopped"
