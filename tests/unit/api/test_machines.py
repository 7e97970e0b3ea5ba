"""Life of a machine, told by what clients see and what is bound where."""

from __future__ import annotations

import pytest

from tests.unit.api.desk import DONE, PENDING, Desk
from tests.unit.api.looks import bindings, state
from vxloom.store import records


def test_a_machine_is_visible_while_it_starts_and_runs_when_its_host_says_so(desk: Desk, zone: str) -> None:
    desk.host(zone, "h1")
    network = desk.network(zone, ip6cidr="fd00:1::/64")
    answer = desk.ask("deployVirtualMachine", name="web", zoneid=zone, networkids=network["id"], **desk.sizes())
    assert set(answer) == {"id", "jobid"}
    job = desk.job(answer["jobid"])
    assert (job["jobstatus"], job["jobprocstatus"], job["jobinstancetype"], job["jobinstanceid"]) == (
        PENDING,
        0,
        "VirtualMachine",
        answer["id"],
    )
    assert job["pendinghosts"] == ["h1"]
    assert "jobresult" not in job
    assert state(desk, answer["id"]) == "Starting"
    desk.runner().turn()
    assert desk.job(answer["jobid"])["jobstatus"] == PENDING
    desk.settle()
    job = desk.job(answer["jobid"])
    assert (job["jobstatus"], job["jobresultcode"], job["jobresulttype"]) == (DONE, 0, "object")
    vm = job["jobresult"]["virtualmachine"]
    assert (vm["state"], vm["hostname"], vm["name"], vm["displayname"]) == ("Running", "h1", "web", "web")
    assert "pendinghosts" not in vm
    nic = vm["nic"][0]
    assert (nic["ipaddress"], nic["gateway"], nic["netmask"]) == ("10.1.1.2", "10.1.1.1", "255.255.255.0")
    assert nic["ip6address"].startswith("fd00:1::")
    assert (nic["isdefault"], nic["deviceid"], nic["type"]) == (True, "0", "Isolated")
    assert nic["broadcasturi"] == nic["isolationuri"] == f"vxlan://{nic['vlanid']}"
    assert nic["secondaryip"] == []
    assert vm["tags"] == vm["securitygroup"] == vm["affinitygroup"] == []
    assert bindings(desk, vm["id"]) == {"h1": "active"}


def test_an_l2_nic_has_no_address_keys(desk: Desk, zone: str) -> None:
    desk.host(zone, "h1")
    network = desk.network(zone, kind="L2")
    vm = desk.deploy(zone, network["id"], "a")
    assert vm["nic"][0]["type"] == "L2"
    assert not {"ipaddress", "gateway", "netmask", "ip6address"} & set(vm["nic"][0])
    assert "ipaddress" not in vm
    refused = desk.refused("deployVirtualMachine", zoneid=zone, networkids=network["id"], ipaddress="10.1.1.5", **desk.sizes())
    assert refused.status == 431


def test_machines_spread_over_hosts(desk: Desk, zone: str) -> None:
    for name in ("h1", "h2", "h3"):
        desk.host(zone, name)
    network = desk.network(zone)
    assert sorted(desk.deploy(zone, network["id"], f"v{n}")["hostname"] for n in range(6)) == ["h1", "h1", "h2", "h2", "h3", "h3"]


def test_the_host_asked_for_is_taken_or_refused(desk: Desk, zone: str) -> None:
    desk.host(zone, "h1")
    h2 = desk.host(zone, "h2")
    network = desk.network(zone)
    assert desk.deploy(zone, network["id"], "a", hostid=h2)["hostname"] == "h2"
    desk.hosts.up.remove(h2)
    refused = desk.refused("deployVirtualMachine", zoneid=zone, networkids=network["id"], hostid=h2, **desk.sizes())
    assert refused.status == 533
    assert "h2 is not connected" in refused.text
    assert desk.ask("listVirtualMachines")["count"] == 1
    tenant = desk.tenant("blue")
    own = tenant.network(zone)
    assert tenant.refused("deployVirtualMachine", zoneid=zone, networkids=own["id"], hostid=h2, **desk.sizes()).status == 531


def test_host_tags_and_disabled_hosts_decide(desk: Desk, zone: str) -> None:
    desk.host(zone, "h1")
    h2 = desk.host(zone, "h2")
    network = desk.network(zone)
    size = desk.ask("createServiceOffering", name="ssd", hosttags="ssd")["serviceoffering"]["id"]
    given = desk.sizes() | {"serviceofferingid": size}
    assert desk.refused("deployVirtualMachine", zoneid=zone, networkids=network["id"], **given).status == 533
    desk.ask("updateHost", id=h2, hosttags="fast,ssd")
    assert desk.do("deployVirtualMachine", zoneid=zone, networkids=network["id"], **given)["virtualmachine"]["hostname"] == "h2"
    desk.ask("updateHost", id=h2, allocationstate="Disable")
    assert desk.refused("deployVirtualMachine", zoneid=zone, networkids=network["id"], **given).status == 533


def test_a_machine_that_is_not_started_stays_stopped(desk: Desk, zone: str) -> None:
    network = desk.network(zone)
    vm = desk.deploy(zone, network["id"], "a", startvm="False")
    assert vm["state"] == "Stopped"
    assert bindings(desk, vm["id"]) == {}
    assert desk.ask("listNetworks", id=network["id"])["network"][0]["state"] == "Allocated"
    assert desk.refused("startVirtualMachine", id=vm["id"]).status == 533
    desk.host(zone, "h1")
    assert desk.do("startVirtualMachine", id=vm["id"])["virtualmachine"]["state"] == "Running"


def test_several_networks_with_chosen_addresses(desk: Desk, zone: str) -> None:
    desk.host(zone, "h1")
    n1, n2 = desk.network(zone, "n1"), desk.network(zone, "n2", ip6cidr="fd00:2::/64")
    given = {
        "iptonetworklist__0__networkid": n1["id"],
        "iptonetworklist__0__ip": "10.1.1.50",
        "iptonetworklist__0__network": "stray",
        "iptonetworklist__1__networkid": n2["id"],
        "iptonetworklist__1__ipv6": "fd00:2::50",
        "iptonetworklist__1__mac": "02:00:00:00:00:99",
    }
    vm = desk.do("deployVirtualMachine", zoneid=zone, **given, **desk.sizes())["virtualmachine"]
    first, second = vm["nic"]
    assert (first["networkname"], first["ipaddress"], first["isdefault"]) == ("n1", "10.1.1.50", True)
    assert (second["networkname"], second["ip6address"], second["macaddress"]) == ("n2", "fd00:2::50", "02:00:00:00:00:99")
    assert [nic["deviceid"] for nic in vm["nic"]] == ["0", "1"]
    assert desk.ask("listNics", virtualmachineid=vm["id"])["count"] == 2
    assert desk.ask("listNics", virtualmachineid=vm["id"], networkid=n2["id"])["nic"][0]["id"] == second["id"]
    assert desk.ask("listNics", networkid=n1["id"])["nic"][0]["virtualmachineid"] == vm["id"]
    other = desk.network(zone, "n3")
    assert desk.ask("listNics", virtualmachineid=vm["id"], networkid=other["id"]) == {}


BAD = {
    "no such network": {"networkids": "00000000-0000-4000-8000-000000000000"},
    "no id": {"networkids": "n1"},
    "twice": {"networkids": "{n},{n}"},
    "both lists": {"networkids": "{n}", "iptonetworklist__0__networkid": "{n}"},
    "no network in a row": {"iptonetworklist__0__ip": "10.1.1.5"},
    "outside": {"networkids": "{n}", "ipaddress": "10.2.0.1"},
    "the gateway": {"networkids": "{n}", "ipaddress": "10.1.1.1"},
    "the broadcast": {"networkids": "{n}", "ipaddress": "10.1.1.255"},
    "no address": {"networkids": "{n}", "ipaddress": "ten"},
    "wrong family": {"networkids": "{n}", "ipaddress": "fd00::1"},
    "no IPv6 there": {"networkids": "{n}", "ip6address": "fd00::1"},
    "taken": {"networkids": "{n}", "ipaddress": "10.1.1.2"},
    "multicast MAC": {"networkids": "{n}", "macaddress": "01:00:5e:00:00:01"},
    "no MAC": {"networkids": "{n}", "macaddress": "zz"},
    "MAC taken": {"networkids": "{n}", "macaddress": "{m}"},
    "bad name": {"networkids": "{n}", "name": "1a"},
    "long name": {"networkids": "{n}", "name": "a" * 64},
    "name taken": {"networkids": "{n}", "name": "FIRST"},
    "no such source": {"networkids": "{n}", "details__0__vxloom.source": "libvirt"},
    "tap of a namespace": {"networkids": "{n}", "details__0__vxloom.tap": "tap0"},
    "long tap": {"networkids": "{n}", "details__0__vxloom.source": "external", "details__0__vxloom.tap": "t" * 16},
    "shared outside": {"networkids": "{n}", "details__0__vxloom.shared": "10.2.0.1"},
    "shared but owned": {"networkids": "{n}", "details__0__vxloom.shared": "10.1.1.2"},
    "shared gateway": {"networkids": "{n}", "details__0__vxloom.shared": "10.1.1.1"},
    "shared nonsense": {"networkids": "{n}", "details__0__vxloom.shared": "vip"},
    "a project": {"networkids": "{n}", "projectid": "00000000-0000-4000-8000-000000000000"},
}


@pytest.mark.parametrize("given", BAD.values(), ids=BAD)
def test_bad_deployments_leave_nothing(desk: Desk, zone: str, given: dict[str, str]) -> None:
    desk.host(zone, "h1")
    network = desk.network(zone)
    first = desk.deploy(zone, network["id"], "first")
    filled = {key: value.format(n=network["id"], m=first["nic"][0]["macaddress"]) for key, value in given.items()}
    before = counts(desk)
    assert desk.refused("deployVirtualMachine", zoneid=zone, **filled, **desk.sizes()).status == 431
    assert counts(desk) == before


def counts(desk: Desk) -> dict[str, int]:
    kinds = (
        records.Vm,
        records.Nic,
        records.MacAllocation,
        records.IpAllocation,
        records.Binding,
        records.Job,
        records.Event,
        records.Belief,
    )
    with desk.store.read() as rx:
        return {kind.__name__: rx.count(kind) for kind in kinds}


def test_without_networks_the_only_one_is_taken(desk: Desk, zone: str) -> None:
    desk.host(zone, "h1")
    assert "NetworkIds have to be specified" in desk.refused("deployVirtualMachine", zoneid=zone, **desk.sizes()).text
    network = desk.network(zone)
    assert desk.do("deployVirtualMachine", zoneid=zone, **desk.sizes())["virtualmachine"]["nic"][0]["networkid"] == network["id"]


def test_stop_start_reboot(desk: Desk, zone: str) -> None:
    desk.host(zone, "h1")
    desk.host(zone, "h2")
    network = desk.network(zone)
    vm = desk.deploy(zone, network["id"], "a")
    stopped = desk.do("stopVirtualMachine", id=vm["id"])["virtualmachine"]
    assert stopped["state"] == "Stopped"
    assert "hostid" not in stopped
    assert bindings(desk, vm["id"]) == {}
    assert desk.refused("stopVirtualMachine", id=vm["id"]).status == 431
    assert desk.refused("rebootVirtualMachine", id=vm["id"]).status == 431
    started = desk.do("startVirtualMachine", id=vm["id"])["virtualmachine"]
    assert (started["state"], started["hostname"]) == ("Running", vm["hostname"])
    assert started["nic"][0]["macaddress"] == vm["nic"][0]["macaddress"]
    assert desk.refused("startVirtualMachine", id=vm["id"]).status == 431
    rebooted = desk.do("rebootVirtualMachine", id=vm["id"])["virtualmachine"]
    assert (rebooted["state"], rebooted["hostname"]) == ("Running", vm["hostname"])


def test_destroyed_then_expunged(desk: Desk, zone: str) -> None:
    desk.host(zone, "h1")
    network = desk.network(zone)
    vm = desk.deploy(zone, network["id"], "a")
    assert desk.refused("expungeVirtualMachine", id=vm["id"]).status == 431
    destroyed = desk.do("destroyVirtualMachine", id=vm["id"])["virtualmachine"]
    assert destroyed["state"] == "Destroyed"
    assert desk.refused("deleteNetwork", id=network["id"]).status == 536
    assert desk.ask("listVirtualMachines", state="Present") == {}
    assert desk.do("expungeVirtualMachine", id=vm["id"]) == {"success": True}
    assert desk.ask("listVirtualMachines") == {}
    assert desk.refused("listVirtualMachines", id=vm["id"]).status == 431
    desk.settle()
    desk.store.reap()
    again = desk.deploy(zone, network["id"], "a", macaddress=vm["nic"][0]["macaddress"])
    assert again["nic"][0]["ipaddress"] == vm["nic"][0]["ipaddress"]


def test_an_expunged_machine_is_the_result_of_its_job_and_gone_from_lists(desk: Desk, zone: str) -> None:
    desk.host(zone, "h1")
    vm = desk.deploy(zone, desk.network(zone)["id"], "a")
    result = desk.do("destroyVirtualMachine", id=vm["id"], expunge="True")["virtualmachine"]
    assert (result["id"], result["state"]) == (vm["id"], "Expunging")
    assert desk.ask("listVirtualMachines") == {}


def test_a_machine_is_renamed_when_stopped(desk: Desk, zone: str) -> None:
    desk.host(zone, "h1")
    network = desk.network(zone)
    vm = desk.deploy(zone, network["id"], "a")
    desk.deploy(zone, network["id"], "taken")
    assert desk.ask("updateVirtualMachine", id=vm["id"], displayname="A!", group="g")["virtualmachine"]["displayname"] == "A!"
    assert desk.refused("updateVirtualMachine", id=vm["id"], name="b").status == 431
    desk.do("stopVirtualMachine", id=vm["id"])
    assert desk.refused("updateVirtualMachine", id=vm["id"], name="Taken").status == 431
    assert desk.ask("updateVirtualMachine", id=vm["id"], name="b")["virtualmachine"]["name"] == "b"


def test_machines_are_filtered(desk: Desk, zone: str) -> None:
    h1, h2 = desk.host(zone, "h1"), desk.host(zone, "h2")
    network, other = desk.network(zone, "n1"), desk.network(zone, "n2")
    a, b = (desk.deploy(zone, network["id"], name, hostid=host) for name, host in (("a", h1), ("b", h2)))
    assert desk.ask("listVirtualMachines", name="A")["virtualmachine"][0]["id"] == a["id"]
    assert desk.ask("listVirtualMachines", hostid=h2)["virtualmachine"][0]["id"] == b["id"]
    assert desk.ask("listVirtualMachines", networkid=network["id"])["count"] == 2
    assert desk.ask("listVirtualMachines", networkid=other["id"]) == {}
    assert desk.ask("listVirtualMachines", ids=f"{a['id']},{b['id']}")["count"] == 2
    assert desk.ask("listVirtualMachines", ids=a["id"], hostid=h2) == {}
    assert desk.ask("listVirtualMachines", state="running", zoneid=zone)["count"] == 2
    assert desk.ask("listVirtualMachines", state="nonsense") == {}
    assert "h1" not in [host["name"] for host in desk.ask("listHosts", virtualmachineid=a["id"]).get("host", [])]


def test_an_external_guest_names_its_tap(desk: Desk, zone: str) -> None:
    desk.host(zone, "h1")
    network = desk.network(zone)
    vm = desk.deploy(zone, network["id"], "a", details__0__vxloom_source="external", details__1__vxloom_tap="tap7")
    with desk.store.read() as rx:
        intent = rx.zone_intent(zone)
    [nic] = intent.nics
    assert (nic.source, nic.tap, nic.running) == ("external", "tap7", True)
    assert vm["details"] == {"vxloom.source": "external", "vxloom.tap": "tap7"}
    tenant = desk.tenant("blue")
    own = tenant.network(zone)
    given = {"zoneid": zone, "networkids": own["id"], "details__0__vxloom_source": "external"}
    assert tenant.refused("deployVirtualMachine", **given, **desk.sizes()).status == 531


def test_shared_addresses(desk: Desk, zone: str) -> None:
    desk.host(zone, "h1")
    network = desk.network(zone, startip="10.1.1.100", endip="10.1.1.120")
    vip, vmac = "10.1.1.101", "00:00:5e:00:01:01"
    a = desk.deploy(zone, network["id"], "a", details__0__vxloom_shared=f"{vip}, {vmac}")
    b = desk.deploy(zone, network["id"], "b")
    assert a["nic"][0]["ipaddress"] == "10.1.1.100"
    assert b["nic"][0]["ipaddress"] == "10.1.1.102"  # the shared one is nobody's own
    assert a["nic"][0]["sharedaddresses"] == [vmac, vip]
    nic = desk.do("allowSharedAddress", nicid=b["nic"][0]["id"], address=f"{vip},{vmac.upper()}")["nic"]
    assert nic["sharedaddresses"] == [vmac, vip]
    assert desk.refused("deployVirtualMachine", zoneid=zone, networkids=network["id"], ipaddress=vip, **desk.sizes()).status == 431
    assert desk.refused("deployVirtualMachine", zoneid=zone, networkids=network["id"], macaddress=vmac, **desk.sizes()).status == 431
    nic = desk.do("allowSharedAddress", nicid=b["nic"][0]["id"], address=vip, remove="true")["nic"]
    assert nic["sharedaddresses"] == [vmac]
    own = a["nic"][0]["macaddress"]
    assert desk.refused("allowSharedAddress", nicid=b["nic"][0]["id"], address=own).status == 431


def test_a_trace_tells_the_way(desk: Desk, zone: str) -> None:
    h1, h2 = desk.host(zone, "h1"), desk.host(zone, "h2")
    n1, n2 = desk.network(zone, "n1"), desk.network(zone, "n2")
    desk.deploy(zone, n1["id"], "a", hostid=h1)
    desk.deploy(zone, n1["id"], "b", hostid=h2)
    desk.deploy(zone, n2["id"], "c", hostid=h2)
    there = desk.ask("vxloomTrace", **{"from": "a", "to": "B"})["trace"]
    assert there["arrives"] is True
    assert "192.0.2.2" in there["text"]
    assert desk.ask("vxloomTrace", **{"from": "a", "to": "c"})["trace"]["arrives"] is False
    assert desk.refused("vxloomTrace", **{"from": "a", "to": "nobody"}).status == 431
