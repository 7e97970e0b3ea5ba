"""Ranges of addresses of shared networks: made, changed and removed while guests hold addresses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api.desk import Desk
from vxloom.store import records

NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def network(desk: Desk, zone: str) -> dict[str, Any]:
    given = {"name": "s", "guestiptype": "Shared", "traffictype": "Guest", "specifyvlan": "true", "enable": "true"}
    offering = desk.ask("createNetworkOffering", **given)["networkoffering"]["id"]
    more = {"gateway": "10.2.0.1", "netmask": "255.255.255.0", "startip": "10.2.0.10", "endip": "10.2.0.11", "vlan": "310"}
    return desk.ask("createNetwork", name="n", zoneid=zone, networkofferingid=offering, **more)["network"]


def ranges(desk: Desk, **given: object) -> list[dict[str, Any]]:
    return list(desk.ask("listVlanIpRanges", **given).get("vlaniprange", []))


def test_it_is_made_under_one_key_and_listed_under_another(desk: Desk, network: dict[str, Any]) -> None:
    answer = desk.ask("createVlanIpRange", networkid=network["id"], startip="10.2.0.20", vlan="310")
    assert set(answer) == {"vlan"}
    made = answer["vlan"]
    assert (made["startip"], made["endip"]) == ("10.2.0.20", "10.2.0.20")  # the end defaults to the start
    assert (made["vlan"], made["gateway"], made["netmask"], made["cidr"]) == ("vxlan://310", "10.2.0.1", "255.255.255.0", "10.2.0.0/24")
    assert (made["forvirtualnetwork"], made["forsystemvms"]) == (False, False)
    assert [row["startip"] for row in ranges(desk, networkid=network["id"])] == ["10.2.0.10", "10.2.0.20"]
    for given in ({"id": made["id"]}, {"keyword": "0.20"}):
        assert ranges(desk, **given) == [made]
    for given in ({"vlan": "310"}, {"vlan": "vxlan://310"}, {"zoneid": network["zoneid"]}, {"forvirtualnetwork": "false"}):
        assert len(ranges(desk, **given)) == 2, given
    assert ranges(desk, vlan="311") == ranges(desk, forvirtualnetwork="true") == []
    assert desk.refused("listVlanIpRanges", networkid=NOWHERE).status == 431


def test_the_filter_by_network_works(desk: Desk, network: dict[str, Any]) -> None:
    other = desk.ask(
        "createNetwork",
        name="m",
        zoneid=network["zoneid"],
        networkofferingid=network["networkofferingid"],
        vlan="311",
        gateway="10.2.0.1",
        netmask="255.255.255.0",
    )["network"]
    assert {row["networkid"] for row in ranges(desk, networkid=other["id"])} == {other["id"]}
    assert ranges(desk, networkid=other["id"], vlan="310") == []


def test_a_second_range_with_its_own_gateway_gives_addresses(desk: Desk, network: dict[str, Any]) -> None:
    host = desk.host(network["zoneid"], "h1")
    second = {"startip": "10.1.9.1", "endip": "10.1.9.3", "gateway": "10.1.9.1", "netmask": "255.255.255.0"}  # below the first one
    desk.ask("createVlanIpRange", networkid=network["id"], **second)
    nics = [desk.deploy(network["zoneid"], network["id"], f"vm{number}")["nic"][0] for number in range(4)]
    assert [nic["ipaddress"] for nic in nics] == ["10.1.9.2", "10.1.9.3", "10.2.0.10", "10.2.0.11"]
    assert [nic["gateway"] for nic in nics] == ["10.1.9.1", "10.1.9.1", "10.2.0.1", "10.2.0.1"]
    refused = desk.refused("deployVirtualMachine", zoneid=network["zoneid"], networkids=network["id"], **desk.sizes())
    assert refused.status == 533
    with desk.store.read() as rx:
        intent = rx.host_intent(host).intent
    assert {nic.gateway for nic in intent.nics} == {"10.1.9.1", "10.2.0.1"}
    assert set(intent.networks[0].prefixes) == {"10.2.0.0/24", "10.1.9.0/24"}


def test_a_stated_address_is_one_of_a_range(desk: Desk, network: dict[str, Any]) -> None:
    desk.host(network["zoneid"], "h1")
    refused = desk.refused(
        "deployVirtualMachine", zoneid=network["zoneid"], networkids=network["id"], ipaddress="10.2.0.99", **desk.sizes()
    )
    assert (refused.status, "no range" in refused.text) == (431, True)
    assert desk.deploy(network["zoneid"], network["id"], "a", ipaddress="10.2.0.11")["nic"][0]["ipaddress"] == "10.2.0.11"


@pytest.mark.parametrize(
    "given",
    [
        {"startip": "10.2.0.5", "endip": "10.2.0.10"},
        {"startip": "10.2.0.1", "endip": "10.2.0.200"},
        {"startip": "10.2.0.20", "gateway": "10.2.0.2"},
        {"startip": "10.2.0.200", "gateway": "10.2.0.129", "netmask": "255.255.255.128"},
        {"startip": "10.3.0.5", "gateway": "10.2.0.1", "netmask": "255.0.0.0"},
        {"startip": "10.3.0.5"},
        {"startip": "10.2.0.20", "endip": "10.2.0.19"},
        {"startip": "x"},
        {"startip": "10.3.0.5", "gateway": "10.3.0.0", "netmask": "255.255.255.0"},
        {"startip": "10.2.0.20", "vlan": "311"},
        {"startip": "10.2.0.20", "vlan": "vlan://310"},
        {"startip": "10.2.0.20", "forvirtualnetwork": "true"},
        {"startip": "10.2.0.20", "startipv6": "fd00::1"},
        {"startip": "10.2.0.20", "networkid": ""},
        {"startip": "10.2.0.20", "networkid": NOWHERE},
        {},
    ],
    ids=str,
)
def test_a_bad_range_changes_nothing(desk: Desk, network: dict[str, Any], given: dict[str, str]) -> None:
    assert desk.refused("createVlanIpRange", **{"networkid": network["id"], **given}).status == 431
    assert len(ranges(desk)) == 1


def test_only_shared_networks_have_ranges(desk: Desk, zone: str) -> None:
    isolated = desk.network(zone)
    assert desk.refused("createVlanIpRange", networkid=isolated["id"], startip="10.1.1.5").status == 431


def test_a_range_in_use_keeps_what_is_used(desk: Desk, network: dict[str, Any]) -> None:
    desk.host(network["zoneid"], "h1")
    vm = desk.deploy(network["zoneid"], network["id"], "a", ipaddress="10.2.0.11")
    [row] = ranges(desk)
    assert desk.refused("deleteVlanIpRange", id=row["id"]).status == 536
    assert desk.refused("updateVlanIpRange", id=row["id"], endip="10.2.0.10").status == 536
    assert desk.refused("updateVlanIpRange", id=row["id"], netmask="255.255.0.0").status == 536
    changed = desk.do("updateVlanIpRange", id=row["id"], startip="10.2.0.11", endip="10.2.0.99")["vlan"]
    assert (changed["startip"], changed["endip"]) == ("10.2.0.11", "10.2.0.99")
    desk.do("destroyVirtualMachine", id=vm["id"], expunge="true")
    assert desk.do("updateVlanIpRange", id=row["id"], netmask="255.255.0.0")["vlan"]["cidr"] == "10.2.0.0/16"
    assert desk.ask("deleteVlanIpRange", id=row["id"]) == {"success": True}
    assert ranges(desk) == []
    refused = desk.refused("deployVirtualMachine", zoneid=network["zoneid"], networkids=network["id"], **desk.sizes())
    assert refused.status == 533  # without a range it gives no addresses
    kinds = {event["type"] for event in desk.ask("listEvents")["event"]}
    assert {"VLAN.IP.RANGE.UPDATE", "VLAN.IP.RANGE.DELETE"} <= kinds
    with desk.store.read() as rx:
        assert rx.count(records.IpRange) == 0
