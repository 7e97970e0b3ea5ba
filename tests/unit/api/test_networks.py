from __future__ import annotations

import pytest

from tests.unit.api.desk import Desk
from vxloom.store import records


def stated(desk: Desk, kind: str = "L2") -> str:
    given = {"name": f"stated {kind}", "guestiptype": kind, "traffictype": "Guest", "specifyvlan": "true", "enable": "true"}
    return str(desk.ask("createNetworkOffering", **given)["networkoffering"]["id"])


def offering_of(desk: Desk, **more: str) -> str:
    given = {"name": f"isolated {sorted(more)}", "guestiptype": "Isolated", "traffictype": "Guest", "enable": "true"} | more
    return str(desk.ask("createNetworkOffering", **given)["networkoffering"]["id"])


def test_an_isolated_network_has_no_vni_before_its_first_machine(desk: Desk) -> None:
    zone = desk.zone()
    desk.host(zone, "h1")
    network = desk.network(zone, gateway="10.1.1.1", netmask="255.255.255.0", ip6cidr="fd00:1::/64")
    assert (network["state"], network["type"], network["broadcastdomaintype"]) == ("Allocated", "Isolated", "Vxlan")
    assert (network["cidr"], network["gateway"], network["netmask"]) == ("10.1.1.0/24", "10.1.1.1", "255.255.255.0")
    assert (network["ip6cidr"], network["ip6gateway"]) == ("fd00:1::/64", "fd00:1::1")
    assert network["displaytext"] == "n1"  # defaults to the name
    assert network["tags"] == []
    assert "vlan" not in network
    assert "broadcasturi" not in network
    desk.deploy(zone, network["id"], "a")
    row = desk.ask("listNetworks", id=network["id"])["network"][0]
    assert row["state"] == "Implemented"
    assert row["broadcasturi"] == f"vxlan://{row['vlan']}"
    assert 5000 <= int(row["vlan"]) <= 5999
    assert row["privatemtu"] == 1450
    assert desk.ask("listNetworks", vlan=row["vlan"])["count"] == 1
    assert desk.ask("listNetworks", vlan="4999") == {}


def test_a_network_without_addresses_gets_the_zones(desk: Desk) -> None:
    zone = desk.zone()
    assert desk.network(zone)["cidr"] == "10.1.1.0/24"
    desk.ask("updateZone", id=zone, guestcidraddress="10.7.0.0/20")
    row = desk.network(zone, "n2")
    assert (row["cidr"], row["gateway"], row["netmask"]) == ("10.7.0.0/20", "10.7.0.1", "255.255.240.0")


@pytest.mark.parametrize(("mtu", "vtep", "inner"), [("9000", "192.0.2.1", 8950), ("1500", "2001:db8::1", 1430), ("", "192.0.2.1", 1450)])
def test_the_mtu_follows_the_underlay(desk: Desk, mtu: str, vtep: str, inner: int) -> None:
    zone = desk.zone()
    host = desk.host(zone, "h1", **({"underlay_mtu": mtu} if mtu else {}))
    with desk.store.write("test") as tx:
        tx.update(records.Host, host, vtep=vtep)
    network = desk.network(zone)
    desk.deploy(zone, network["id"], "a")
    assert desk.ask("listNetworks", id=network["id"])["network"][0]["privatemtu"] == inner


@pytest.mark.parametrize(
    "given",
    [
        {"gateway": "10.1.1.300"},
        {"gateway": "10.1.1.1", "netmask": "255.0.255.0"},
        {"netmask": "255.255.255.0"},
        {"gateway": "10.1.1.0", "netmask": "255.255.255.0"},
        {"gateway": "10.1.1.255", "netmask": "255.255.255.0"},
        {"gateway": "10.1.1.1", "netmask": "255.255.255.255"},
        {"gateway": "fd00::1", "netmask": "255.255.255.0"},
        {"gateway": "10.1.1.1", "netmask": "255.255.255.0", "startip": "10.1.2.1"},
        {"gateway": "10.1.1.1", "netmask": "255.255.255.0", "startip": "10.1.1.9", "endip": "10.1.1.8"},
        {"endip": "10.1.1.8"},
        {"ip6cidr": "fd00:1::1/64"},
        {"ip6cidr": "fd00:1::"},
        {"ip6cidr": "fe80::/64"},
        {"ip6cidr": "10.0.0.0/8"},
        {"ip6cidr": "fd00:1::/64", "ip6gateway": "fd00:2::1"},
        {"ip6gateway": "fd00:1::1"},
        {"vlan": "5001"},
        {"acltype": "Domain"},
        {"projectid": "00000000-0000-4000-8000-000000000000"},
        {"account": "nobody", "domainid": "00000000-0000-4000-8000-000000000000"},
    ],
    ids=str,
)
def test_bad_addresses_make_nothing(desk: Desk, given: dict[str, str]) -> None:
    zone = desk.zone()
    refused = desk.refused("createNetwork", name="n", zoneid=zone, networkofferingid=desk.offering("Isolated"), **given)
    assert refused.status == 431
    assert desk.ask("listNetworks", listall="true") == {}


def test_an_l2_network_has_no_addresses(desk: Desk) -> None:
    zone = desk.zone()
    network = desk.network(zone, kind="L2")
    assert network["type"] == "L2"
    assert not {"gateway", "cidr", "netmask"} & set(network)
    refused = desk.refused("createNetwork", name="n", zoneid=zone, networkofferingid=desk.offering("L2"), gateway="10.1.1.1")
    assert refused.status == 431


def test_a_stated_vni_needs_an_offering_for_it(desk: Desk) -> None:
    zone = desk.zone()
    offering = stated(desk)
    made = [
        desk.ask("createNetwork", name=f"n{v}", zoneid=zone, networkofferingid=offering, vlan=v)["network"]
        for v in ("5001", "vxlan://5002")
    ]
    assert [row["broadcasturi"] for row in made] == ["vxlan://5001", "vxlan://5002"]
    assert desk.ask("listGuestVlans", vnet="5001")["guestvlan"][0]["network"][0]["name"] == "n5001"
    for vlan in ("5001", "vlan://5003", "x", "16777215", "-1", "vxlan://", "9" * 200):
        assert desk.refused("createNetwork", name="n", zoneid=zone, networkofferingid=offering, vlan=vlan).status == 431, vlan
    assert desk.refused("createNetwork", name="n", zoneid=zone, networkofferingid=offering).status == 431
    assert desk.ask("listNetworks", listall="true")["count"] == 2


def test_a_persistent_network_has_a_vni_at_once(desk: Desk) -> None:
    zone = desk.zone()
    given = {"name": "p", "guestiptype": "Isolated", "traffictype": "Guest", "ispersistent": "true", "enable": "true"}
    offering = desk.ask("createNetworkOffering", **given)["networkoffering"]["id"]
    network = desk.ask("createNetwork", name="n", zoneid=zone, networkofferingid=offering)["network"]
    assert (network["state"], network["ispersistent"]) == ("Implemented", True)
    assert network["broadcasturi"].startswith("vxlan://")


def test_an_exhausted_pool_is_533_and_leaves_no_network(desk: Desk) -> None:
    zone = desk.zone(vlan="7000-7000")
    given = {"name": "p", "guestiptype": "Isolated", "traffictype": "Guest", "ispersistent": "true", "enable": "true"}
    offering = desk.ask("createNetworkOffering", **given)["networkoffering"]["id"]
    desk.ask("createNetwork", name="n1", zoneid=zone, networkofferingid=offering)
    refused = desk.refused("createNetwork", name="n2", zoneid=zone, networkofferingid=offering)
    assert refused.status == 533
    assert desk.ask("listNetworks")["count"] == 1
    host = desk.host(zone, "h1")
    assert desk.refused("deployVirtualMachine", zoneid=zone, networkids=desk.network(zone)["id"], **desk.sizes()).status == 533
    assert desk.ask("listVirtualMachines") == {}
    with desk.store.read() as rx:
        assert rx.count(records.Binding, host=host) == 0
        assert rx.count(records.MacAllocation) == 0
        assert rx.pending_jobs() == []


def test_a_disabled_offering_cannot_be_used(desk: Desk) -> None:
    zone = desk.zone()
    for kind in ("Isolated", "Shared"):
        row = desk.ask("createNetworkOffering", name=kind, guestiptype=kind, traffictype="Guest")["networkoffering"]
        assert desk.refused("createNetwork", name="n", zoneid=zone, networkofferingid=row["id"]).status == 431


def test_a_zone_without_guest_traffic_has_no_networks(desk: Desk) -> None:
    zone = desk.ask("createZone", name="bare", networktype="Advanced", dns1="192.0.2.1", internaldns1="192.0.2.1")["zone"]["id"]
    refused = desk.refused("createNetwork", name="n", zoneid=zone, networkofferingid=desk.offering("L2"))
    assert refused.status == 431
    assert "addTrafficType" in refused.text


def test_a_network_is_renamed(desk: Desk) -> None:
    network = desk.network(desk.zone())
    changed = desk.do("updateNetwork", id=network["id"], name="web", displaytext="Web")["network"]
    assert (changed["name"], changed["displaytext"], changed["cidr"]) == ("web", "Web", network["cidr"])


def test_a_network_gets_another_offering(desk: Desk) -> None:
    zone = desk.zone()
    offered = {row["name"]: row["id"] for row in desk.ask("listNetworkOfferings")["networkoffering"]}
    rich, plain = offered["DefaultIsolatedNetworkOfferingWithSourceNatService"], offered["vxloom Isolated"]
    network = desk.ask("createNetwork", name="n", zoneid=zone, networkofferingid=rich)["network"]
    assert desk.ask("listAlerts", name="network.services")["count"] == 1
    changed = desk.do("updateNetwork", id=network["id"], networkofferingid=plain)["network"]
    assert (changed["networkofferingid"], changed["networkofferingname"], changed["state"]) == (plain, "vxloom Isolated", "Allocated")
    assert desk.ask("listAlerts", name="network.services") == {}
    lasting = offering_of(desk, ispersistent="true")
    changed = desk.do("updateNetwork", id=network["id"], networkofferingid=lasting)["network"]
    assert (changed["ispersistent"], changed["state"]) == (True, "Implemented")
    assert desk.do("updateNetwork", id=network["id"], networkofferingid=rich)["network"]["vlan"] == changed["vlan"]
    assert desk.ask("listAlerts", name="network.services")["count"] == 1
    tenant = desk.tenant("red")
    own = tenant.network(zone, "own")
    assert tenant.do("updateNetwork", id=own["id"], networkofferingid=rich)["network"]["networkofferingid"] == rich


def test_an_offering_of_another_kind_changes_nothing(desk: Desk) -> None:
    zone = desk.zone()
    offered = {row["name"]: row["id"] for row in desk.ask("listNetworkOfferings")["networkoffering"]}
    isolated, flat = desk.network(zone), desk.network(zone, "n2", "L2")
    disabled = desk.ask("createNetworkOffering", name="off", guestiptype="Isolated", traffictype="Guest")["networkoffering"]["id"]
    for network, wanted, says in (
        (isolated, offered["DefaultL2NetworkOffering"], "guest type is L2, not Isolated"),
        (flat, offered["DefaultL2NetworkOfferingVlan"], "VNI stated"),
        (isolated, offering_of(desk, tags="fast"), "the tag fast"),
        (isolated, disabled, "not Enabled"),
        (isolated, zone, "networkofferingid"),
    ):
        refused = desk.refused("updateNetwork", id=network["id"], name="other", networkofferingid=wanted)
        assert refused.status == 431
        assert says in refused.text
        [same] = desk.ask("listNetworks", id=network["id"])["network"]
        assert same == network


def test_a_network_restarts_only_when_implemented(desk: Desk) -> None:
    zone = desk.zone()
    desk.host(zone, "h1")
    network = desk.network(zone)
    assert desk.refused("restartNetwork", id=network["id"], cleanup="true").status == 431
    desk.deploy(zone, network["id"], "a")
    for cleanup in ("true", "false"):
        assert desk.do("restartNetwork", id=network["id"], cleanup=cleanup) == {"success": True}


def test_a_network_in_use_stays(desk: Desk) -> None:
    zone = desk.zone()
    desk.host(zone, "h1")
    network = desk.network(zone)
    vm = desk.deploy(zone, network["id"], "web-7")
    refused = desk.refused("deleteNetwork", id=network["id"])
    assert (refused.status, refused.content["cserrorcode"]) == (536, 4375)
    assert "web-7" in refused.text
    desk.do("destroyVirtualMachine", id=vm["id"], expunge="true")
    assert desk.do("deleteNetwork", id=network["id"], forced="None") == {"success": True}
    assert desk.ask("listNetworks") == {}
    assert desk.refused("deleteNetwork", id=network["id"]).status == 431


def test_a_network_is_deleted_when_its_hosts_forgot_it(desk: Desk) -> None:
    zone = desk.zone()
    h1, h2 = desk.host(zone, "h1"), desk.host(zone, "h2")
    network = desk.network(zone)
    machines = [desk.deploy(zone, network["id"], name, hostid=host) for name, host in (("a", h1), ("b", h2))]
    vni = desk.ask("listNetworks", id=network["id"])["network"][0]["vlan"]
    desk.hosts.up.remove(h2)
    # h2 went away for good: its machine is destroyed without its word
    for vm in machines:
        job = desk.ask("destroyVirtualMachine", id=vm["id"], expunge="true")["jobid"]
        desk.settle()
        desk.time = 4e9
        desk.runner().turn()
        desk.time = 0
        assert desk.job(job)["jobstatus"] == 1
    result = desk.do("deleteNetwork", id=network["id"])
    assert result == {"success": True, "pendinghosts": ["h2"]}
    [vlan] = desk.ask("listGuestVlans", vnet=vni)["guestvlan"]
    assert vlan["allocationstate"] == "Draining"  # nobody else gets it while h2 may believe in it
    desk.hosts.up.add(h2)
    desk.settle()
    desk.store.reap()
    assert desk.ask("listGuestVlans", vnet=vni)["guestvlan"][0]["allocationstate"] == "Free"


def test_two_tenants_may_use_the_same_addresses(desk: Desk) -> None:
    zone = desk.zone()
    desk.host(zone, "h1")
    same = {"gateway": "10.1.1.1", "netmask": "255.255.255.0", "ip6cidr": "fd00:1::/64"}
    seen = []
    for name in ("blue", "red"):
        tenant = desk.tenant(name)
        network = tenant.network(zone, f"net-{name}", **same)
        vm = tenant.deploy(zone, network["id"], f"{name}-1")
        assert vm["nic"][0]["ipaddress"] == "10.1.1.2"
        seen.append(desk.ask("listNetworks", id=network["id"])["network"][0])
    assert seen[0]["vlan"] != seen[1]["vlan"]
    assert [row["account"] for row in seen] == ["blue", "red"]


def test_an_admin_makes_a_tenants_network(desk: Desk) -> None:
    zone = desk.zone()
    tenant = desk.tenant("blue")
    domain = desk.ask("listDomains")["domain"][0]["id"]
    network = desk.network(zone, "n", account="Blue", domainid=domain)
    assert network["account"] == "blue"
    assert desk.ask("listNetworks") == {}  # his own only
    assert desk.ask("listNetworks", listall="true")["count"] == 1
    assert desk.ask("listNetworks", account="blue", domainid=domain)["count"] == 1
    assert desk.ask("listNetworks", domainid=domain)["count"] == 1
    assert tenant.ask("listNetworks")["count"] == 1


def test_a_tenant_sees_and_changes_its_own_only(desk: Desk) -> None:
    zone = desk.zone()
    desk.host(zone, "h1")
    blue, red = desk.tenant("blue"), desk.tenant("red")
    network = blue.network(zone)
    vm = blue.deploy(zone, network["id"], "a")
    assert red.ask("listNetworks", listall="true") == {}
    assert red.ask("listVirtualMachines", listall="true") == {}
    calls = {
        "listNetworks": {"id": network["id"]},
        "deleteNetwork": {"id": network["id"]},
        "updateNetwork": {"id": network["id"], "name": "x"},
        "restartNetwork": {"id": network["id"]},
        "stopVirtualMachine": {"id": vm["id"]},
        "destroyVirtualMachine": {"id": vm["id"]},
        "listNics": {"virtualmachineid": vm["id"]},
        "deployVirtualMachine": {"networkids": network["id"], "zoneid": zone, **red.sizes()},
        "allowSharedAddress": {"nicid": vm["nic"][0]["id"], "address": "10.1.1.100"},
    }
    for command, given in calls.items():
        assert red.refused(command, **given).status == 431, command
    assert blue.refused("createNetwork", name="n", zoneid=zone, networkofferingid=blue.offering("L2"), account="red").status == 431
    row = blue.ask("listNetworks")["network"][0]
    assert not {"vlan", "broadcasturi"} & set(row)
    machine = blue.ask("listVirtualMachines")["virtualmachine"][0]
    assert not {"hostid", "hostname", "instancename"} & set(machine)
    assert not {"broadcasturi", "vlanid"} & set(machine["nic"][0])


def test_a_tenant_may_not_state_a_vni(desk: Desk) -> None:
    zone = desk.zone()
    offering = stated(desk)
    refused = desk.tenant("blue").refused("createNetwork", name="n", zoneid=zone, networkofferingid=offering, vlan="5001")
    assert refused.status == 531


@pytest.mark.parametrize("told", ["0", "68", "99999999", "9" * 5000, "-1", "x"])
def test_an_underlay_mtu_that_none_has_is_not_believed(desk: Desk, zone: str, told: str) -> None:
    desk.host(zone, "h1", underlay_mtu=told)
    network = desk.network(zone)
    desk.deploy(zone, network["id"], "vm1")
    assert desk.ask("listNetworks", id=network["id"])["network"][0]["privatemtu"] == 1450
