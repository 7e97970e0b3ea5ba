"""Maintenance of hosts: they are emptied, kept empty, and opened again."""

from __future__ import annotations

from tests.unit.api.desk import DONE, FAILED, PENDING, Desk
from tests.unit.api.looks import bindings, overdue, state
from vxloom.store import records


def resource_state(desk: Desk, host: str) -> str:
    return str(desk.ask("listHosts", id=host)["host"][0]["resourcestate"])


def test_a_host_in_maintenance_is_empty_and_stays_so(desk: Desk, zone: str) -> None:
    h1, h2 = desk.host(zone, "h1"), desk.host(zone, "h2")
    network = desk.network(zone)["id"]
    vms = [desk.deploy(zone, network, name, hostid=h1) for name in ("a", "b")]
    answer = desk.ask("prepareHostForMaintenance", id=h1)
    assert resource_state(desk, h1) == "PrepareForMaintenance"
    assert {state(desk, vm["id"]) for vm in vms} == {"Migrating"}
    for _ in range(4):
        desk.settle()
    job = desk.job(answer["jobid"])
    assert (job["jobstatus"], job["jobinstancetype"], job["jobinstanceid"]) == (DONE, "Host", h1)
    assert job["jobresult"]["host"]["resourcestate"] == "Maintenance"
    for vm in vms:
        assert bindings(desk, vm["id"]) == {"h2": "active"}
        assert state(desk, vm["id"]) == "Running"
    refused = desk.refused("deployVirtualMachine", zoneid=zone, networkids=network, hostid=h1, **desk.sizes())
    assert (refused.status, "is Maintenance" in refused.text) == (533, True)
    assert "is Maintenance" in desk.refused("migrateVirtualMachine", virtualmachineid=vms[0]["id"], hostid=h1).text
    assert desk.deploy(zone, network, "c")["hostid"] == h2
    assert desk.refused("prepareHostForMaintenance", id=h1).status == 431
    assert desk.refused("updateHost", id=h1, allocationstate="Enable").status == 431
    assert desk.do("cancelHostMaintenance", id=h1)["host"]["resourcestate"] == "Enabled"
    assert desk.refused("cancelHostMaintenance", id=h1).status == 431
    assert desk.do("migrateVirtualMachine", virtualmachineid=vms[0]["id"], hostid=h1)["virtualmachine"]["hostid"] == h1
    kinds = {event["type"] for event in desk.ask("listEvents", listall="true")["event"]}
    assert {"MAINT.PREPARE", "MAINT.CANCEL", "VM.MIGRATE"} <= kinds


def test_an_empty_host_is_in_maintenance_at_once(desk: Desk, zone: str) -> None:
    h1 = desk.host(zone, "h1")
    assert desk.job(desk.ask("prepareHostForMaintenance", id=h1)["jobid"])["jobresult"]["host"]["resourcestate"] == "Maintenance"


def test_machines_that_have_nowhere_to_go_leave_the_host_in_error(desk: Desk, zone: str) -> None:
    h1, h2 = desk.host(zone, "h1"), desk.host(zone, "h2")
    network = desk.network(zone)["id"]
    desk.ask("updateHost", id=h1, hosttags="gpu")
    offering = desk.ask("createServiceOffering", name="g", displaytext="g", cpunumber=1, cpuspeed=500, memory=256, hosttags="gpu")
    sizes = desk.sizes() | {"serviceofferingid": offering["serviceoffering"]["id"]}
    stays = desk.do("deployVirtualMachine", name="gpu", zoneid=zone, networkids=network, **sizes)["virtualmachine"]
    moves = desk.deploy(zone, network, "b", hostid=h1)
    job = desk.ask("prepareHostForMaintenance", id=h1)["jobid"]
    for _ in range(4):
        desk.settle()
    failed = desk.job(job)
    assert (failed["jobstatus"], failed["jobresultcode"]) == (FAILED, 530)
    assert "gpu has nowhere to go" in failed["jobresult"]["errortext"]
    assert "lacks the host tag gpu" in failed["jobresult"]["errortext"]
    assert resource_state(desk, h1) == "ErrorInMaintenance"
    assert (bindings(desk, stays["id"]), bindings(desk, moves["id"])) == ({"h1": "active"}, {"h2": "active"})
    [alert] = desk.ask("listAlerts")["alert"]
    assert alert["name"] == "host.maintenance"
    desk.do("cancelHostMaintenance", id=h1)
    assert desk.ask("listAlerts") == {}
    desk.ask("updateHost", id=h2, hosttags="gpu")
    assert desk.do("prepareHostForMaintenance", id=h1)["host"]["resourcestate"] == "Maintenance"


def test_a_move_that_fails_leaves_the_host_in_error(desk: Desk, zone: str) -> None:
    h1, _ = desk.host(zone, "h1"), desk.host(zone, "h2")
    vm = desk.deploy(zone, desk.network(zone)["id"], "a", hostid=h1)
    job = desk.ask("prepareHostForMaintenance", id=h1)["jobid"]
    overdue(desk)  # h2 never prepares for it
    overdue(desk)
    assert desk.job(job)["jobstatus"] == FAILED
    assert "a could not be moved" in desk.job(job)["jobresult"]["errortext"]
    assert (resource_state(desk, h1), bindings(desk, vm["id"])) == ("ErrorInMaintenance", {"h1": "active"})


def test_maintenance_is_cancelled_in_the_middle(desk: Desk, zone: str) -> None:
    h1, _ = desk.host(zone, "h1"), desk.host(zone, "h2")
    vm = desk.deploy(zone, desk.network(zone)["id"], "a", hostid=h1)
    job = desk.ask("prepareHostForMaintenance", id=h1)["jobid"]
    assert desk.do("cancelHostMaintenance", id=h1)["host"]["resourcestate"] == "Enabled"
    assert desk.job(job)["jobstatus"] == FAILED
    assert "was cancelled" in desk.job(job)["jobresult"]["errortext"]
    for _ in range(3):
        desk.settle()
    assert (state(desk, vm["id"]), bindings(desk, vm["id"])) == ("Running", {"h2": "active"})  # the move that had begun ended
    assert resource_state(desk, h1) == "Enabled"


def test_maintenance_goes_on_where_a_server_was_stopped(desk: Desk, zone: str) -> None:
    h1, _ = desk.host(zone, "h1"), desk.host(zone, "h2")
    desk.deploy(zone, desk.network(zone)["id"], "a", hostid=h1)
    job = desk.ask("prepareHostForMaintenance", id=h1)["jobid"]
    runner = desk.runner()  # all it knows is in the store
    runner.take_over()
    assert runner.turn() == 2
    assert desk.job(job)["jobstatus"] == PENDING
    for _ in range(4):
        desk.settle()
    assert desk.job(job)["jobstatus"] == DONE


def test_a_machine_that_starts_is_waited_for_and_then_moved(desk: Desk, zone: str) -> None:
    h1, _ = desk.host(zone, "h1"), desk.host(zone, "h2")
    network = desk.network(zone)["id"]
    vm = desk.ask("deployVirtualMachine", name="a", zoneid=zone, networkids=network, hostid=h1, **desk.sizes())
    job = desk.ask("prepareHostForMaintenance", id=h1)["jobid"]
    assert state(desk, vm["id"]) == "Starting"
    for _ in range(5):
        desk.settle()
    assert desk.job(vm["jobid"])["jobstatus"] == DONE
    assert desk.job(job)["jobstatus"] == DONE
    assert bindings(desk, vm["id"]) == {"h2": "active"}


def test_a_stopped_machine_does_not_go_back_to_a_host_in_maintenance(desk: Desk, zone: str) -> None:
    h1, h2 = desk.host(zone, "h1"), desk.host(zone, "h2")
    vm = desk.deploy(zone, desk.network(zone)["id"], "a", hostid=h1)
    desk.do("stopVirtualMachine", id=vm["id"])
    desk.do("prepareHostForMaintenance", id=h1)
    assert desk.do("startVirtualMachine", id=vm["id"])["virtualmachine"]["hostid"] == h2


def test_a_host_removed_in_the_middle_ends_the_job(desk: Desk, zone: str) -> None:
    h1, _ = desk.host(zone, "h1"), desk.host(zone, "h2")
    desk.deploy(zone, desk.network(zone)["id"], "a", hostid=h1)
    job = desk.ask("prepareHostForMaintenance", id=h1)["jobid"]
    desk.ask("deleteHost", id=h1, forced="true")
    assert desk.job(job)["jobstatus"] == FAILED
    assert "was removed" in desk.job(job)["jobresult"]["errortext"]


def test_a_host_reconnects(desk: Desk, zone: str) -> None:
    h1 = desk.host(zone, "h1")
    job = desk.ask("reconnectHost", id=h1)["jobid"]
    assert desk.hosts.reconnected == [h1]
    assert desk.job(job)["jobstatus"] == PENDING
    desk.settle()
    assert desk.job(job)["jobresult"]["host"]["id"] == h1
    late = desk.ask("reconnectHost", id=h1)["jobid"]
    overdue(desk)
    assert (desk.job(late)["jobstatus"], "did not come back" in desk.job(late)["jobresult"]["errortext"]) == (FAILED, True)
    desk.hosts.up.clear()
    assert desk.refused("reconnectHost", id=h1).status == 534


def test_hosts_for_migration_say_which_fit(desk: Desk, zone: str) -> None:
    h1, h2, h3 = (desk.host(zone, name) for name in ("h1", "h2", "h3"))
    vm = desk.deploy(zone, desk.network(zone)["id"], "a", hostid=h1)
    desk.hosts.up.remove(h3)
    answer = desk.ask("findHostsForMigration", virtualmachineid=vm["id"])
    assert [(h["id"], h["suitableformigration"], h["requiresStorageMotion"]) for h in answer["host"]] == [
        (h2, True, False),
        (h3, False, False),
    ]
    assert [(h["id"], h["suitableformigration"]) for h in desk.ask("listHosts", virtualmachineid=vm["id"])["host"]] == [
        (h2, True),
        (h3, False),
    ]
    assert desk.ask("findHostsForMigration", virtualmachineid=vm["id"], page=2, pagesize=1)["host"][0]["id"] == h3
    assert desk.ask("findHostsForMigration", virtualmachineid=vm["id"], keyword="H2")["count"] == 1
    desk.do("stopVirtualMachine", id=vm["id"])
    assert desk.refused("findHostsForMigration", virtualmachineid=vm["id"]).status == 431


def test_hosts_in_disabled_clusters_and_pods_get_no_machines_by_themselves(desk: Desk, zone: str) -> None:
    h1 = desk.host(zone, "h1")
    network = desk.network(zone)["id"]
    cluster, pod = desk.ask("listClusters")["cluster"][0]["id"], desk.ask("listPods")["pod"][0]["id"]
    desk.ask("updateCluster", id=cluster, allocationstate="Disabled")
    refused = desk.refused("deployVirtualMachine", zoneid=zone, networkids=network, **desk.sizes())
    assert (refused.status, "is in a disabled cluster" in refused.text) == (533, True)
    assert desk.deploy(zone, network, "a", hostid=h1)["hostid"] == h1
    desk.ask("updateCluster", id=cluster, allocationstate="Enabled")
    desk.ask("updatePod", id=pod, allocationstate="Disabled")
    assert "disabled pod" in desk.refused("deployVirtualMachine", zoneid=zone, networkids=network, **desk.sizes()).text


def test_a_host_is_renamed_and_annotated(desk: Desk, zone: str) -> None:
    h1 = desk.host(zone, "h1")
    desk.host(zone, "h2")
    host = desk.ask("updateHost", id=h1, name="rack1", annotation="fan is loud", hosttags="a,b")["host"]
    assert (host["name"], host["annotation"], host["hosttags"]) == ("rack1", "fan is loud", "a,b")
    assert desk.refused("updateHost", id=h1, name="H2").status == 431
    host = desk.ask("updateHost", id=h1, annotation="", hosttags="")["host"]
    assert "annotation" not in host
    assert "hosttags" not in host
    with desk.store.read() as rx:
        assert rx.get(records.Host, h1).annotation is None  # type: ignore[union-attr]
