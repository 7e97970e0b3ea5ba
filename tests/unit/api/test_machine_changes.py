"""Machines that are there already: destroyed and recovered, resized, restored, changed; and what clients read of them."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest

from tests.unit.api.desk import DONE, FAILED, Desk
from tests.unit.api.looks import PUBLIC_KEY, bindings, overdue, state
from vxloom.store import records


@pytest.fixture
def host(desk: Desk, zone: str) -> str:
    return desk.host(zone, "h1")


@pytest.fixture
def vm(desk: Desk, zone: str, host: str) -> dict[str, Any]:
    return desk.deploy(zone, desk.network(zone, "n1")["id"], "web")


def custom(desk: Desk, **more: object) -> str:
    return str(desk.ask("createServiceOffering", name="own size", customized="true", **more)["serviceoffering"]["id"])


def sweep_after(desk: Desk, seconds: float) -> None:
    desk.time = time.time() + seconds
    desk.runner().sweep()
    desk.time = 0


# ------------------------------------------------------------------------------------------------- destroyed and back


def test_a_destroyed_machine_is_recovered_with_its_addresses(desk: Desk, vm: dict[str, Any]) -> None:
    assert desk.refused("recoverVirtualMachine", id=vm["id"]).status == 431
    desk.do("destroyVirtualMachine", id=vm["id"])
    back = desk.ask("recoverVirtualMachine", id=vm["id"])["virtualmachine"]
    assert (back["state"], back["nic"][0]["ipaddress"]) == ("Stopped", vm["nic"][0]["ipaddress"])
    sweep_after(desk, 1e6)
    assert desk.do("startVirtualMachine", id=vm["id"])["virtualmachine"]["state"] == "Running"


def test_destroying_what_is_destroyed_is_no_error(desk: Desk, vm: dict[str, Any]) -> None:
    desk.do("stopVirtualMachine", id=vm["id"])
    assert desk.do("destroyVirtualMachine", id=vm["id"])["virtualmachine"]["state"] == "Destroyed"
    assert desk.do("destroyVirtualMachine", id=vm["id"])["virtualmachine"]["state"] == "Destroyed"
    assert desk.do("destroyVirtualMachine", id=vm["id"], expunge="true")["virtualmachine"]["state"] == "Expunging"
    assert desk.refused("destroyVirtualMachine", id=vm["id"]).status == 431


def test_a_destroyed_machine_is_expunged_after_its_delay(desk: Desk, zone: str, vm: dict[str, Any]) -> None:
    desk.ask("updateConfiguration", name="expunge.delay", value="3600")
    other = desk.deploy(zone, vm["nic"][0]["networkid"], "other")["id"]
    desk.do("destroyVirtualMachine", id=vm["id"])
    sweep_after(desk, 3000)
    assert state(desk, vm["id"]) == "Destroyed"
    sweep_after(desk, 3700)
    assert desk.refused("listVirtualMachines", id=vm["id"]).status == 431
    assert state(desk, other) == "Running"
    with desk.store.read() as rx:
        assert rx.count(records.Nic, vm=vm["id"]) == 0
        event = rx.one(records.Event, type="VM.EXPUNGE")
        assert event is not None
        assert event.resource == vm["id"]
    desk.settle()
    desk.store.reap()
    with desk.store.read() as rx:
        assert rx.count(records.IpAllocation, address=vm["nic"][0]["ipaddress"]) == 0


def test_looks_for_destroyed_machines_come_at_their_interval(desk: Desk, vm: dict[str, Any]) -> None:
    desk.ask("updateConfiguration", name="expunge.delay", value="0")
    runner, began = desk.runner(), time.time()
    desk.time = began + 10
    runner.sweep()
    desk.do("destroyVirtualMachine", id=vm["id"])
    desk.time = began + 86000
    runner.sweep()
    assert state(desk, vm["id"]) == "Destroyed"
    desk.time = began + 86500
    runner.sweep()
    assert desk.refused("listVirtualMachines", id=vm["id"]).status == 431


def test_a_machine_destroyed_before_there_was_a_date_gets_its_full_delay(desk: Desk, vm: dict[str, Any]) -> None:
    desk.do("destroyVirtualMachine", id=vm["id"])
    with desk.store.write("test") as tx:
        tx.update(records.Vm, vm["id"], destroyed=None)
    sweep_after(desk, 1e6)
    assert state(desk, vm["id"]) == "Destroyed"
    sweep_after(desk, 1e6 + 86500)
    assert desk.refused("listVirtualMachines", id=vm["id"]).status == 431


def test_a_machine_whose_destruction_is_not_acknowledged_yet_is_not_expunged(desk: Desk, vm: dict[str, Any]) -> None:
    desk.ask("updateConfiguration", name="expunge.delay", value="0")
    job = desk.ask("destroyVirtualMachine", id=vm["id"])["jobid"]
    sweep_after(desk, 5)
    assert state(desk, vm["id"]) == "Destroyed"
    desk.settle()
    assert desk.job(job)["jobstatus"] == DONE
    sweep_after(desk, 10)
    assert desk.refused("listVirtualMachines", id=vm["id"]).status == 431


# ------------------------------------------------------------------------------------------------------------- size


def test_a_stopped_machine_gets_another_size(desk: Desk, vm: dict[str, Any]) -> None:
    big = desk.ask("createServiceOffering", name="big", cpunumber=4, cpuspeed=2000, memory=8192)["serviceoffering"]["id"]
    for command in ("changeServiceForVirtualMachine", "scaleVirtualMachine"):
        assert "stop it first" in desk.refused(command, id=vm["id"], serviceofferingid=big).text
    desk.do("stopVirtualMachine", id=vm["id"])
    changed = desk.ask("changeServiceForVirtualMachine", id=vm["id"], serviceofferingid=big)["virtualmachine"]
    assert (changed["serviceofferingid"], changed["cpunumber"], changed["cpuspeed"], changed["memory"]) == (big, 4, 2000, 8192)
    own = custom(desk)
    assert "cpuNumber and memory" in desk.refused("scaleVirtualMachine", id=vm["id"], serviceofferingid=own).text
    scaled = desk.do("scaleVirtualMachine", id=vm["id"], serviceofferingid=own, details__0__cpunumber="3", details__0__memory="700")
    assert (scaled["virtualmachine"]["cpunumber"], scaled["virtualmachine"]["memory"]) == (3, 700)
    assert scaled["virtualmachine"]["details"] == {"cpuNumber": "3", "memory": "700"}
    back = desk.do("scaleVirtualMachine", id=vm["id"], serviceofferingid=big)["virtualmachine"]
    assert (back["cpunumber"], "details" in back) == (4, False)


def test_a_customized_size_is_held_to_its_bounds(desk: Desk, zone: str, host: str) -> None:
    network = desk.network(zone)["id"]
    limits = {"mincpunumber": 2, "maxcpunumber": 4, "minmemory": 1024, "maxmemory": 2048}
    given = desk.sizes() | {"serviceofferingid": custom(desk, **limits), "zoneid": zone, "networkids": network}
    [shown] = [one for one in desk.ask("listServiceOfferings")["serviceoffering"] if one["iscustomized"]]
    assert (shown["cpunumber"], shown["memory"]) == (2, 1024), "libcloud reads both of every row"
    assert shown["serviceofferingdetails"] == {name: str(number) for name, number in limits.items()}
    for cpus, memory in ((1, 1024), (5, 1024), (2, 1), (2, 4096), ("two", 1024), (2, "٣")):
        refused = desk.refused("deployVirtualMachine", details__0__cpuNumber=cpus, details__0__memory=memory, **given)
        assert refused.status == 431
    sized = {"details__0__cpuNumber": 3, "details__0__memory": 1500, "details__0__cpuSpeed": 900}
    vm = desk.do("deployVirtualMachine", **sized, **given)["virtualmachine"]
    assert (vm["cpunumber"], vm["memory"], vm["cpuspeed"]) == (3, 1500, 900)
    fixed = given | desk.sizes()
    assert "fixed" in desk.refused("deployVirtualMachine", **sized, **fixed).text


@pytest.mark.parametrize("bad", [{"mincpunumber": 4, "maxcpunumber": 2, "customized": "true"}, {"minmemory": 64}, {"cpunumber": 0}])
def test_offerings_that_contradict_themselves_are_refused(desk: Desk, bad: dict[str, object]) -> None:
    assert desk.refused("createServiceOffering", name="x", **bad).status == 431


def test_a_service_offering_is_changed_and_deleted(desk: Desk, zone: str, host: str) -> None:
    made = desk.ask("createServiceOffering", name="big", hosttags="ssd")["serviceoffering"]
    changed = desk.ask("updateServiceOffering", id=made["id"], name="bigger", displaytext="Big!", hosttags="")["serviceoffering"]
    assert (changed["name"], changed["displaytext"], "hosttags" in changed) == ("bigger", "Big!", False)
    given = desk.sizes() | {"serviceofferingid": made["id"], "zoneid": zone, "networkids": desk.network(zone)["id"]}
    vm = desk.do("deployVirtualMachine", **given)["virtualmachine"]
    others = desk.ask("listServiceOfferings", virtualmachineid=vm["id"])["serviceoffering"]
    assert made["id"] not in {one["id"] for one in others}
    assert desk.ask("deleteServiceOffering", id=made["id"]) == {"success": True}
    assert made["id"] not in {one["id"] for one in desk.ask("listServiceOfferings")["serviceoffering"]}
    for command in ("updateServiceOffering", "deleteServiceOffering", "listServiceOfferings"):
        assert desk.refused(command, id=made["id"]).status == 431
    assert desk.refused("deployVirtualMachine", **given).status == 431
    shown = desk.ask("listVirtualMachines", id=vm["id"])["virtualmachine"][0]
    assert (shown["serviceofferingid"], shown["serviceofferingname"]) == (made["id"], "bigger")


def test_offerings_of_system_machines_are_apart(desk: Desk) -> None:
    desk.ask("createServiceOffering", name="sys", issystem="true")
    assert "sys" not in {one["name"] for one in desk.ask("listServiceOfferings")["serviceoffering"]}
    assert desk.ask("listServiceOfferings", issystem="true")["serviceoffering"][0]["name"] == "sys"


# ------------------------------------------------------------------------------------------------ restored and changed


def test_a_running_machine_is_restored_by_taking_it_down_and_up(desk: Desk, vm: dict[str, Any]) -> None:
    answer = desk.raw("restoreVirtualMachine", virtualmachineid=vm["id"])
    assert answer.body.startswith(b'{"restorevmresponse":{"jobid":')
    assert state(desk, vm["id"]) == "Stopping"
    for _ in range(3):
        desk.settle()
    assert state(desk, vm["id"]) == "Running"
    assert bindings(desk, vm["id"]) == {"h1": "active"}


def test_a_stopped_machine_is_restored_where_it_stands(desk: Desk, vm: dict[str, Any]) -> None:
    other = desk.ask("registerTemplate", name="t2", url="vxloom:namespace", hypervisor="KVM")["template"][0]["id"]
    external = desk.ask("registerTemplate", name="t3", url="vxloom:external", hypervisor="kvm")["template"][0]["id"]
    desk.do("stopVirtualMachine", id=vm["id"])
    answer = desk.raw("restoreVirtualMachine", virtualmachineid=vm["id"], templateid=other)
    assert answer.status == 200
    shown = desk.ask("listVirtualMachines", id=vm["id"])["virtualmachine"][0]
    assert (shown["state"], shown["templateid"], shown["templatename"]) == ("Stopped", other, "t2")
    assert desk.raw("restoreVirtualMachine", virtualmachineid=vm["id"], templateid=external).status == 431


def test_guests_of_others_are_not_restored(desk: Desk, zone: str, host: str) -> None:
    vm = desk.deploy(zone, desk.network(zone)["id"], "a", details__0__vxloom_source="external", details__0__vxloom_tap="tap7")
    assert desk.raw("restoreVirtualMachine", virtualmachineid=vm["id"]).status == 431


def test_details_are_replaced_but_size_and_source_stay(desk: Desk, zone: str, host: str) -> None:
    given = desk.sizes() | {"serviceofferingid": custom(desk), "zoneid": zone, "networkids": desk.network(zone)["id"]}
    sized = {"details__0__cpuNumber": "2", "details__0__memory": "512", "details__0__vxloom.source": "namespace", "details__0__a": "1"}
    vm = desk.do("deployVirtualMachine", **sized, **given)["virtualmachine"]["id"]
    fixed = {"cpuNumber": "2", "memory": "512", "vxloom.source": "namespace"}

    def changed(**details: str) -> dict[str, str]:
        return desk.ask("updateVirtualMachine", id=vm, **details)["virtualmachine"]["details"]

    assert changed(details__0__b="2") == fixed | {"b": "2"}
    assert changed(details__0__cpunumber="2", details__0__c="3") == fixed | {"c": "3"}
    assert changed(cleanupdetails="true") == fixed
    for bad in ({"details__0__cpuNumber": "9"}, {"details__0__vxloom.source": "external"}, {"details__0__vxloom.tap": "t"}):
        assert desk.refused("updateVirtualMachine", id=vm, **bad).status == 431


def test_user_data_is_told_as_it_was_given(desk: Desk, zone: str, vm: dict[str, Any]) -> None:
    text = base64.b64encode(b"#!/bin/sh\necho hallo\n" * 5000).decode()
    assert desk.ask("getVirtualMachineUserData", virtualmachineid=vm["id"]) == {"virtualmachineuserdata": {"virtualmachineid": vm["id"]}}
    given = {"zoneid": zone, "networkids": vm["nic"][0]["networkid"], **desk.sizes()}
    made = desk.do("deployVirtualMachine", userdata=text, **given)["virtualmachine"]["id"]
    assert desk.ask("getVirtualMachineUserData", virtualmachineid=made)["virtualmachineuserdata"]["userdata"] == text
    desk.ask("updateVirtualMachine", id=made, userdata="aGFsbG8=")
    assert desk.ask("getVirtualMachineUserData", virtualmachineid=made)["virtualmachineuserdata"]["userdata"] == "aGFsbG8="
    assert desk.refused("deployVirtualMachine", userdata="no base64!", **given).status == 431
    assert desk.refused("updateVirtualMachine", id=made, userdata="a").status == 431
    assert desk.tenant("blue").refused("getVirtualMachineUserData", virtualmachineid=made).status == 431


# ------------------------------------------------------------------------------------------------------------ looked at


def test_what_the_go_library_reads_has_its_type(desk: Desk, zone: str, host: str) -> None:
    vm = desk.deploy(zone, desk.network(zone)["id"], "typed", group="g", details__0__a="1")
    kinds = {
        bool: {"haenable", "passwordenabled", "displayvm", "isdynamicallyscalable"},
        int: {"cpunumber", "cpuspeed", "memory", "rootdeviceid"},
        list: {"nic", "tags", "securitygroup", "affinitygroup"},
        dict: {"details"},
    }
    told = {name for names in kinds.values() for name in names}
    for kind, names in kinds.items():
        assert {name: type(vm[name]) for name in names} == dict.fromkeys(names, kind)
    assert {name: value for name, value in vm.items() if name not in told and not isinstance(value, str)} == {}
    nic = vm["nic"][0]
    assert (type(nic["isdefault"]), type(nic["deviceid"]), type(nic["vlanid"]), type(nic["mtu"])) == (bool, str, int, int)
    assert (nic["secondaryip"], nic["extradhcpoption"]) == ([], [])
    assert vm["osdisplayname"] == vm["ostypename"]
    assert desk.ask("listOsTypes", id=vm["guestosid"])["ostype"][0]["description"] == vm["osdisplayname"]


@pytest.mark.parametrize("kind", ["Isolated", "L2"])
def test_a_nic_of_an_addressed_network_always_has_gateway_and_mask_and_one_of_l2_never(desk: Desk, zone: str, host: str, kind: str) -> None:
    nic = desk.deploy(zone, desk.network(zone, kind=kind)["id"], "a")["nic"][0]
    wanted = {"ipaddress", "gateway", "netmask"}
    assert wanted & set(nic) == (wanted if kind == "Isolated" else set())


def test_a_key_of_an_address_list_that_nobody_knows_is_ignored(desk: Desk, zone: str, host: str) -> None:
    network = desk.network(zone)
    given = {"iptonetworklist__0__networkid": network["id"], "iptonetworklist__0__network": "n1", "iptonetworklist__0__ip": "10.1.1.44"}
    vm = desk.do("deployVirtualMachine", zoneid=zone, **given, **desk.sizes())["virtualmachine"]
    assert vm["ipaddress"] == "10.1.1.44"


@pytest.mark.parametrize(("text", "starts"), [("True", True), ("true", True), ("False", False), ("None", False), ("1", False)])
def test_booleans_as_libcloud_writes_them(desk: Desk, zone: str, host: str, text: str, starts: bool) -> None:
    vm = desk.deploy(zone, desk.network(zone)["id"], "a", startvm=text)
    assert vm["state"] == ("Running" if starts else "Stopped")


def test_a_machine_starts_in_the_cluster_asked_for_or_nowhere(desk: Desk, zone: str, host: str) -> None:
    [shown] = desk.ask("listHosts")["host"]
    other = desk.ask("addCluster", clustername="c9", clustertype="CloudManaged", hypervisor="KVM", podid=shown["podid"], zoneid=zone)
    elsewhere = other["cluster"][0]["id"]
    given = {"zoneid": zone, "networkids": desk.network(zone)["id"], **desk.sizes()}
    assert desk.refused("deployVirtualMachine", clusterid=elsewhere, **given).status == 533
    assert desk.refused("deployVirtualMachine", clusterid=elsewhere, hostid=host, **given).status == 533
    assert desk.ask("listVirtualMachines") == {}
    vm = desk.do("deployVirtualMachine", clusterid=shown["clusterid"], podid=shown["podid"], **given)["virtualmachine"]
    desk.do("stopVirtualMachine", id=vm["id"])
    assert desk.refused("startVirtualMachine", id=vm["id"], clusterid=elsewhere).status == 533
    assert desk.refused("startVirtualMachine", id=vm["id"], podid=elsewhere).status == 431
    tenant = desk.tenant("blue")
    mine = given | {"networkids": tenant.network(zone)["id"]}
    assert tenant.refused("deployVirtualMachine", clusterid=elsewhere, **mine).status == 531


@pytest.mark.parametrize(
    "name", ["diskofferingid", "securitygroupids", "securitygroupnames", "affinitygroupids", "affinitygroupnames", "userdataid"]
)
def test_what_there_is_none_of_is_not_left_out_silently(desk: Desk, zone: str, host: str, name: str) -> None:
    given = {"zoneid": zone, "networkids": desk.network(zone)["id"], **desk.sizes()}
    refused = desk.refused("deployVirtualMachine", **given, **{name: zone})
    assert (refused.status, name in refused.text) == (431, True)
    assert desk.do("deployVirtualMachine", **given, **{name: ""})["virtualmachine"]["state"] == "Running"


def test_machines_are_found_by_what_clients_ask(desk: Desk, zone: str, host: str) -> None:
    network = desk.network(zone)["id"]
    made = desk.ask("registerSSHKeyPair", name="k", publickey=PUBLIC_KEY)["keypair"]
    a = desk.deploy(zone, network, "a", group="red", keypair=made["name"])
    b = desk.deploy(zone, network, "b", displayname="the b machine")
    desk.ask("updateVirtualMachine", id=b["id"], haenable="true")
    [shown] = desk.ask("listHosts")["host"]
    asked: dict[str, dict[str, object]] = {
        "a": {"groupid": a["groupid"]},
        "b": {"haenable": "true"},
        "a b": {"podid": shown["podid"]},
        "b a": {"clusterid": shown["clusterid"], "hypervisor": "kvm", "details": "nics,tmpl"},
        " a": {"keypair": "k"},
        "b ": {"keyword": "B MACH"},
        "": {"hypervisor": "simulator"},
        " ": {"groupid": a["id"]},
        "a ": {"ids": f"{a['id']},nonsense"},
        "b  ": {"ids": f"{a['id']},{b['id']}", "name": "B"},
    }
    for wanted, given in asked.items():
        found = {vm["name"] for vm in desk.ask("listVirtualMachines", **given).get("virtualmachine", [])}
        assert found == set(wanted.split()), given
    for unknown in ("hostid", "podid", "clusterid", "templateid", "serviceofferingid", "networkid", "zoneid", "id"):
        assert desk.refused("listVirtualMachines", **{unknown: "00000000-0000-4000-8000-000000000000"}).status == 431


def test_a_silent_host_leaves_a_restore_marked(desk: Desk, vm: dict[str, Any]) -> None:
    job = desk.raw("restoreVirtualMachine", virtualmachineid=vm["id"]).body.decode().split('"')[5]
    overdue(desk)
    assert desk.job(job)["jobstatus"] == FAILED
    assert state(desk, vm["id"]) == "Error"
    assert desk.do("stopVirtualMachine", id=vm["id"])["virtualmachine"]["state"] == "Stopped"
