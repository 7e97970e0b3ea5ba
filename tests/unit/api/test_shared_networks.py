"""Shared networks: many accounts on one segment, addresses from ranges, and nobody sees more than is his."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api.desk import Desk
from vxloom.store import records

NOWHERE = "00000000-0000-4000-8000-000000000000"
V4 = {"gateway": "10.2.0.1", "netmask": "255.255.255.0"}


@pytest.fixture
def offering(desk: Desk) -> str:
    """Shared, without services, its VNI given by the server."""
    given = {"name": "plain shared", "guestiptype": "Shared", "traffictype": "Guest", "specifyipranges": "true", "enable": "true"}
    return str(desk.ask("createNetworkOffering", **given)["networkoffering"]["id"])


def shared(desk: Desk, zone: str, offering: str, name: str = "shared", **more: object) -> dict[str, Any]:
    return desk.ask("createNetwork", name=name, zoneid=zone, networkofferingid=offering, **{**V4, **more})["network"]


def child(desk: Desk, name: str) -> str:
    """A domain below ROOT, written as createDomain writes it."""
    with desk.store.write("test") as tx:
        root = tx.one(records.Domain, parent=None)
        assert root is not None
        return tx.add(records.Domain(name=name, parent=root.id, path=f"ROOT/{name}", level=1)).id


def tenant_in(desk: Desk, name: str, domain: str) -> Desk:
    given = {"username": name, "password": "secret", "firstname": name, "lastname": name, "email": f"{name}@example.org"}
    account = desk.ask("createAccount", account=name, domainid=domain, **given)["account"]
    keys = desk.ask("registerUserKeys", id=account["user"][0]["id"])["userkeys"]
    return desk.as_user(keys["apikey"], keys["secretkey"])


def test_a_shared_network_is_set_up_at_once_and_everybodys(desk: Desk, zone: str, offering: str) -> None:
    desk.host(zone, "h1")
    network = shared(desk, zone, offering, startip="10.2.0.10", endip="10.2.0.12")
    assert (network["state"], network["type"], network["acltype"]) == ("Setup", "Shared", "Domain")
    assert network["broadcasturi"] == f"vxlan://{network['vlan']}"
    assert (network["domain"], network["subdomainaccess"], network["zonesnetworkspans"]) == ("ROOT", True, [])
    assert "account" not in network
    assert (network["gateway"], network["netmask"], network["cidr"]) == ("10.2.0.1", "255.255.255.0", "10.2.0.0/24")
    blue, red = desk.tenant("blue"), desk.tenant("red")
    for number, who in enumerate((blue, red)):
        [seen] = who.ask("listNetworks")["network"]
        assert seen["id"] == network["id"]
        assert not {"vlan", "broadcasturi"} & set(seen)
        vm = who.deploy(zone, network["id"], f"vm{number}")
        assert vm["nic"][0]["ipaddress"] == f"10.2.0.1{number}"
        assert (vm["nic"][0]["gateway"], vm["nic"][0]["netmask"]) == ("10.2.0.1", "255.255.255.0")
    desk.deploy(zone, network["id"], "vm2")
    assert blue.refused("deployVirtualMachine", zoneid=zone, networkids=network["id"], **desk.sizes()).status == 533


def test_what_others_have_on_it_stays_theirs(desk: Desk, zone: str, offering: str) -> None:
    desk.host(zone, "h1")
    network = shared(desk, zone, offering)
    blue, red = desk.tenant("blue"), desk.tenant("red")
    vm = blue.deploy(zone, network["id"], "blue-1")
    assert red.ask("listVirtualMachines", networkid=network["id"], listall="true") == {}
    assert red.ask("listNics", networkid=network["id"]) == {}
    for command in ("deleteNetwork", "updateNetwork", "restartNetwork"):
        assert red.refused(command, id=network["id"]).status == 431, command
    assert red.refused("deployVirtualMachine", zoneid=zone, networkids=network["id"], ipaddress=vm["nic"][0]["ipaddress"], **desk.sizes())
    own = red.deploy(zone, network["id"], "red-1")["nic"][0]["id"]
    blue.do("allowSharedAddress", nicid=vm["nic"][0]["id"], address="10.2.0.100")
    refused = red.refused("allowSharedAddress", nicid=own, address="10.2.0.100")
    assert (refused.status, "another account" in refused.text) == (431, True)


def test_a_domains_network_is_its_accounts_only(desk: Desk, zone: str, offering: str) -> None:
    sales, works = child(desk, "sales"), child(desk, "works")
    ann, bob = tenant_in(desk, "ann", sales), tenant_in(desk, "bob", works)
    network = shared(desk, zone, offering, acltype="domain", domainid=sales)
    assert (network["domainid"], network["domain"], network["subdomainaccess"]) == (sales, "sales", True)
    assert [row["id"] for row in ann.ask("listNetworks")["network"]] == [network["id"]]
    assert bob.ask("listNetworks", listall="true") == {}
    assert bob.refused("listNetworks", id=network["id"]).status == 431
    assert bob.refused("deployVirtualMachine", zoneid=zone, networkids=network["id"], **desk.sizes()).status == 431
    assert desk.ask("listNetworks", account="bob", domainid=works) == {}
    assert desk.ask("listNetworks", account="ann", domainid=sales)["count"] == 1


@pytest.mark.parametrize(("given", "setting", "below"), [("true", "false", 1), ("false", "true", 0), ("", "false", 0), ("", "true", 1)])
def test_sub_domains_use_it_where_they_may(desk: Desk, zone: str, offering: str, given: str, setting: str, below: int) -> None:
    desk.ask("updateConfiguration", name="allow.subdomain.network.access", value=setting)
    ann = tenant_in(desk, "ann", child(desk, "sales"))
    home = desk.ask("listDomains", name="ROOT")["domain"][0]["id"]
    shared(desk, zone, offering, acltype="Domain", domainid=home, **({"subdomainaccess": given} if given else {}))
    assert ann.ask("listNetworks").get("count", 0) == below


def test_an_accounts_shared_network_is_its_own(desk: Desk, zone: str, offering: str) -> None:
    blue, red = desk.tenant("blue"), desk.tenant("red")
    home = desk.ask("listDomains")["domain"][0]["id"]
    network = shared(desk, zone, offering, acltype="Account", account="blue", domainid=home)
    assert (network["acltype"], network["account"], network["state"]) == ("Account", "blue", "Setup")
    assert blue.ask("listNetworks")["count"] == 1
    assert red.ask("listNetworks", listall="true") == {}
    own = shared(red, zone, offering, "own")
    assert (own["acltype"], own["account"]) == ("Account", "red")
    assert red.refused("createNetwork", name="n", zoneid=zone, networkofferingid=offering, acltype="Domain", **V4).status == 531


@pytest.mark.parametrize(
    "given",
    [
        {"gateway": "", "netmask": ""},
        {"netmask": ""},
        {"startip": "10.3.0.1"},
        {"startip": "10.2.0.9", "endip": "10.2.0.8"},
        {"acltype": "Nobody"},
        {"acltype": "Domain", "account": "admin"},
        {"acltype": "Domain", "domainid": NOWHERE},
        {"ip6cidr": "fd00::1/64"},
        {"vlan": "5001"},
    ],
    ids=str,
)
def test_a_bad_shared_network_leaves_nothing(desk: Desk, zone: str, offering: str, given: dict[str, str]) -> None:
    refused = desk.refused("createNetwork", name="n", zoneid=zone, networkofferingid=offering, **{**V4, **given})
    assert refused.status == 431
    assert desk.ask("listNetworks", listall="true") == {}
    assert desk.ask("listVlanIpRanges") == {}
    assert desk.ask("listGuestVlans", allocatedonly="true") == {}


def test_only_a_shared_network_is_a_domains(desk: Desk, zone: str) -> None:
    refused = desk.refused("createNetwork", name="n", zoneid=zone, networkofferingid=desk.offering("Isolated"), acltype="Domain")
    assert refused.status == 431


def test_the_default_shared_offering_wants_its_vni_stated(desk: Desk, zone: str) -> None:
    [default] = desk.ask("listNetworkOfferings", name="DefaultSharedNetworkOffering")["networkoffering"]
    given = {"name": "n", "zoneid": zone, "networkofferingid": default["id"], **V4}
    assert desk.refused("createNetwork", **given).status == 431
    network = desk.ask("createNetwork", vlan="123", **given)["network"]
    assert (network["broadcasturi"], network["vlan"]) == ("vxlan://123", "123")
    assert network["service"] == []
    [alert] = desk.ask("listAlerts", name="network.services")["alert"]
    assert "Dhcp, Dns, UserData" in alert["description"]
    desk.do("deleteNetwork", id=network["id"])
    assert desk.ask("listAlerts", name="network.services") == {}


def test_which_addresses_a_network_gives_may_have_to_be_said(desk: Desk, zone: str, offering: str) -> None:
    network = shared(desk, zone, offering)
    [row] = desk.ask("listVlanIpRanges", networkid=network["id"])["vlaniprange"]
    assert (row["startip"], row["endip"]) == ("10.2.0.1", "10.2.0.254")
    desk.host(zone, "h1")
    assert desk.deploy(zone, network["id"], "a")["nic"][0]["ipaddress"] == "10.2.0.2"  # the gateway is kept free
    desk.ask("updateConfiguration", name="allow.empty.start.end.ipaddress", value="false")
    assert desk.refused("createNetwork", name="n", zoneid=zone, networkofferingid=offering, **V4).status == 431
    assert shared(desk, zone, offering, "n", startip="10.2.0.5")["state"] == "Setup"


def test_a_shared_network_may_have_ipv6_alone(desk: Desk, zone: str, offering: str) -> None:
    desk.host(zone, "h1")
    network = desk.ask("createNetwork", name="six", zoneid=zone, networkofferingid=offering, ip6cidr="fd00:2::/64")["network"]
    nic = desk.deploy(zone, network["id"], "a")["nic"][0]
    assert nic["ip6address"].startswith("fd00:2:")
    assert "ipaddress" not in nic


def test_it_restarts_in_setup_and_is_deleted_when_empty(desk: Desk, zone: str, offering: str) -> None:
    desk.host(zone, "h1")
    network = shared(desk, zone, offering)
    vm = desk.deploy(zone, network["id"], "a")
    assert desk.do("restartNetwork", id=network["id"], cleanup="true") == {"success": True}
    assert desk.refused("deleteNetwork", id=network["id"]).status == 536
    desk.do("destroyVirtualMachine", id=vm["id"], expunge="true")
    assert desk.do("deleteNetwork", id=network["id"]) == {"success": True}
    assert desk.ask("listVlanIpRanges") == {}
    assert desk.ask("listGuestVlans", allocatedonly="true") == {}
