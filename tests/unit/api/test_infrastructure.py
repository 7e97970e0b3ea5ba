"""Zones, pods, clusters, hosts, physical networks, traffic types, offerings."""

from __future__ import annotations

import pytest

from tests.unit.api.desk import Desk
from vxloom.store import records

NOWHERE = "00000000-0000-4000-8000-000000000000"


def test_an_empty_cloud_lists_nothing(desk: Desk) -> None:
    for command in ("listZones", "listPods", "listClusters", "listHosts", "listNetworks", "listVirtualMachines", "listPhysicalNetworks"):
        assert desk.ask(command) == {}


def test_a_zone_comes_with_a_pod_and_a_cluster(desk: Desk) -> None:
    zone = desk.zone("lab")
    assert [pod["zonename"] for pod in desk.ask("listPods", zoneid=zone)["pod"]] == ["lab"]
    assert [cluster["hypervisortype"] for cluster in desk.ask("listClusters", zoneid=zone)["cluster"]] == ["KVM"]


def test_a_zone_shows_what_was_given(desk: Desk) -> None:
    given = {"name": "z", "networktype": "advanced", "dns1": "192.0.2.1", "internaldns1": "192.0.2.2", "guestcidraddress": "10.9.0.0/16"}
    zone = desk.ask("createZone", **given, securitygroupenabled="true")["zone"]
    assert {name: zone[name] for name in given} == given | {"networktype": "Advanced"}
    assert zone["allocationstate"] == "Disabled"
    assert zone["securitygroupsenabled"] is True  # in with one spelling, out with another
    assert zone["tags"] == []
    assert "dns2" not in zone


def test_a_basic_zone_says_it_has_security_groups(desk: Desk) -> None:
    zone = desk.ask("createZone", name="b", networktype="Basic", dns1="192.0.2.1", internaldns1="192.0.2.2")["zone"]
    assert zone["securitygroupsenabled"] is True


def test_a_stray_networktype_does_not_change_a_zone(desk: Desk) -> None:
    zone = desk.zone()
    changed = desk.ask("updateZone", id=zone, networktype="Basic", name="renamed")["zone"]
    assert (changed["networktype"], changed["name"]) == ("Advanced", "renamed")


def test_names_are_found_in_any_case(desk: Desk) -> None:
    desk.zone("Lab")
    assert desk.ask("listZones", name="lAB")["count"] == 1
    assert desk.ask("listClusters", name="LAB-CLUSTER")["count"] == 1
    assert desk.ask("listZones", keyword="A")["count"] == 1
    assert desk.ask("listZones", name="la") == {}


def test_a_zone_in_use_stays(desk: Desk) -> None:
    zone = desk.zone()
    host = desk.host(zone, "h1")
    refused = desk.refused("deleteZone", id=zone)
    assert (refused.status, refused.content["cserrorcode"]) == (536, 4375)
    assert "1 hosts" in refused.text
    desk.ask("deleteHost", id=host, forced="true")
    physical = desk.ask("listPhysicalNetworks", zoneid=zone)["physicalnetwork"][0]["id"]
    desk.do("deletePhysicalNetwork", id=physical)
    assert desk.ask("deleteZone", id=zone) == {"success": True}
    assert desk.ask("listZones") == {}


def test_a_pods_addresses_are_lists_and_its_end_has_a_default(desk: Desk) -> None:
    zone = desk.zone()
    pod = desk.ask("createPod", name="p2", zoneid=zone, gateway="192.0.2.1", netmask="255.255.255.0", startip="192.0.2.10")["pod"]
    assert (pod["startip"], pod["endip"]) == (["192.0.2.10"], ["192.0.2.254"])
    pod = desk.ask("updatePod", id=pod["id"], endip="192.0.2.99")["pod"]
    assert (pod["startip"], pod["endip"]) == (["192.0.2.10"], ["192.0.2.99"])
    assert desk.refused("updatePod", id=pod["id"], endip="198.51.100.1").status == 431


def test_a_cluster_is_added_as_a_list(desk: Desk) -> None:
    zone = desk.zone()
    pod = desk.ask("listPods")["pod"][0]["id"]
    given = {"clustername": "c2", "clustertype": "CloudManaged", "zoneid": zone, "podid": pod}
    answer = desk.ask("addCluster", hypervisor="KVM", **given)
    assert (answer["count"], answer["cluster"][0]["podid"]) == (1, pod)
    assert desk.refused("addCluster", hypervisor="XenServer", **given).status == 431
    assert desk.refused("deletePod", id=pod).status == 536
    assert desk.ask("deleteCluster", id=answer["cluster"][0]["id"]) == {"success": True}


def test_a_host_that_has_not_joined_is_told_how_to(desk: Desk) -> None:
    zone = desk.zone()
    pod = desk.ask("listPods")["pod"][0]["id"]
    refused = desk.refused("addHost", hypervisor="KVM", url="http://h9", zoneid=zone, podid=pod, username="root", password="x")
    assert refused.status == 530
    assert "createHostJoinToken name=h9" in refused.text


def test_a_joined_host_is_adopted(desk: Desk) -> None:
    zone = desk.zone()
    host = desk.host(zone, "h1")
    pod = desk.ask("listPods")["pod"][0]["id"]
    for url in ("http://H1", "http://192.0.2.1", "h1"):
        answer = desk.ask("addHost", hypervisor="KVM", url=url, zoneid=zone, podid=pod, hosttags="ssd,gpu")
        assert [row["id"] for row in answer["host"]] == [host]
    row = desk.ask("listHosts", type="routing")["host"][0]
    assert (row["hosttags"], row["ipaddress"], row["state"], row["resourcestate"]) == ("ssd,gpu", "192.0.2.1", "Up", "Enabled")


def test_hosts_are_filtered(desk: Desk) -> None:
    zone = desk.zone()
    desk.host(zone, "h1")
    desk.host(zone, "h2")
    assert desk.ask("listHosts", name="H2")["count"] == 1
    assert desk.ask("listHosts", state="up")["count"] == 2
    assert desk.ask("listHosts", state="nonsense") == {}
    assert desk.ask("listHosts", type="nonsense") == {}
    assert desk.ask("listHosts", hypervisor="nonsense")["count"] == 2
    assert desk.refused("listHosts", id=NOWHERE).status == 431
    assert desk.refused("listHosts", zoneid="x").status == 431


def test_a_host_is_disabled_and_enabled(desk: Desk) -> None:
    host = desk.host(desk.zone(), "h1")
    assert desk.ask("updateHost", id=host, allocationstate="Disable")["host"]["resourcestate"] == "Disabled"
    assert desk.ask("updateHost", id=host, allocationstate="Enable")["host"]["resourcestate"] == "Enabled"
    assert desk.refused("updateHost", id=host, allocationstate="perhaps").status == 431


def test_a_removed_host_is_cut_off(desk: Desk) -> None:
    host = desk.host(desk.zone(), "h1")
    refused = desk.refused("deleteHost", id=host)
    assert (refused.status, "not in maintenance" in refused.text) == (530, True)
    desk.do("prepareHostForMaintenance", id=host)
    assert desk.ask("deleteHost", id=host) == {"success": True}
    assert desk.hosts.cut_off == [host]
    assert desk.ask("listHosts") == {}


def test_a_host_with_machines_is_removed_only_by_force(desk: Desk) -> None:
    zone = desk.zone()
    host = desk.host(zone, "h1")
    vm = desk.deploy(zone, desk.network(zone)["id"], "a")
    assert desk.refused("deleteHost", id=host).status == 536
    desk.ask("deleteHost", id=host, forced="true")
    row = desk.ask("listVirtualMachines", id=vm["id"])["virtualmachine"][0]
    assert row["state"] == "Stopped"
    assert "hostid" not in row


def test_a_token_is_made_for_a_zone_that_exists(desk: Desk) -> None:
    zone = desk.zone()
    assert desk.ask("createHostJoinToken", name="h1", zoneid=zone)["hostjointoken"]["token"] == "vxl1.h1"
    assert desk.refused("createHostJoinToken", name="h1", zoneid=NOWHERE).status == 431


def test_only_a_connected_host_is_confirmed(desk: Desk) -> None:
    host = desk.host(desk.zone(), "h1")
    desk.ask("confirmHost", name="H1")
    assert desk.hosts.confirmed == [host]
    desk.hosts.up.clear()
    refused = desk.refused("confirmHost", id=host)
    assert refused.status == 534
    assert "start its agent" in refused.text
    assert desk.refused("confirmHost").status == 431
    assert desk.refused("confirmHost", name="h7").status == 431


def test_a_plan_is_what_the_agent_says(desk: Desk) -> None:
    host = desk.host(desk.zone(), "h1")
    desk.hosts.answers[host] = b'{"plan": "nothing to do", "holding": "", "steps": 0}'
    plan = desk.ask("vxloomPlanHost", name="h1")["plan"]
    assert (plan["plan"], plan["steps"], plan["hostname"]) == ("nothing to do", 0, "h1")
    desk.hosts.answers[host] = b"not json"
    assert desk.refused("vxloomPlanHost", name="h1").status == 534
    desk.hosts.up.clear()
    assert desk.refused("vxloomPlanHost", name="h1").status == 534


def test_a_physical_network_starts_disabled_without_tags(desk: Desk) -> None:
    zone = desk.zone()
    desk.ask("updateZone", id=zone, allocationstate="Disabled")
    answer = desk.ask("createPhysicalNetwork", name="p2", zoneid=zone, isolationmethods="VXLAN", vlan="7000-7001,6500-6500")
    assert {"id", "jobid"} == set(answer)
    row = desk.ask("listPhysicalNetworks", id=answer["id"])["physicalnetwork"][0]
    assert (row["state"], row["isolationmethods"], row["vlan"], row["broadcastdomainrange"]) == (
        "Disabled",
        "VXLAN",
        "6500-6500,7000-7001",
        "ZONE",
    )
    assert "tags" not in row
    assert desk.do("updatePhysicalNetwork", id=answer["id"], tags="fast")["physicalnetwork"]["tags"] == "fast"


@pytest.mark.parametrize(
    "vlan",
    ["16777215-16777215", "5-4", "a-b", "1-2-3", "-1-5", "6000-16777215", "99999999999999999999-99999999999999999999"],
)
def test_bad_ranges_change_nothing(desk: Desk, vlan: str) -> None:
    zone = desk.zone()
    physical = desk.ask("listPhysicalNetworks")["physicalnetwork"][0]["id"]
    desk.ask("updateZone", id=zone, allocationstate="Disabled")
    refused = desk.refused("updatePhysicalNetwork", id=physical, vlan=vlan, networkspeed="10G")
    assert refused.status == 431
    assert desk.refused("createPhysicalNetwork", name="p2", zoneid=zone, vlan=vlan).status == 431
    rows = desk.ask("listPhysicalNetworks")["physicalnetwork"]
    assert [(row["vlan"], row.get("networkspeed")) for row in rows] == [("5000-5999", None)]


def test_the_middle_of_another_range_is_seen(desk: Desk) -> None:
    zone = desk.zone(vlan="5000-5999")
    desk.ask("updateZone", id=zone, allocationstate="Disabled")
    refused = desk.refused("createPhysicalNetwork", name="p2", zoneid=zone, vlan="4000-7000")
    assert refused.status == 431
    assert "already exists on another network in zone" in refused.text


def test_the_whole_range_costs_nothing(desk: Desk) -> None:
    desk.zone(vlan="0-16777214")
    capacity = desk.ask("listCapacity", type=7)["capacity"][0]
    assert (capacity["capacitytotal"], capacity["capacityused"], capacity["percentused"]) == (16777215, 0, "0")
    assert desk.ask("listCapacity", type=1) == {}


@pytest.mark.parametrize("method", ["GRE", "VXLAN,VLAN", "vx"])
def test_one_known_isolation_method(desk: Desk, method: str) -> None:
    zone = desk.zone()
    desk.ask("updateZone", id=zone, allocationstate="Disabled")
    assert desk.refused("createPhysicalNetwork", name="p2", zoneid=zone, isolationmethods=method).status == 431


def test_a_physical_network_in_use_stays(desk: Desk) -> None:
    zone = desk.zone()
    physical = desk.ask("listPhysicalNetworks")["physicalnetwork"][0]["id"]
    traffic = desk.ask("listTrafficTypes", physicalnetworkid=physical)["traffictype"][0]
    assert traffic["kvmnetworklabel"] == "cloudbr0"
    desk.network(zone)
    assert desk.refused("deletePhysicalNetwork", id=physical).status == 536
    assert desk.refused("deleteTrafficType", id=traffic["id"]).status == 536
    assert desk.do("updateTrafficType", id=traffic["id"], kvmnetworklabel="br9")["traffictype"]["kvmnetworklabel"] == "br9"


def test_traffic_types(desk: Desk) -> None:
    desk.zone()
    physical = desk.ask("listPhysicalNetworks")["physicalnetwork"][0]["id"]
    assert desk.refused("addTrafficType", physicalnetworkid=physical, traffictype="guest").status == 431
    assert desk.refused("addTrafficType", physicalnetworkid=physical, traffictype="Pigeon").status == 431
    made = desk.do("addTrafficType", physicalnetworkid=physical, traffictype="management")["traffictype"]
    assert made["traffictype"] == "Management"
    assert desk.do("deleteTrafficType", id=made["id"]) == {"success": True}
    assert desk.ask("listTrafficTypes", physicalnetworkid=physical)["count"] == 1


def test_every_offering_has_what_libcloud_indexes(desk: Desk) -> None:
    for offering in desk.ask("listNetworkOfferings")["networkoffering"]:
        assert offering["serviceofferingid"]
        assert offering["forvpc"] is False
    for offering in desk.ask("listServiceOfferings")["serviceoffering"]:
        assert isinstance(offering["memory"], int)
        assert isinstance(offering["cpunumber"], int)
    for template in desk.ask("listTemplates", templatefilter="executable")["template"]:
        assert {"hypervisor", "format", "ostypename", "displaytext", "id", "name"} <= set(template)


def test_a_network_offering_ignores_a_stray_state(desk: Desk) -> None:
    given = {"name": "o", "displaytext": "o", "guestiptype": "Isolated", "traffictype": "GUEST", "supportedservices": "Dhcp,Dns"}
    row = desk.ask(
        "createNetworkOffering", state="enabled", serviceproviderlist__0__service="Dhcp", serviceproviderlist__0__provider="X", **given
    )
    offering = row["networkoffering"]
    assert offering["state"] == "Disabled"
    assert offering["service"] == [
        {"name": "Dhcp", "capability": [], "provider": [{"name": "X"}]},
        {"name": "Dns", "capability": [], "provider": []},
    ]
    assert desk.refused("createNetworkOffering", **given).status == 431
    assert desk.ask("updateNetworkOffering", id=offering["id"], state="Enabled")["networkoffering"]["state"] == "Enabled"
    assert desk.ask("deleteNetworkOffering", id=offering["id"]) == {"success": True}


def test_offerings_in_use_or_built_in_stay(desk: Desk) -> None:
    zone = desk.zone()
    default = desk.offering("L2")
    assert desk.refused("deleteNetworkOffering", id=default).status == 431
    made = desk.ask("createNetworkOffering", name="o", guestiptype="L2", traffictype="Guest", enable="true")["networkoffering"]
    assert made["displaytext"] == "o"
    desk.ask("createNetwork", name="n", zoneid=zone, networkofferingid=made["id"])
    assert desk.refused("deleteNetworkOffering", id=made["id"]).status == 536


def test_service_offerings(desk: Desk) -> None:
    made = desk.ask("createServiceOffering", name="big", displaytext="Big", cpunumber=8, cpuspeed=2000, memory=4096)["serviceoffering"]
    assert (made["cpunumber"], made["cpuspeed"], made["memory"]) == (8, 2000, 4096)
    assert desk.refused("createServiceOffering", name="x", memory=0).status == 431
    assert desk.ask("listServiceOfferings", issystem="true") == {}


def test_templates_need_a_known_filter(desk: Desk) -> None:
    assert desk.refused("listTemplates").status == 431
    assert desk.refused("listTemplates", templatefilter="mine").status == 431


def test_every_change_leaves_an_event(desk: Desk) -> None:
    zone = desk.zone("lab")
    kinds = {event["type"] for event in desk.ask("listEvents")["event"]}
    assert {"ZONE.CREATE", "ZONE.EDIT", "PHYSICAL.NETWORK.CREATE", "PHYSICAL.NETWORK.UPDATE", "TRAFFIC.TYPE.CREATE"} <= kinds
    [event] = desk.ask("listEvents", type="zone.create", resourceid=zone)["event"]
    assert (event["username"], event["account"], event["resourcetype"], event["level"]) == ("admin", "admin", "Zone", "INFO")
    assert desk.ask("listEvents", startdate="2020-01-01", enddate="2020-01-02") == {}
    assert desk.ask("listEvents", startdate="2020-01-01")["count"] >= 5
    assert desk.refused("listEvents", startdate="then").status == 431


def test_a_refused_change_leaves_none(desk: Desk) -> None:
    desk.zone("lab")
    before = desk.ask("listEvents")["count"]
    desk.refused("createZone", name="lab", networktype="Advanced", dns1="192.0.2.1", internaldns1="192.0.2.1")
    desk.refused("createZone", name="lab2", networktype="Strange", dns1="192.0.2.1", internaldns1="192.0.2.1")
    desk.refused("createZone", name="lab2", networktype="Advanced", dns1="dns", internaldns1="192.0.2.1")
    assert desk.ask("listEvents")["count"] == before
    assert desk.ask("listZones")["count"] == 1


def test_settings_have_scope_and_type(desk: Desk) -> None:
    zone = desk.zone()
    [deadline] = desk.ask("listConfigurations", name="vxloom.job.deadline")["configuration"]
    assert (deadline["value"], deadline["scope"], deadline["isdynamic"]) == ("30", "zone", True)
    desk.ask("updateConfiguration", name="vxloom.job.deadline", value="7", zoneid=zone)
    assert desk.ask("listConfigurations", name="vxloom.job.deadline")["configuration"][0]["value"] == "30"
    assert desk.ask("listConfigurations", name="vxloom.job.deadline", zoneid=zone)["configuration"][0]["value"] == "7"
    assert desk.refused("updateConfiguration", name="no.such", value="1").status == 431
    assert desk.refused("updateConfiguration", name="default.page.size", value="many").status == 431
    assert desk.refused("updateConfiguration", name="default.page.size", value="5", zoneid=zone).status == 431


def test_alerts_are_listed_until_resolved(desk: Desk) -> None:
    with desk.store.write("test") as tx:
        tx.alert("host.silent", "h1", "host h1 is silent")
    assert [alert["name"] for alert in desk.ask("listAlerts")["alert"]] == ["host.silent"]
    with desk.store.write("test") as tx:
        tx.resolve_alert("host.silent", "h1")
        assert tx.one(records.Alert) is not None
    assert desk.ask("listAlerts") == {}
    assert desk.ask("listAlerts", resolved="true")["count"] == 1
