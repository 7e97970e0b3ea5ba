"""Simulated hosts as the API shows them: how they are made, labelled, and kept apart from real ones."""

from __future__ import annotations

import pytest

from tests.unit.api.desk import Desk


def cluster(desk: Desk, zone: str, kind: str = "Simulator", name: str = "sims") -> dict[str, str]:
    """A cluster in the zone's pod; returned as addHost's parameters."""
    pod = desk.ask("listPods", zoneid=zone)["pod"][0]["id"]
    made = desk.ask("addCluster", clustername=name, clustertype="CloudManaged", hypervisor=kind, zoneid=zone, podid=pod)["cluster"]
    return {"zoneid": zone, "podid": pod, "clusterid": made[0]["id"]}


def simulated(desk: Desk, zone: str, *names: str) -> list[str]:
    place = cluster(desk, zone)
    return [desk.ask("addHost", hypervisor="Simulator", url=f"http://{name}", **place)["host"][0]["id"] for name in names]


def test_a_simulated_host_is_up_at_once_and_says_what_it_is(desk: Desk, zone: str) -> None:
    place = cluster(desk, zone)
    answer = desk.ask("addHost", hypervisor="simulator", url="http://sim/c0/h0", username="u", password="p", hosttags="a,b", **place)
    [host] = answer["host"]
    assert answer["count"] == 1
    assert {key: host[key] for key in ("name", "state", "resourcestate", "hypervisor", "capabilities", "hosttags", "type")} == {
        "name": "c0-h0",
        "state": "Up",
        "resourcestate": "Enabled",
        "hypervisor": "Simulator",
        "capabilities": "simulated",
        "hosttags": "a,b",
        "type": "Routing",
    }
    assert host["version"].endswith("(simulated)")
    assert host["details"]["vxloom.simulated"] == "true"
    assert host["ipaddress"] == host["details"]["vxloom.vtep"] == "198.18.0.1"
    assert host["id"] in desk.hosts.up
    assert desk.ask("listHosts", hypervisor="Simulator")["host"] == [host]
    assert desk.ask("listHosts", hypervisor="KVM") == {}


@pytest.mark.parametrize(("url", "name"), [("http://sim/c0/h0", "c0-h0"), ("http://h7", "h7"), ("h8", "h8"), ("http://sim:80/x/", "x")])
def test_any_url_names_a_simulated_host(desk: Desk, zone: str, url: str, name: str) -> None:
    assert desk.ask("addHost", hypervisor="Simulator", url=url, **cluster(desk, zone))["host"][0]["name"] == name


def test_hosts_and_clusters_of_one_hypervisor_belong_together(desk: Desk, zone: str) -> None:
    kvm = cluster(desk, zone, "KVM", "real")
    sims = cluster(desk, zone)
    desk.host(zone, "h1")
    assert "is for KVM" in desk.refused("addHost", hypervisor="Simulator", url="http://s1", **kvm).text
    assert "is for Simulator" in desk.refused("addHost", hypervisor="KVM", url="http://h1", **sims).text
    assert desk.refused("addHost", hypervisor="XenServer", url="http://h1", **kvm).status == 431
    assert desk.refused("addCluster", clustername="x", clustertype="CloudManaged", hypervisor="VMware", **kvm).status == 431
    without = {name: kvm[name] for name in ("zoneid", "podid")}
    first = desk.ask("addHost", hypervisor="Simulator", url="http://s1", **without)["host"][0]
    assert first["clusterid"] == sims["clusterid"]
    named = desk.ask("addHost", hypervisor="Simulator", url="http://s2", clustername="more", **without)["host"][0]
    assert named["clustername"] == "more"
    assert desk.ask("listClusters", name="more")["cluster"][0]["hypervisortype"] == "Simulator"


def test_a_simulated_host_and_a_real_one_never_share_a_name(desk: Desk, zone: str) -> None:
    place = cluster(desk, zone)
    desk.host(zone, "h1")
    assert "There is a host" in desk.refused("addHost", hypervisor="Simulator", url="http://H1", **place).text
    desk.ask("addHost", hypervisor="Simulator", url="http://s1", **place)
    assert desk.refused("addHost", hypervisor="Simulator", url="http://s1", **place).status == 431
    assert "simulated" in desk.refused("addHost", hypervisor="KVM", url="http://s1", **cluster(desk, zone, "KVM", "real")).text


def test_hypervisors_are_those_there_are_clusters_for(desk: Desk, zone: str) -> None:
    assert desk.ask("listHypervisors") == {"count": 1, "hypervisor": [{"name": "KVM"}]}
    other = desk.zone("z2", "7000-7999")
    cluster(desk, zone)
    both = [{"name": "KVM"}, {"name": "Simulator"}]
    assert desk.ask("listHypervisors")["hypervisor"] == both
    assert desk.ask("listHypervisors", zoneid=zone)["hypervisor"] == both
    assert desk.ask("listHypervisors", zoneid=other)["hypervisor"] == both[:1]


def test_a_machine_on_a_simulated_host_says_so_also_after_it_stopped(desk: Desk, zone: str) -> None:
    simulated(desk, zone, "s1")
    vm = desk.deploy(zone, desk.network(zone)["id"], "a")
    assert (vm["hypervisor"], vm["hostname"]) == ("Simulator", "s1")
    assert desk.do("stopVirtualMachine", id=vm["id"])["virtualmachine"]["hypervisor"] == "Simulator"
    assert desk.ask("listTemplates", templatefilter="executable")["template"][0]["hypervisor"] == "KVM"


def test_in_a_mixed_zone_nothing_lands_on_a_simulated_host_by_chance(desk: Desk, zone: str) -> None:
    [s1, s2] = simulated(desk, zone, "s1", "s2")
    assert desk.ask("listAlerts") == {}
    h1 = desk.host(zone, "h1")
    network = desk.network(zone)["id"]
    for number in range(3):  # h1 is the fullest from the second one on
        assert desk.deploy(zone, network, f"r{number}")["hostid"] == h1
    vm = desk.deploy(zone, network, "s", hostid=s1)
    assert (vm["hostid"], vm["hypervisor"]) == (s1, "Simulator")
    assert desk.do("migrateVirtualMachine", virtualmachineid=vm["id"])["virtualmachine"]["hostid"] == s2
    refused = desk.refused("migrateVirtualMachine", virtualmachineid=vm["id"], hostid=h1)
    assert (refused.status, "is a KVM host" in refused.text) == (533, True)
    desk.hosts.up.remove(h1)
    assert desk.refused("deployVirtualMachine", name="x", zoneid=zone, networkids=network, **desk.sizes()).status == 533


def test_a_zone_with_both_kinds_of_hosts_has_an_alert_until_it_has_one(desk: Desk, zone: str) -> None:
    desk.host(zone, "h1")
    [s1] = simulated(desk, zone, "s1")
    [alert] = desk.ask("listAlerts")["alert"]
    assert (alert["name"], "z1" in alert["description"]) == ("zone.mixed", True)
    desk.ask("deleteHost", id=s1, forced="true")
    assert desk.ask("listAlerts") == {}
    assert desk.hosts.cut_off == [s1]
