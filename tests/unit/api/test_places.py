"""Zones, pods, clusters and hosts as Ansible's modules, Marvin and the Go clients need them (the traps among them)."""

from __future__ import annotations

import pytest

from tests.unit.api.desk import Desk

ZONE = {"networktype": "Advanced", "dns1": "192.0.2.1", "internaldns1": "192.0.2.2"}


def pod_of(desk: Desk, zone: str) -> str:
    return str(desk.ask("listPods", zoneid=zone)["pod"][0]["id"])


def test_what_ansible_sends_of_a_zone_comes_back_under_the_same_names(desk: Desk) -> None:
    given = ZONE | {
        "name": "z",
        "ipv6dns1": "2001:db8::1",
        "ipv6dns2": "2001:db8::2",
        "domain": "lab.example.org",
        "guestcidraddress": "10.9.0.0/16",
        "dhcpprovider": "ConfigDrive",
    }
    zone = desk.ask("createZone", **given, localstorageenabled="True")["zone"]
    assert {name: zone[name] for name in given} == given
    assert zone["localstorageenabled"] is True
    assert zone["ip6dns1"] == "2001:db8::1"
    changed = desk.ask("updateZone", id=zone["id"], ipv6dns1="2001:db8::9", networktype="Basic", allocationstate="Enabled")["zone"]
    assert (changed["ipv6dns1"], changed["networktype"], changed["allocationstate"]) == ("2001:db8::9", "Advanced", "Enabled")


def test_names_of_zones_pods_and_clusters_are_given_once(desk: Desk, zone: str) -> None:
    assert desk.refused("createZone", name="z1", **ZONE).status == 431
    other = desk.ask("createZone", name="z2", **ZONE)["zone"]["id"]
    assert desk.refused("updateZone", id=other, name="z1").status == 431
    pod = desk.ask("createPod", name="p", zoneid=zone)["pod"]["id"]
    assert desk.refused("createPod", name="p", zoneid=zone).status == 431
    assert desk.ask("createPod", name="p", zoneid=other)["pod"]["name"] == "p"
    given = {"clustername": "c", "clustertype": "CloudManaged", "hypervisor": "KVM", "zoneid": zone, "podid": pod}
    desk.ask("addCluster", **given)
    assert desk.refused("addCluster", **given).status == 431
    assert desk.ask("listZones")["count"] == 2


def test_a_pod_without_addresses_has_no_empty_lists(desk: Desk, zone: str) -> None:
    [pod] = desk.ask("listPods", zoneid=zone)["pod"]
    assert "startip" not in pod
    assert "endip" not in pod


def test_a_pods_gateway_is_none_of_its_addresses(desk: Desk, zone: str) -> None:
    subnet = {"gateway": "192.0.2.20", "netmask": "255.255.255.0"}
    refused = desk.refused("createPod", name="p", zoneid=zone, **subnet, startip="192.0.2.10", endip="192.0.2.30")
    assert (refused.status, "overlap" in refused.text) == (431, True)
    assert desk.ask("createPod", name="p", zoneid=zone, **subnet, startip="192.0.2.30")["pod"]["endip"] == ["192.0.2.254"]


def test_a_pod_with_clusters_and_a_cluster_with_hosts_stay(desk: Desk, zone: str) -> None:
    desk.host(zone, "h1")
    cluster = desk.ask("listClusters")["cluster"][0]["id"]
    for command, wanted in (("deletePod", pod_of(desk, zone)), ("deleteCluster", cluster)):
        refused = desk.refused(command, id=wanted)
        assert (refused.status, refused.content["cserrorcode"]) == (536, 4375)


def test_what_ansible_sends_to_update_a_cluster_changes_what_can_change(desk: Desk, zone: str) -> None:
    place = {"zoneid": zone, "podid": pod_of(desk, zone)}
    given = {"clustertype": "CloudManaged", "hypervisor": "KVM"}
    cluster = desk.ask("addCluster", clustername="c", **given, **place, url="http://x", username="u", password="p")["cluster"][0]
    again = desk.ask("updateCluster", id=cluster["id"], clustername="c", **given, allocationstate="Disabled")["cluster"]
    assert again == cluster | {"allocationstate": "Disabled"}
    assert (again["managedstate"], again["cpuovercommitratio"], again["memoryovercommitratio"]) == ("Managed", "1.0", "1.0")
    assert desk.ask("updateCluster", id=cluster["id"], hypervisor="Simulator")["cluster"]["hypervisortype"] == "Simulator"
    desk.ask("addHost", hypervisor="Simulator", url="http://s1", clusterid=cluster["id"], **place)
    assert desk.refused("updateCluster", id=cluster["id"], hypervisor="KVM").status == 536
    assert desk.refused("updateCluster", id=cluster["id"], managedstate="Unmanaged").status == 431
    for command, more in (("addCluster", {"clustername": "d", "hypervisor": "KVM", **place}), ("updateCluster", {"id": cluster["id"]})):
        assert desk.refused(command, clustertype="ExternalManaged", **more).status == 431


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"type": "routing"}, 2),
        ({"type": "Storage"}, 0),
        ({"resourcestate": "ENABLED"}, 1),
        ({"resourcestate": "invalidvalue"}, 0),
        ({"state": "invalidvalue"}, 0),
        ({"hypervisor": "kvm"}, 2),
        ({"hypervisor": "VMware"}, 0),
        ({"hypervisor": "invalidvalue"}, 2),
        ({"hahost": "invalidvalue"}, 2),
        ({"hahost": "true"}, 0),
        ({"details": "capacity,events"}, 2),
        ({"keyword": "H"}, 2),
        ({"name": "H1"}, 1),
        ({"page": "2", "pagesize": "1"}, 2),
    ],
)
def test_hosts_are_filtered_as_marvin_expects(desk: Desk, zone: str, filters: dict[str, str], count: int) -> None:
    desk.host(zone, "h1")
    desk.ask("updateHost", id=desk.host(zone, "h2"), allocationstate="Disable")
    assert desk.ask("listHosts", **filters).get("count", 0) == count


@pytest.mark.parametrize("name", ["id", "zoneid", "podid", "clusterid", "virtualmachineid", "details"])
def test_filters_of_hosts_that_are_errors(desk: Desk, zone: str, name: str) -> None:
    desk.host(zone, "h1")
    assert desk.refused("listHosts", **{name: "x"}).status == 431


def test_every_host_has_what_ansible_indexes(desk: Desk, zone: str) -> None:
    desk.host(zone, "h1")
    place = {"zoneid": zone, "podid": pod_of(desk, zone)}
    desk.ask("addHost", hypervisor="Simulator", url="http://s1", clustername="sims", **place)
    for host in desk.ask("listHosts", zoneid=zone, page=1, pagesize=500)["host"]:
        assert host["ipaddress"]
        assert host["name"]
        assert host["resourcestate"] == "Enabled"
        assert isinstance(host["details"], dict)
        assert isinstance(host["hahost"], bool)
