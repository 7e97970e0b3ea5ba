"""Physical networks with their providers, as ansible's cs_physical_network, Marvin and Terraform set them up."""

from __future__ import annotations

import pytest

from tests.unit.api.desk import Desk

NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def physical(desk: Desk) -> str:
    zone = desk.ask("createZone", name="z", networktype="Advanced", dns1="192.0.2.53", internaldns1="192.0.2.53")["zone"]["id"]
    return str(desk.ask("createPhysicalNetwork", name="p", zoneid=zone, isolationmethods="VXLAN", vlan="5000-5100")["id"])


def provider(desk: Desk, physical: str, name: str) -> dict[str, object]:
    [row] = desk.ask("listNetworkServiceProviders", physicalnetworkid=physical, name=name)["networkserviceprovider"]
    return row


def test_a_new_physical_network_has_its_providers(desk: Desk, physical: str) -> None:
    rows = desk.ask("listNetworkServiceProviders", physicalnetworkid=physical)["networkserviceprovider"]
    assert {row["name"] for row in rows} == {"VirtualRouter", "SecurityGroupProvider", "VpcVirtualRouter", "InternalLbVm", "ConfigDrive"}
    assert {row["state"] for row in rows} == {"Disabled"}
    router = provider(desk, physical, "virtualrouter")
    assert router["canenableindividualservice"] is True
    assert "SourceNat" in router["servicelist"]
    assert provider(desk, physical, "InternalLbVm")["canenableindividualservice"] is False
    assert desk.ask("listNetworkServiceProviders", state="enabled") == {}
    assert desk.ask("listNetworkServiceProviders", state="disabled", name="nobody") == {}


@pytest.mark.parametrize(
    ("name", "element"),
    [
        ("VirtualRouter", "VirtualRouterElement"),
        ("VpcVirtualRouter", "VirtualRouterElement"),
        ("InternalLbVm", "InternalLoadBalancerElement"),
    ],
)
def test_an_element_is_switched_on_then_its_provider(desk: Desk, physical: str, name: str, element: str) -> None:
    """As ansible's module does with ``nsps_enabled``; twice, and the second time nothing is left to do."""
    row = provider(desk, physical, name)
    key = element.lower()
    assert desk.refused("updateNetworkServiceProvider", id=row["id"], state="Enabled").status == 431
    [found] = [one for one in desk.ask(f"list{element}s")[key] if one["nspid"] == row["id"]]
    assert found["enabled"] is False
    changed = desk.do(f"configure{element}", id=found["id"], enabled="true")[key]
    assert changed == {"id": found["id"], "nspid": row["id"], "enabled": True}
    assert desk.do("updateNetworkServiceProvider", id=row["id"], state="Enabled")["networkserviceprovider"]["state"] == "Enabled"
    assert provider(desk, physical, name)["state"] == "Enabled"
    assert desk.ask(f"list{element}s", nspid=row["id"], enabled="true")[key] == [changed]
    assert desk.ask(f"list{element}s", id=found["id"])[key] == [changed]
    assert desk.do("updateNetworkServiceProvider", id=row["id"], state="Disabled")["networkserviceprovider"]["state"] == "Disabled"


def test_a_provider_without_an_element_is_enabled_at_once(desk: Desk, physical: str) -> None:
    row = provider(desk, physical, "SecurityGroupProvider")
    assert desk.do("updateNetworkServiceProvider", id=row["id"], state="Enabled")["networkserviceprovider"]["state"] == "Enabled"


def test_a_providers_services_are_chosen(desk: Desk, physical: str) -> None:
    row = provider(desk, physical, "VirtualRouter")
    changed = desk.do("updateNetworkServiceProvider", id=row["id"], servicelist="dns,DHCP")["networkserviceprovider"]
    assert changed["servicelist"] == ["Dhcp", "Dns"]
    for wrong in ("SecurityGroup", "Pigeon"):
        assert desk.refused("updateNetworkServiceProvider", id=row["id"], servicelist=wrong).status == 431
    assert desk.refused("updateNetworkServiceProvider", id=row["id"], state="Shutdown").status == 431


def test_a_provider_is_removed_and_added(desk: Desk, physical: str) -> None:
    row = provider(desk, physical, "ConfigDrive")
    assert desk.refused("addNetworkServiceProvider", name="configdrive", physicalnetworkid=physical).status == 431
    assert desk.do("deleteNetworkServiceProvider", id=row["id"]) == {"success": True}
    answer = desk.ask("addNetworkServiceProvider", name="ConfigDrive", physicalnetworkid=physical, servicelist="UserData")
    assert {"id", "jobid"} == set(answer)
    added = provider(desk, physical, "ConfigDrive")
    assert (added["id"], added["servicelist"], added["state"]) == (answer["id"], ["UserData"], "Disabled")
    assert desk.refused("addNetworkServiceProvider", name="Pigeon", physicalnetworkid=physical).status == 431


def test_a_provider_that_networks_offerings_name_stays(desk: Desk) -> None:
    zone = desk.zone()
    physical = str(desk.ask("listPhysicalNetworks")["physicalnetwork"][0]["id"])
    offering = desk.ask("listNetworkOfferings", name="DefaultIsolatedNetworkOffering")["networkoffering"][0]["id"]
    desk.ask("createNetwork", name="n", zoneid=zone, networkofferingid=offering)
    assert desk.refused("deleteNetworkServiceProvider", id=provider(desk, physical, "VirtualRouter")["id"]).status == 536
    assert desk.do("deleteNetworkServiceProvider", id=provider(desk, physical, "InternalLbVm")["id"]) == {"success": True}


def test_unknown_elements_and_providers(desk: Desk, physical: str) -> None:
    lb = desk.ask("listInternalLoadBalancerElements")["internalloadbalancerelement"][0]["id"]
    for element in (NOWHERE, lb):
        assert desk.refused("configureVirtualRouterElement", id=element, enabled="true").status == 431
        assert desk.refused("listVirtualRouterElements", id=element).status == 431
    assert desk.refused("updateNetworkServiceProvider", id=NOWHERE).status == 431
    assert desk.refused("listNetworkServiceProviders", physicalnetworkid=NOWHERE).status == 431


def test_no_physical_network_is_made_in_an_enabled_zone(desk: Desk, zone: str) -> None:
    refused = desk.refused("createPhysicalNetwork", name="p2", zoneid=zone, isolationmethods="VXLAN")
    assert (refused.status, refused.content["cserrorcode"]) == (531, 4365)
    desk.ask("updateZone", id=zone, allocationstate="Disabled")
    assert "id" in desk.ask("createPhysicalNetwork", name="p2", zoneid=zone, isolationmethods="VXLAN")


def test_isolation_that_was_not_stated_is_not_shown(desk: Desk) -> None:
    zone = desk.ask("createZone", name="z", networktype="Advanced", dns1="192.0.2.53", internaldns1="192.0.2.53")["zone"]["id"]
    answer = desk.ask("createPhysicalNetwork", name="p", zoneid=zone, vlan="70000-70010")
    row = desk.ask("listPhysicalNetworks", id=answer["id"])["physicalnetwork"][0]
    assert "isolationmethods" not in row
    assert row["vlan"] == "70000-70010"  # VXLAN's bounds, by the setting
    desk.ask("updateConfiguration", name="network.vlan.interfacetype", value="vlan")
    refused = desk.refused("updatePhysicalNetwork", id=answer["id"], vlan="70000-70020")
    assert (refused.status, "between 0 and 4095" in refused.text) == (431, True)


def test_services_and_what_carries_traffic(desk: Desk) -> None:
    rows = {row["name"]: row for row in desk.ask("listSupportedNetworkServices")["networkservice"]}
    assert {"Dhcp", "Dns", "SourceNat", "SecurityGroup", "Connectivity"} <= set(rows)
    assert [one["name"] for one in rows["SecurityGroup"]["provider"]] == ["SecurityGroupProvider"]
    by_provider = desk.ask("listSupportedNetworkServices", provider="InternalLbVm")["networkservice"]
    assert [row["name"] for row in by_provider] == ["Lb"]
    assert desk.ask("listSupportedNetworkServices", service="dns")["count"] == 1
    assert desk.refused("listSupportedNetworkServices", service="Pigeon").status == 431
    assert desk.ask("listTrafficTypeImplementors", traffictype="guest")["traffictypeimplementor"] == [
        {"traffictype": "Guest", "traffictypeimplementor": "VxlanGuestNetworkGuru"}
    ]
    assert desk.ask("listTrafficTypeImplementors", traffictype="Public") == {}
    assert desk.ask("listNetworkIsolationMethods")["isolationmethod"] == [{"name": "VXLAN"}]
