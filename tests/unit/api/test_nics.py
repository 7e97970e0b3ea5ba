"""NICs of machines that are there already: what clients see, what is bound, what hosts that say nothing leave behind."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api.desk import DONE, FAILED, Desk
from tests.unit.api.looks import overdue
from vxloom.store import records


@pytest.fixture
def host(desk: Desk, zone: str) -> str:
    return desk.host(zone, "h1")


@pytest.fixture
def vm(desk: Desk, zone: str, host: str) -> dict[str, Any]:
    return desk.deploy(zone, desk.network(zone, "n1")["id"], "web")


@pytest.fixture
def second(desk: Desk, zone: str) -> str:
    return str(desk.network(zone, "n2", gateway="10.2.2.1", netmask="255.255.255.0", ip6cidr="fd00:2::/64")["id"])


def nics(desk: Desk, vm: str) -> list[dict[str, Any]]:
    return desk.ask("listNics", virtualmachineid=vm).get("nic", [])


def bound(desk: Desk, nic: str) -> list[str]:
    with desk.store.read() as rx:
        return [binding.host for binding in rx.all(records.Binding, nic=nic)]


def waiting(desk: Desk, command: str, **given: object) -> str:
    """Begin a job and let nobody answer."""
    return str(desk.ask(command, **given)["jobid"])


def test_a_nic_is_added_to_a_running_machine_once_its_host_says_so(desk: Desk, vm: dict[str, Any], host: str, second: str) -> None:
    given = {"ipaddress": "10.2.2.50", "macaddress": "02:00:00:00:00:AA"}
    job = waiting(desk, "addNicToVirtualMachine", virtualmachineid=vm["id"], networkid=second, **given)
    desk.runner().turn()
    assert desk.job(job)["jobstatus"] == 0
    assert desk.job(job)["pendinghosts"] == ["h1"]
    desk.settle()
    ended = desk.job(job)
    assert (ended["jobstatus"], ended["jobinstancetype"], ended["jobinstanceid"]) == (DONE, "VirtualMachine", vm["id"])
    first, added = ended["jobresult"]["virtualmachine"]["nic"]
    assert (first["id"], first["isdefault"], first["deviceid"]) == (vm["nic"][0]["id"], True, "0")
    assert (added["networkid"], added["ipaddress"], added["macaddress"]) == (second, "10.2.2.50", "02:00:00:00:00:aa")
    assert (added["isdefault"], added["deviceid"], added["gateway"], added["netmask"]) == (False, "1", "10.2.2.1", "255.255.255.0")
    assert added["ip6address"].startswith("fd00:2::")
    assert added["broadcasturi"] == f"vxlan://{added['vlanid']}"
    assert bound(desk, added["id"]) == [host]
    assert nics(desk, vm["id"])[1] == added


def test_a_machine_has_one_nic_in_a_network(desk: Desk, vm: dict[str, Any], second: str) -> None:
    given = {"virtualmachineid": vm["id"], "networkid": second}
    desk.do("addNicToVirtualMachine", **given)
    refused = desk.refused("addNicToVirtualMachine", **given)
    assert refused.status == 431
    assert "already exists" in refused.text
    assert len(nics(desk, vm["id"])) == 2


def test_on_a_stopped_machine_it_is_intent(desk: Desk, vm: dict[str, Any], second: str) -> None:
    desk.do("stopVirtualMachine", id=vm["id"])
    added = desk.do("addNicToVirtualMachine", virtualmachineid=vm["id"], networkid=second)["virtualmachine"]["nic"][1]
    assert bound(desk, added["id"]) == []
    assert desk.ask("listNetworks", id=second)["network"][0]["state"] == "Allocated"
    desk.do("startVirtualMachine", id=vm["id"])
    assert len(bound(desk, added["id"])) == 1
    desk.do("stopVirtualMachine", id=vm["id"])
    left = desk.do("removeNicFromVirtualMachine", virtualmachineid=vm["id"], nicid=added["id"])["virtualmachine"]["nic"]
    assert [nic["id"] for nic in left] == [vm["nic"][0]["id"]]


BAD_NICS = {
    "no such network": {"networkid": "00000000-0000-4000-8000-000000000000"},
    "no such machine": {"virtualmachineid": "00000000-0000-4000-8000-000000000000"},
    "an address elsewhere": {"ipaddress": "10.9.9.9"},
    "the gateway": {"ipaddress": "10.2.2.1"},
    "no address": {"ipaddress": "ten"},
    "the wrong family": {"ipaddress": "fd00:2::5"},
    "a multicast MAC": {"macaddress": "01:00:5e:00:00:01"},
    "the machine's MAC": {"macaddress": "{mac}"},
}


@pytest.mark.parametrize("given", BAD_NICS.values(), ids=BAD_NICS)
def test_a_bad_nic_leaves_nothing(desk: Desk, vm: dict[str, Any], second: str, given: dict[str, str]) -> None:
    filled = {key: value.format(mac=vm["nic"][0]["macaddress"]) for key, value in given.items()}
    refused = desk.refused("addNicToVirtualMachine", **({"virtualmachineid": vm["id"], "networkid": second} | filled))
    assert refused.status == 431
    assert len(nics(desk, vm["id"])) == 1
    assert desk.ask("listNetworks", id=second)["network"][0]["state"] == "Allocated"


def test_an_l2_nic_has_no_addresses_and_may_not_be_given_any(desk: Desk, zone: str, vm: dict[str, Any]) -> None:
    flat = desk.network(zone, "flat", "L2")["id"]
    given = {"virtualmachineid": vm["id"], "networkid": flat}
    assert desk.refused("addNicToVirtualMachine", ipaddress="10.1.1.9", **given).status == 431
    added = desk.do("addNicToVirtualMachine", **given)["virtualmachine"]["nic"][1]
    assert not {"ipaddress", "gateway", "netmask"} & set(added)
    assert desk.refused("addIpToNic", nicid=added["id"]).status == 431
    assert desk.refused("updateVmNicIp", nicid=added["id"]).status == 431


def test_a_machine_on_its_way_is_left_alone(desk: Desk, zone: str, vm: dict[str, Any], second: str) -> None:
    desk.ask("stopVirtualMachine", id=vm["id"])
    refused = desk.refused("addNicToVirtualMachine", virtualmachineid=vm["id"], networkid=second)
    assert (refused.status, "Stopping" in refused.text) == (431, True)
    assert desk.refused("updateVmNicIp", nicid=vm["nic"][0]["id"]).status == 431
    assert desk.refused("addIpToNic", nicid=vm["nic"][0]["id"]).status == 431


def test_a_name_must_be_free_in_the_new_network(desk: Desk, zone: str, vm: dict[str, Any], second: str) -> None:
    desk.deploy(zone, second, "WEB")
    refused = desk.refused("addNicToVirtualMachine", virtualmachineid=vm["id"], networkid=second)
    assert "already exists in the network" in refused.text


def test_what_a_silent_host_did_not_plug_in_is_taken_back(desk: Desk, vm: dict[str, Any], host: str, second: str) -> None:
    job = waiting(desk, "addNicToVirtualMachine", virtualmachineid=vm["id"], networkid=second, ipaddress="10.2.2.50")
    overdue(desk)
    ended = desk.job(job)
    assert (ended["jobstatus"], ended["jobresultcode"]) == (FAILED, 530)
    assert "h1" in ended["jobresult"]["errortext"]
    assert [nic["id"] for nic in nics(desk, vm["id"])] == [vm["nic"][0]["id"]]
    assert desk.ask("listVirtualMachines", id=vm["id"])["virtualmachine"][0]["state"] == "Running"
    with desk.store.read() as rx:
        [gone] = rx.host_intent(host).gone_ports
    desk.store.reap()
    again = {"virtualmachineid": vm["id"], "networkid": second, "ipaddress": "10.2.2.50"}
    assert "not yet forgotten" in desk.refused("addNicToVirtualMachine", **again).text, "law 7: the host may have done it"
    desk.settle()
    desk.store.reap()
    assert desk.do("addNicToVirtualMachine", **again)["virtualmachine"]["nic"][1]["id"] != gone


def test_the_place_of_a_nic_that_went_is_given_again(desk: Desk, zone: str, vm: dict[str, Any], second: str) -> None:
    third = desk.network(zone, "n3")["id"]
    added = [
        desk.do("addNicToVirtualMachine", virtualmachineid=vm["id"], networkid=network)["virtualmachine"]["nic"][-1]
        for network in (second, third)
    ]
    desk.do("removeNicFromVirtualMachine", virtualmachineid=vm["id"], nicid=added[0]["id"])
    result = desk.do("addNicToVirtualMachine", virtualmachineid=vm["id"], networkid=second)["virtualmachine"]
    assert [(nic["deviceid"], nic["networkid"]) for nic in result["nic"]][1:] == [("1", second), ("2", third)]


def test_the_default_nic_is_not_removed(desk: Desk, vm: dict[str, Any], second: str) -> None:
    first = vm["nic"][0]["id"]
    added = desk.do("addNicToVirtualMachine", virtualmachineid=vm["id"], networkid=second)["virtualmachine"]["nic"][1]
    refused = desk.refused("removeNicFromVirtualMachine", virtualmachineid=vm["id"], nicid=first)
    assert (refused.status, "default" in refused.text) == (431, True)
    changed = desk.do("updateDefaultNicForVirtualMachine", virtualmachineid=vm["id"], nicid=added["id"])["virtualmachine"]
    assert {nic["id"]: nic["isdefault"] for nic in changed["nic"]} == {first: False, added["id"]: True}
    assert changed["ipaddress"] == added["ipaddress"]
    assert desk.refused("updateDefaultNicForVirtualMachine", virtualmachineid=vm["id"], nicid=added["id"]).status == 431
    with desk.store.read() as rx:
        ways = {nic.id: nic.gateway for nic in rx.zone_intent(vm["zoneid"]).nics}
    assert ways == {first: "", added["id"]: None}
    removed = desk.do("removeNicFromVirtualMachine", virtualmachineid=vm["id"], nicid=first)["virtualmachine"]
    assert [nic["id"] for nic in removed["nic"]] == [added["id"]]


def test_a_removed_nic_is_a_tombstone_until_its_host_has_let_go(desk: Desk, vm: dict[str, Any], host: str, second: str) -> None:
    added = desk.do("addNicToVirtualMachine", virtualmachineid=vm["id"], networkid=second)["virtualmachine"]["nic"][1]
    job = waiting(desk, "removeNicFromVirtualMachine", virtualmachineid=vm["id"], nicid=added["id"])
    assert len(nics(desk, vm["id"])) == 1
    with desk.store.read() as rx:
        assert rx.host_intent(host).gone_ports == (added["id"],)
        assert rx.count(records.IpAllocation, nic=added["id"], state=records.AllocationState.DRAINING) == 2
    overdue(desk)
    assert desk.job(job)["jobstatus"] == FAILED
    assert desk.refused("removeNicFromVirtualMachine", virtualmachineid=vm["id"], nicid=added["id"]).status == 431, "it stays withdrawn"
    desk.settle()
    desk.store.reap()
    with desk.store.read() as rx:
        assert rx.host_intent(host).gone_ports == ()
        assert rx.count(records.IpAllocation, nic=added["id"]) == 0


def test_a_nic_of_another_machine_is_no_nic_of_this(desk: Desk, zone: str, vm: dict[str, Any]) -> None:
    other = desk.deploy(zone, vm["nic"][0]["networkid"], "other")["nic"][0]["id"]
    for command in ("removeNicFromVirtualMachine", "updateDefaultNicForVirtualMachine"):
        assert "does not exist" in desk.refused(command, virtualmachineid=vm["id"], nicid=other).text


@pytest.mark.parametrize("running", [True, False])
def test_a_nic_gets_another_address(desk: Desk, vm: dict[str, Any], host: str, running: bool) -> None:
    nic = vm["nic"][0]
    if not running:
        desk.do("stopVirtualMachine", id=vm["id"])
        desk.settle()
    changed = desk.do("updateVmNicIp", nicid=nic["id"], ipaddress="10.1.1.77")["virtualmachine"]
    assert (changed["ipaddress"], changed["nic"][0]["ipaddress"], changed["nic"][0]["id"]) == ("10.1.1.77", "10.1.1.77", nic["id"])
    same = desk.do("updateVmNicIp", nicid=nic["id"], ipaddress="10.1.1.77")["virtualmachine"]
    assert same["ipaddress"] == "10.1.1.77"
    chosen = desk.do("updateVmNicIp", nicid=nic["id"])["virtualmachine"]["ipaddress"]
    assert chosen not in {"10.1.1.77", nic["gateway"]}
    with desk.store.read() as rx:
        assert rx.count(records.NicIp, nic=nic["id"]) == 1


def test_the_address_before_drains(desk: Desk, vm: dict[str, Any]) -> None:
    nic = vm["nic"][0]
    job = waiting(desk, "updateVmNicIp", nicid=nic["id"], ipaddress="10.1.1.77")
    desk.store.reap()
    refused = desk.refused("updateVmNicIp", nicid=nic["id"], ipaddress=nic["ipaddress"])
    assert "not yet forgotten" in refused.text
    desk.settle()
    desk.store.reap()
    assert desk.job(job)["jobstatus"] == DONE
    assert desk.do("updateVmNicIp", nicid=nic["id"], ipaddress=nic["ipaddress"])["virtualmachine"]["ipaddress"] == nic["ipaddress"]


def test_an_address_its_host_did_not_change_stays_asked_for(desk: Desk, vm: dict[str, Any], host: str) -> None:
    nic = vm["nic"][0]["id"]
    job = waiting(desk, "updateVmNicIp", nicid=nic, ipaddress="10.1.1.77")
    overdue(desk)
    assert desk.job(job)["jobstatus"] == FAILED
    assert nics(desk, vm["id"])[0]["ipaddress"] == "10.1.1.77"
    with desk.store.read() as rx:
        assert [one.ips for one in rx.host_intent(host).intent.nics] == [("10.1.1.77",)]


def test_in_a_second_range_a_nic_has_that_ranges_gateway_and_mask(desk: Desk, vm: dict[str, Any], host: str) -> None:
    nic = vm["nic"][0]
    with desk.store.write("test") as tx:
        given = {"start_ip": "10.9.0.10", "end_ip": "10.9.0.20", "gateway": "10.9.0.1", "netmask": "255.255.0.0"}
        tx.add(records.IpRange(zone=vm["zoneid"], network=nic["networkid"], **given))
    assert nics(desk, vm["id"])[0] == nic
    for bad in ("10.9.0.1", "10.9.0.0", "10.9.255.255", "10.10.0.5"):
        assert desk.refused("updateVmNicIp", nicid=nic["id"], ipaddress=bad).status == 431
    changed = desk.do("updateVmNicIp", nicid=nic["id"], ipaddress="10.9.0.15")["virtualmachine"]["nic"][0]
    assert (changed["ipaddress"], changed["gateway"], changed["netmask"]) == ("10.9.0.15", "10.9.0.1", "255.255.0.0")
    with desk.store.read() as rx:
        [intent] = rx.host_intent(host).intent.nics
        [network] = rx.host_intent(host).intent.networks
    assert (intent.gateway, network.gateway, network.prefixes) == ("10.9.0.1", "10.1.1.1", ("10.1.1.0/24", "10.9.0.0/16"))
    back = desk.do("updateVmNicIp", nicid=nic["id"])["virtualmachine"]["nic"][0]
    assert (back["gateway"], back["netmask"]) == ("10.1.1.1", "255.255.255.0")


def test_secondary_addresses(desk: Desk, zone: str, vm: dict[str, Any], host: str) -> None:
    nic = vm["nic"][0]["id"]
    answer = desk.ask("addIpToNic", nicid=nic, ipaddress="10.1.1.80")
    desk.settle()
    made = desk.job(answer["jobid"])["jobresult"]["nicsecondaryip"]
    assert made == {
        "id": answer["id"],
        "ipaddress": "10.1.1.80",
        "nicid": nic,
        "networkid": vm["nic"][0]["networkid"],
        "virtualmachineid": vm["id"],
    }
    chosen = desk.do("addIpToNic", nicid=nic)["nicsecondaryip"]
    shown = nics(desk, vm["id"])[0]
    assert shown["ipaddress"] == vm["nic"][0]["ipaddress"]
    assert shown["secondaryip"] == [{"id": made["id"], "ipaddress": "10.1.1.80"}, {"id": chosen["id"], "ipaddress": chosen["ipaddress"]}]
    with desk.store.read() as rx:
        [intent] = rx.host_intent(host).intent.nics
    assert intent.ips[0] == shown["ipaddress"]
    assert set(intent.ips[1:]) == {"10.1.1.80", chosen["ipaddress"]}
    assert desk.refused("addIpToNic", nicid=nic, ipaddress="10.1.1.80").status == 431
    assert desk.do("removeIpFromNic", id=made["id"]) == {"success": True}
    assert [row["id"] for row in nics(desk, vm["id"])[0]["secondaryip"]] == [chosen["id"]]
    assert desk.refused("removeIpFromNic", id=made["id"]).status == 431
    with desk.store.read() as rx:
        own = rx.one(records.NicIp, nic=nic, secondary=False)
    assert own is not None
    assert desk.refused("removeIpFromNic", id=own.id).status == 431


def test_a_secondary_address_its_host_did_not_admit_is_taken_back(desk: Desk, vm: dict[str, Any]) -> None:
    nic = vm["nic"][0]["id"]
    job = waiting(desk, "addIpToNic", nicid=nic, ipaddress="10.1.1.80")
    overdue(desk)
    assert desk.job(job)["jobstatus"] == FAILED
    assert nics(desk, vm["id"])[0]["secondaryip"] == []


def test_secondary_addresses_are_counted(desk: Desk, vm: dict[str, Any]) -> None:
    desk.ask("updateConfiguration", name="vm.network.nic.max.secondary.ipaddresses", value="1")
    nic = vm["nic"][0]["id"]
    desk.do("addIpToNic", nicid=nic)
    assert "1 secondary" in desk.refused("addIpToNic", nicid=nic).text


@pytest.mark.parametrize("command", ["stopVirtualMachine", "destroyVirtualMachine"])
def test_a_machine_taken_down_ends_the_job_of_its_nic_well(desk: Desk, vm: dict[str, Any], second: str, command: str) -> None:
    job = waiting(desk, "addNicToVirtualMachine", virtualmachineid=vm["id"], networkid=second)
    desk.ask(command, id=vm["id"])
    assert desk.job(job)["jobstatus"] == DONE
    for _ in range(3):
        desk.settle()
    assert len(nics(desk, vm["id"])) == 2


def test_a_machine_that_moves_away_takes_its_new_nic_along(desk: Desk, zone: str, vm: dict[str, Any], second: str) -> None:
    h2 = desk.host(zone, "h2")
    job = waiting(desk, "addNicToVirtualMachine", virtualmachineid=vm["id"], networkid=second)
    move = desk.ask("migrateVirtualMachine", virtualmachineid=vm["id"], hostid=h2)["jobid"]
    for _ in range(3):
        desk.settle()
    overdue(desk)
    assert (desk.job(job)["jobstatus"], desk.job(move)["jobstatus"]) == (DONE, DONE)
    assert [bound(desk, nic["id"]) for nic in nics(desk, vm["id"])] == [[h2], [h2]]


def test_deploy_by_cards(desk: Desk, zone: str, host: str, second: str) -> None:
    first = desk.network(zone, "n1")["id"]
    given = {
        "nicnetworklist__0__nic": "1",
        "nicnetworklist__0__network": first,
        "nicnetworklist__1__nic": "0",
        "nicnetworklist__1__network": second,
    }
    vm = desk.do("deployVirtualMachine", zoneid=zone, **given, **desk.sizes())["virtualmachine"]
    assert [nic["networkid"] for nic in vm["nic"]] == [second, first]
    for bad in ({"nicnetworklist__1__nic": "1"}, {"nicnetworklist__1__nic": "x"}, {"nicnetworklist__1__network": ""}):
        assert desk.refused("deployVirtualMachine", zoneid=zone, **(given | bad), **desk.sizes()).status == 431


def test_nics_of_others_are_not_there(desk: Desk, zone: str, vm: dict[str, Any]) -> None:
    tenant = desk.tenant("blue")
    own = tenant.network(zone, "own")
    mine = tenant.deploy(zone, own["id"], "mine")
    nic = vm["nic"][0]["id"]
    for command, given in {
        "updateVmNicIp": {"nicid": nic},
        "addIpToNic": {"nicid": nic},
        "removeNicFromVirtualMachine": {"virtualmachineid": mine["id"], "nicid": nic},
        "updateDefaultNicForVirtualMachine": {"virtualmachineid": mine["id"], "nicid": nic},
        "listNics": {"networkid": own["id"], "nicid": nic},
    }.items():
        refused = tenant.refused(command, **given)
        assert (refused.status, "does not exist" in refused.text) == (431, True), command
    assert tenant.ask("listNics", networkid=own["id"])["count"] == 1
