"""Machines that move, and jobs whose hosts do not answer."""

from __future__ import annotations

import time

import pytest

from tests.unit.api.desk import DONE, FAILED, PENDING, Desk
from tests.unit.api.looks import bindings, overdue, state
from vxloom.model.intent import BindingState
from vxloom.store import records


def test_a_moved_machine_keeps_mac_address_and_vni(desk: Desk, zone: str) -> None:
    h1, h2 = desk.host(zone, "h1"), desk.host(zone, "h2")
    network = desk.network(zone)
    vm = desk.deploy(zone, network["id"], "a", hostid=h1)
    answer = desk.ask("migrateVirtualMachine", virtualmachineid=vm["id"], hostid=h2)
    assert state(desk, vm["id"]) == "Migrating"
    assert bindings(desk, vm["id"]) == {"h1": "active", "h2": "incoming"}
    desk.settle()
    assert bindings(desk, vm["id"]) == {"h2": "active"}
    assert desk.job(answer["jobid"])["jobstatus"] == PENDING
    desk.settle(h1)
    assert desk.job(answer["jobid"])["jobstatus"] == PENDING  # the source has not let go yet
    desk.settle()
    moved = desk.job(answer["jobid"])["jobresult"]["virtualmachine"]
    assert (moved["state"], moved["hostname"]) == ("Running", "h2")
    for key in ("macaddress", "ipaddress", "vlanid"):
        assert moved["nic"][0][key] == vm["nic"][0][key]


def test_a_move_without_a_host_goes_to_another_one(desk: Desk, zone: str) -> None:
    h1 = desk.host(zone, "h1")
    network = desk.network(zone)
    vm = desk.deploy(zone, network["id"], "a")
    assert desk.refused("migrateVirtualMachine", virtualmachineid=vm["id"]).status == 533
    assert desk.refused("migrateVirtualMachine", virtualmachineid=vm["id"], hostid=h1).status == 431
    desk.host(zone, "h2")
    assert desk.refused("migrateVirtualMachine", virtualmachineid=vm["id"], autoselect="false").status == 431
    assert desk.do("migrateVirtualMachine", virtualmachineid=vm["id"])["virtualmachine"]["hostname"] == "h2"
    assert desk.refused("migrateVirtualMachine", virtualmachineid=vm["id"], storageid=h1).status == 431


def test_a_destination_that_says_nothing_leaves_the_machine_where_it_is(desk: Desk, zone: str) -> None:
    h1, h2 = desk.host(zone, "h1"), desk.host(zone, "h2")
    vm = desk.deploy(zone, desk.network(zone)["id"], "a", hostid=h1)
    job = desk.ask("migrateVirtualMachine", virtualmachineid=vm["id"], hostid=h2)["jobid"]
    desk.settle(h2)
    overdue(desk)
    failed = desk.job(job)
    assert (failed["jobstatus"], failed["jobresultcode"], failed["jobresult"]["errorcode"]) == (FAILED, 530, 530)
    assert "host h2 did not prepare" in failed["jobresult"]["errortext"]
    assert state(desk, vm["id"]) == "Running"
    assert bindings(desk, vm["id"]) == {"h1": "active"}


def test_a_source_that_says_nothing_fails_the_job_but_not_the_machine(desk: Desk, zone: str) -> None:
    h1, h2 = desk.host(zone, "h1"), desk.host(zone, "h2")
    vm = desk.deploy(zone, desk.network(zone)["id"], "a", hostid=h1)
    job = desk.ask("migrateVirtualMachine", virtualmachineid=vm["id"], hostid=h2)["jobid"]
    desk.settle(h1)
    desk.settle(h1)
    overdue(desk)
    assert desk.job(job)["jobstatus"] == FAILED
    assert "host h1 has not acknowledged" in desk.job(job)["jobresult"]["errortext"]
    assert state(desk, vm["id"]) == "Running"
    assert bindings(desk, vm["id"]) == {"h2": "active"}


def test_a_host_that_never_answers_fails_the_job_and_marks_the_machine(desk: Desk, zone: str) -> None:
    h1 = desk.host(zone, "h1")
    network = desk.network(zone)
    answer = desk.ask("deployVirtualMachine", name="a", zoneid=zone, networkids=network["id"], **desk.sizes())
    overdue(desk)
    job = desk.job(answer["jobid"])
    assert (job["jobstatus"], job["jobresultcode"], job["jobresulttype"]) == (FAILED, 530, "object")
    assert "no acknowledgement from host h1" in job["jobresult"]["errortext"]
    assert state(desk, answer["id"]) == "Error"
    assert {"vm.error", "host.silent"} == {alert["name"] for alert in desk.ask("listAlerts")["alert"]}
    [event] = desk.ask("listEvents", level="error")["event"]
    assert (event["type"], event["resourceid"]) == ("VM.CREATE", answer["id"])
    assert bindings(desk, answer["id"]) == {"h1": "active"}  # what was intended stays intended
    # the host comes back, and somebody starts it again
    desk.settle(h1)
    assert desk.do("startVirtualMachine", id=answer["id"])["virtualmachine"]["state"] == "Running"
    assert desk.ask("listAlerts") == {}


def test_a_peer_without_a_stream_is_named_and_not_waited_for(desk: Desk, zone: str) -> None:
    h1, h2 = desk.host(zone, "h1"), desk.host(zone, "h2")
    network = desk.network(zone)
    desk.deploy(zone, network["id"], "a", hostid=h1)
    desk.hosts.up.remove(h1)
    vm = desk.deploy(zone, network["id"], "b", hostid=h2)
    assert (vm["state"], vm["pendinghosts"]) == ("Running", ["h1"])


def test_a_silent_peer_is_named_at_the_deadline(desk: Desk, zone: str) -> None:
    h1, h2 = desk.host(zone, "h1"), desk.host(zone, "h2")
    network = desk.network(zone)
    desk.deploy(zone, network["id"], "a", hostid=h1)
    job = desk.ask("deployVirtualMachine", name="b", zoneid=zone, networkids=network["id"], hostid=h2, **desk.sizes())["jobid"]
    desk.settle(h1)
    assert desk.job(job)["jobstatus"] == PENDING
    overdue(desk)
    assert desk.job(job)["jobresult"]["virtualmachine"]["pendinghosts"] == ["h1"]
    [alert] = desk.ask("listAlerts")["alert"]
    assert alert["name"] == "host.silent"
    assert "host h1 is connected but" in alert["description"]
    desk.deploy(zone, network["id"], "c", hostid=h2)  # h1 speaks again
    assert desk.ask("listAlerts") == {}


def test_a_silent_peer_fails_the_job_where_the_setting_says_so(desk: Desk, zone: str) -> None:
    h1, h2 = desk.host(zone, "h1"), desk.host(zone, "h2")
    network = desk.network(zone)
    desk.deploy(zone, network["id"], "a", hostid=h1)
    desk.ask("updateConfiguration", name="vxloom.job.peers.required", value="true")
    job = desk.ask("deployVirtualMachine", name="b", zoneid=zone, networkids=network["id"], hostid=h2, **desk.sizes())["jobid"]
    desk.settle(h1)
    overdue(desk)
    assert desk.job(job)["jobstatus"] == FAILED
    assert "host h1" in desk.job(job)["jobresult"]["errortext"]


def test_a_zones_own_word_about_silent_peers_counts(desk: Desk, zone: str) -> None:
    h1, h2 = desk.host(zone, "h1"), desk.host(zone, "h2")
    network = desk.network(zone)
    desk.deploy(zone, network["id"], "a", hostid=h1)
    desk.ask("updateConfiguration", name="vxloom.job.peers.required", value="true", zoneid=zone)
    job = desk.ask("deployVirtualMachine", name="b", zoneid=zone, networkids=network["id"], hostid=h2, **desk.sizes())["jobid"]
    desk.settle(h1)
    overdue(desk)
    assert desk.job(job)["jobstatus"] == FAILED


def test_a_peer_that_goes_away_is_waited_for_no_longer(desk: Desk, zone: str) -> None:
    h1, h2 = desk.host(zone, "h1"), desk.host(zone, "h2")
    network = desk.network(zone)
    desk.deploy(zone, network["id"], "a", hostid=h1)
    job = desk.ask("deployVirtualMachine", name="b", zoneid=zone, networkids=network["id"], hostid=h2, **desk.sizes())["jobid"]
    desk.settle(h1)
    desk.hosts.up.remove(h1)
    desk.runner().turn()
    assert desk.job(job)["jobresult"]["virtualmachine"]["pendinghosts"] == ["h1"]


def test_a_forced_stop_does_not_wait(desk: Desk, zone: str) -> None:
    h1 = desk.host(zone, "h1")
    vm = desk.deploy(zone, desk.network(zone)["id"], "a")
    desk.hosts.up.remove(h1)
    job = desk.ask("stopVirtualMachine", id=vm["id"], forced="true")["jobid"]
    desk.runner().turn()
    assert desk.job(job)["jobresult"]["virtualmachine"]["state"] == "Stopped"


def test_a_restarted_runner_ends_a_job_left_behind(desk: Desk, zone: str) -> None:
    desk.host(zone, "h1")
    answer = desk.ask("deployVirtualMachine", zoneid=zone, networkids=desk.network(zone)["id"], **desk.sizes())
    with desk.store.write("test") as tx:
        tx.update(records.Job, answer["jobid"], deadline=time.time() - 60)  # the server was down for long
    runner = desk.runner()
    runner.take_over()
    runner.turn()
    assert desk.job(answer["jobid"])["jobstatus"] == PENDING
    desk.settle()
    assert desk.job(answer["jobid"])["jobstatus"] == DONE


def test_a_binding_that_moves_grows_its_sequence(desk: Desk, zone: str) -> None:
    h1, h2 = desk.host(zone, "h1"), desk.host(zone, "h2")
    vm = desk.deploy(zone, desk.network(zone)["id"], "a", hostid=h1)
    for host in (h2, h1, h2):
        desk.do("migrateVirtualMachine", virtualmachineid=vm["id"], hostid=host)
    with desk.store.read() as rx:
        [binding] = rx.all(records.Binding)
    assert (binding.host, binding.state, binding.sequence) == (h2, BindingState.ACTIVE, 4)


def test_a_job_leaves_alone_a_machine_another_job_has_taken_in_hand(desk: Desk, zone: str) -> None:
    h1, h2 = desk.host(zone, "h1"), desk.host(zone, "h2")
    network = desk.network(zone)
    first = desk.ask("deployVirtualMachine", zoneid=zone, networkids=network["id"], hostid=h1, **desk.sizes())
    second = desk.ask("destroyVirtualMachine", id=first["id"])["jobid"]
    desk.settle()
    assert desk.job(first["jobid"])["jobstatus"] == FAILED
    assert "Destroyed meanwhile" in desk.job(first["jobid"])["jobresult"]["errortext"]
    assert desk.job(second)["jobstatus"] == DONE
    assert state(desk, first["id"]) == "Destroyed"
    vm = desk.deploy(zone, network["id"], "b", hostid=h1)
    move = desk.ask("migrateVirtualMachine", virtualmachineid=vm["id"], hostid=h2)["jobid"]
    stop = desk.ask("stopVirtualMachine", id=vm["id"], forced="true")["jobid"]
    desk.settle()
    assert [desk.job(job)["jobstatus"] for job in (move, stop)] == [FAILED, DONE]
    assert state(desk, vm["id"]) == "Stopped"
    assert bindings(desk, vm["id"]) == {}


def test_a_removed_machine_fails_the_job_that_was_about_it(desk: Desk, zone: str) -> None:
    h1 = desk.host(zone, "h1")
    answer = desk.ask("deployVirtualMachine", zoneid=zone, networkids=desk.network(zone)["id"], **desk.sizes())
    desk.hosts.up.remove(h1)
    gone = desk.ask("destroyVirtualMachine", id=answer["id"], expunge="true")["jobid"]
    overdue(desk)
    overdue(desk)
    assert desk.job(gone)["jobstatus"] == DONE
    assert desk.job(answer["jobid"])["jobstatus"] == FAILED
    assert desk.ask("listVirtualMachines") == {}


def test_old_jobs_are_forgotten(desk: Desk, zone: str) -> None:
    before = desk.ask("listAsyncJobs")["count"]
    desk.runner().sweep()
    assert desk.ask("listAsyncJobs")["count"] == before
    desk.time = time.time() + 8 * 86400
    desk.runner().sweep()
    assert desk.ask("listAsyncJobs") == {}


def test_a_job_whose_next_phase_is_broken_ends(desk: Desk, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.host(zone, "h1")
    answer = desk.ask("deployVirtualMachine", zoneid=zone, networkids=desk.network(zone)["id"], **desk.sizes())
    monkeypatch.setattr("vxloom.server.lifecycle.machines.audit", lambda *_, **__: 1 / 0)
    desk.settle()
    job = desk.job(answer["jobid"])
    assert (job["jobstatus"], job["jobresultcode"]) == (FAILED, 530)
    assert "ZeroDivision" not in job["jobresult"]["errortext"]
