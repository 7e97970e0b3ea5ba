"""The VNIs of a zone as clients see them: the pool, what is kept for accounts, how full it is, and who gives them back."""

from __future__ import annotations

import pytest

from tests.unit.api.desk import Desk
from vxloom.server.lifecycle.collector import Collector, collect, watch_pools
from vxloom.store import records

NOWHERE = "00000000-0000-4000-8000-000000000000"


def physical_of(desk: Desk) -> str:
    return str(desk.ask("listPhysicalNetworks")["physicalnetwork"][0]["id"])


def home(desk: Desk) -> str:
    return str(desk.ask("listDomains")["domain"][0]["id"])


def dedicate(desk: Desk, vlanrange: str, account: str) -> dict[str, str]:
    given = {"physicalnetworkid": physical_of(desk), "vlanrange": vlanrange, "account": account, "domainid": home(desk)}
    return desk.ask("dedicateGuestVlanRange", **given)["dedicatedguestvlanrange"]


def test_a_range_is_dedicated_listed_obeyed_and_released(desk: Desk, zone: str) -> None:
    blue, red = desk.tenant("blue"), desk.tenant("red")
    desk.host(zone, "h1")
    made = dedicate(desk, "5000-5000", "blue")
    assert (made["guestvlanrange"], made["account"], made["zoneid"]) == ("5000-5000", "blue", zone)
    for given in ({}, {"zoneid": zone}, {"guestvlanrange": "5000-5000"}, {"account": "blue", "domainid": home(desk)}, {"id": made["id"]}):
        assert desk.ask("listDedicatedGuestVlanRanges", **given)["dedicatedguestvlanrange"] == [made], given
    assert desk.ask("listDedicatedGuestVlanRanges", guestvlanrange="5000-5001") == {}
    assert desk.ask("listDedicatedGuestVlanRanges", account="red", domainid=home(desk)) == {}
    for who in (red, blue):
        network = who.network(zone)
        who.deploy(zone, network["id"], "a")
    vnis = {row["account"]: row["vlan"] for row in desk.ask("listNetworks", listall="true")["network"]}
    assert vnis["blue"] == "5000"
    assert vnis["red"] != "5000"
    [slot] = desk.ask("listGuestVlans", vnet="5000")["guestvlan"]
    assert (slot["isdedicated"], slot["account"], slot["allocationstate"]) == (True, "blue", "Allocated")
    assert desk.do("releaseDedicatedGuestVlanRange", id=made["id"]) == {"success": True}
    assert desk.ask("listDedicatedGuestVlanRanges") == {}
    types = {event["type"] for event in desk.ask("listEvents")["event"]}
    assert {"GUESTVLANRANGE.DEDICATE", "GUESTVLANRANGE.RELEASE"} <= types


def test_a_range_is_dedicated_to_somebody_known(desk: Desk, zone: str) -> None:
    given = {"physicalnetworkid": physical_of(desk), "vlanrange": "5000-5000"}
    assert desk.refused("dedicateGuestVlanRange", **given).status == 431
    assert desk.refused("dedicateGuestVlanRange", account="admin", **given).status == 431
    assert desk.refused("dedicateGuestVlanRange", account="nobody", domainid=home(desk), **given).status == 431
    assert desk.refused("dedicateGuestVlanRange", account="admin", domainid=NOWHERE, **given).status == 431
    assert desk.refused("releaseDedicatedGuestVlanRange", id=NOWHERE).status == 431
    assert desk.refused("listDedicatedGuestVlanRanges", guestvlanrange="a-b").status == 431
    assert desk.ask("listDedicatedGuestVlanRanges") == {}


def test_a_dedicated_range_holds_the_physical_networks(desk: Desk, zone: str) -> None:
    dedicate(desk, "5100-5199", "admin")
    refused = desk.refused("updatePhysicalNetwork", id=physical_of(desk), vlan="5000-5099")
    assert refused.status == 431
    assert "dedicated to an account" in refused.text


def test_a_page_of_sixteen_million_vnis(desk: Desk) -> None:
    zone = desk.zone(vlan="0-99,1000-16777214")
    page = desk.ask("listGuestVlans", zoneid=zone, page=2, pagesize=60)
    assert page["count"] == 100 + 16777214 - 1000 + 1
    assert [row["vlan"] for row in page["guestvlan"]] == [str(n) for n in (*range(60, 100), *range(1000, 1020))]
    assert {row["allocationstate"] for row in page["guestvlan"]} == {"Free"}
    last = desk.ask("listGuestVlans", zoneid=zone, page=page["count"] // 500 + 1, pagesize=500)
    assert last["guestvlan"][-1]["vlan"] == "16777214"
    assert "guestvlan" not in desk.ask("listGuestVlans", zoneid=zone, page=page["count"], pagesize=500)
    assert len(desk.ask("listGuestVlans")["guestvlan"]) == 500
    refused = desk.refused("listGuestVlans", pagesize=-1)
    assert refused.status == 431
    assert "page" in refused.text


def test_a_vni_is_found_by_number_and_by_id(desk: Desk, zone: str) -> None:
    desk.host(zone, "h1")
    network = desk.network(zone)
    desk.deploy(zone, network["id"], "a")
    vni = desk.ask("listNetworks", id=network["id"])["network"][0]["vlan"]
    [slot] = desk.ask("listGuestVlans", vnet=vni)["guestvlan"]
    assert slot["network"] == [{"id": network["id"], "name": "n1"}]
    assert slot["taken"].endswith("+0000")
    assert desk.ask("listGuestVlans", id=slot["id"])["guestvlan"] == [slot]
    assert desk.ask("listGuestVlans", allocatedonly="true")["guestvlan"] == [slot]
    assert desk.ask("listGuestVlans", vnet="4999") == {}
    assert desk.refused("listGuestVlans", id=NOWHERE).status == 431
    assert desk.refused("listGuestVlans", vnet="x").status == 431


def test_a_stated_vni_beside_the_pool_is_listed(desk: Desk, zone: str) -> None:
    given = {"name": "stated", "guestiptype": "L2", "traffictype": "Guest", "specifyvlan": "true", "enable": "true"}
    offering = desk.ask("createNetworkOffering", **given)["networkoffering"]["id"]
    desk.ask("createNetwork", name="n", zoneid=zone, networkofferingid=offering, vlan="77")
    [slot] = desk.ask("listGuestVlans", vnet="77")["guestvlan"]
    assert slot["allocationstate"] == "Allocated"
    assert desk.ask("listGuestVlans", page=1, pagesize=10)["count"] == 1001
    assert desk.ask("listGuestVlans", id=slot["id"])["guestvlan"] == [slot]
    capacity = desk.ask("listCapacity", type=7)["capacity"][0]
    assert (capacity["capacityused"], capacity["capacitytotal"]) == (0, 1000)


def test_a_share_is_a_string(desk: Desk) -> None:
    zone = desk.zone(vlan="7000-7003")
    desk.host(zone, "h1")
    desk.deploy(zone, desk.network(zone)["id"], "a")
    capacity = desk.ask("listCapacity", type=7, zoneid=zone)["capacity"][0]
    assert (capacity["capacityused"], capacity["capacitytotal"], capacity["percentused"]) == (1, 4, "25")
    pod = desk.ask("listPods")["pod"][0]["id"]
    assert desk.ask("listCapacity", podid=pod) == {}


def test_an_alert_tells_of_a_pool_that_runs_low_and_ends(desk: Desk) -> None:
    zone = desk.zone(vlan="7000-7003")
    given = {"name": "p", "guestiptype": "Isolated", "traffictype": "Guest", "ispersistent": "true", "enable": "true"}
    offering = desk.ask("createNetworkOffering", **given)["networkoffering"]["id"]
    for number in range(3):
        desk.ask("createNetwork", name=f"n{number}", zoneid=zone, networkofferingid=offering)
    watch_pools(desk.store)
    assert desk.ask("listAlerts", type=18) == {}  # three of four are not more than 0.75
    desk.ask("updateConfiguration", name="zone.vlan.capacity.notificationthreshold", value="0.5", zoneid=zone)
    watch_pools(desk.store)
    watch_pools(desk.store)
    [alert] = desk.ask("listAlerts", type=18)["alert"]
    assert alert["name"] == "ALERT.NETWORK.VLAN"
    assert "more than 50% of its VNIs" in alert["description"]
    desk.do("updatePhysicalNetwork", id=physical_of(desk), vlan="7000-7999")
    watch_pools(desk.store)
    assert desk.ask("listAlerts", type=18) == {}


def test_an_idle_network_is_shut_down_after_its_time(desk: Desk, zone: str) -> None:
    host = desk.host(zone, "h1")
    network = desk.network(zone)
    vm = desk.deploy(zone, network["id"], "a")
    before = desk.ask("listNetworks", id=network["id"])["network"][0]
    collect(desk.store, 1000)
    collect(desk.store, 9000)
    assert desk.ask("listNetworks", id=network["id"])["network"][0] == before  # in use
    desk.do("stopVirtualMachine", id=vm["id"])
    collect(desk.store, 10_000)
    collect(desk.store, 10_599)
    assert desk.ask("listNetworks", id=network["id"])["network"][0]["state"] == "Implemented"
    collect(desk.store, 10_600)
    row = desk.ask("listNetworks", id=network["id"])["network"][0]
    assert row["state"] == "Allocated"
    assert not {"vlan", "broadcasturi", "privatemtu"} & set(row)
    events = desk.ask("listEvents", resourceid=network["id"], listall="true")["event"]
    assert {event["type"] for event in events} >= {"ZONE.VLAN.ASSIGN", "ZONE.VLAN.RELEASE"}
    desk.settle()
    desk.store.reap()
    assert desk.ask("listGuestVlans", allocatedonly="true") == {}
    desk.do("startVirtualMachine", id=vm["id"])
    assert desk.ask("listNetworks", id=network["id"])["network"][0]["state"] == "Implemented"
    with desk.store.read() as rx:
        assert [found.vni for found in rx.host_intent(host).intent.networks] != []


def test_the_vni_of_a_network_shut_down_drains(desk: Desk, zone: str) -> None:
    host = desk.host(zone, "h1")
    network = desk.network(zone)
    vm = desk.deploy(zone, network["id"], "a")
    vni = desk.ask("listNetworks", id=network["id"])["network"][0]["vlan"]
    desk.ask("stopVirtualMachine", id=vm["id"], forced="true")
    desk.hosts.up.discard(host)  # it never says that it let go
    collect(desk.store, 1000)
    collect(desk.store, 2000)
    desk.store.reap()
    [slot] = desk.ask("listGuestVlans", vnet=vni)["guestvlan"]
    assert slot["allocationstate"] == "Draining"


@pytest.mark.parametrize("kind", ["persistent", "used again"])
def test_what_is_not_idle_stays(desk: Desk, zone: str, kind: str) -> None:
    desk.host(zone, "h1")
    if kind == "persistent":
        given = {"name": "p", "guestiptype": "Isolated", "traffictype": "Guest", "ispersistent": "true", "enable": "true"}
        offering = desk.ask("createNetworkOffering", **given)["networkoffering"]["id"]
        network = desk.ask("createNetwork", name="n", zoneid=zone, networkofferingid=offering)["network"]
        collect(desk.store, 1000)
        collect(desk.store, 9000)
    else:
        network = desk.network(zone)
        vm = desk.deploy(zone, network["id"], "a")
        desk.do("stopVirtualMachine", id=vm["id"])
        collect(desk.store, 1000)
        desk.do("startVirtualMachine", id=vm["id"])
        desk.do("stopVirtualMachine", id=vm["id"])
        collect(desk.store, 9000)  # its time begins here again
    assert desk.ask("listNetworks", id=network["id"])["network"][0]["state"] == "Implemented"


def test_a_stated_vni_stays_with_its_network(desk: Desk, zone: str) -> None:
    desk.host(zone, "h1")
    given = {"name": "stated", "guestiptype": "L2", "traffictype": "Guest", "specifyvlan": "true", "enable": "true"}
    offering = desk.ask("createNetworkOffering", **given)["networkoffering"]["id"]
    network = desk.ask("createNetwork", name="n", zoneid=zone, networkofferingid=offering, vlan="77")["network"]
    vm = desk.deploy(zone, network["id"], "a")
    desk.do("stopVirtualMachine", id=vm["id"])
    collect(desk.store, 1000)
    collect(desk.store, 9000)
    row = desk.ask("listNetworks", id=network["id"])["network"][0]
    assert (row["state"], row["vlan"]) == ("Allocated", "77")


def test_the_collector_looks_when_it_is_time(desk: Desk, zone: str) -> None:
    desk.host(zone, "h1")
    network = desk.network(zone)
    vm = desk.deploy(zone, network["id"], "a")
    desk.do("stopVirtualMachine", id=vm["id"])
    collector = Collector(desk.store)

    def since() -> float | None:
        with desk.store.read() as rx:
            row = rx.get(records.Network, network["id"])
        assert row is not None
        return row.idle

    collector.turn(1000)
    assert since() == 1000
    collector.turn(1599)
    assert desk.ask("listNetworks", id=network["id"])["network"][0]["state"] == "Implemented"
    desk.ask("updateConfiguration", name="network.gc.wait", value="0")
    desk.ask("updateConfiguration", name="network.gc.interval", value="10")
    collector.turn(1600)
    assert desk.ask("listNetworks", id=network["id"])["network"][0]["state"] == "Allocated"
