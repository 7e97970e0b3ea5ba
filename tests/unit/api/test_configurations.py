"""Settings over the API: whose value is read, whose is changed, and what cannot be said."""

from __future__ import annotations

import pytest

from tests.unit.api.desk import Desk
from vxloom.store import records

OVERFLOW = "use.system.guest.vlans"


def value(desk: Desk, name: str, **scope: str) -> str:
    [setting] = desk.ask("listConfigurations", name=name, **scope)["configuration"]
    return str(setting["value"])


def test_an_accounts_own_value_is_its_own(desk: Desk) -> None:
    zone = desk.zone(vlan="5000-5009")
    desk.host(zone, "h1")
    red, blue = desk.tenant("red"), desk.tenant("blue")
    [place] = desk.ask("listPhysicalNetworks")["physicalnetwork"]
    accounts = {name: desk.ask("listAccounts", name=name, listall="true")["account"][0] for name in ("red", "blue")}
    for name, vlan in (("red", "5000-5000"), ("blue", "5001-5001")):
        owner = {"account": name, "domainid": accounts[name]["domainid"]}
        desk.ask("dedicateGuestVlanRange", physicalnetworkid=place["id"], vlanrange=vlan, **owner)
    answer = desk.ask("updateConfiguration", name=OVERFLOW, value="false", accountid=accounts["red"]["id"])["configuration"]
    assert (answer["value"], answer["scope"], answer["id"]) == ("false", "account", accounts["red"]["id"])
    assert value(desk, OVERFLOW) == value(desk, OVERFLOW, accountid=accounts["blue"]["id"]) == "true"
    for who, name in ((red, "red"), (blue, "blue")):
        who.deploy(zone, who.network(zone, f"{name}-1")["id"], f"{name}-1")
    spare = blue.network(zone, "blue-2")["id"]
    blue.deploy(zone, spare, "blue-2")
    assert desk.ask("listNetworks", id=spare)["network"][0]["vlan"] not in {"5000", "5001"}
    parameters = {"zoneid": zone, "networkids": red.network(zone, "red-2")["id"], **red.sizes()}
    assert red.refused("deployVirtualMachine", name="red-2", **parameters).status == 533
    assert desk.ask("resetConfiguration", name=OVERFLOW, accountid=accounts["red"]["id"])["configuration"]["value"] == "true"
    red.do("deployVirtualMachine", name="red-2", **parameters)


def test_a_value_goes_with_its_account(desk: Desk) -> None:
    desk.tenant("red")
    account = desk.ask("listAccounts", name="red", listall="true")["account"][0]["id"]
    desk.ask("updateConfiguration", name=OVERFLOW, value="false", accountid=account)
    desk.do("deleteAccount", id=account)
    with desk.store.read() as rx:
        assert rx.count(records.Configuration, name=OVERFLOW) == 0


def test_with_a_scope_only_settings_that_have_it_are_listed(desk: Desk) -> None:
    zone = desk.zone()
    account = desk.ask("listAccounts")["account"][0]["id"]
    cluster = desk.ask("listClusters")["cluster"][0]["id"]
    of_zone = desk.ask("listConfigurations", zoneid=zone)["configuration"]
    assert {setting["scope"] for setting in of_zone} == {"zone"}
    assert "vxloom.job.deadline" in {setting["name"] for setting in of_zone}
    assert [setting["name"] for setting in desk.ask("listConfigurations", accountid=account)["configuration"]] == [OVERFLOW]
    assert desk.ask("listConfigurations", clusterid=cluster) == {}


@pytest.mark.parametrize("command", ["updateConfiguration", "resetConfiguration"])
def test_a_scope_that_a_setting_has_not_changes_nothing(desk: Desk, command: str) -> None:
    zone = desk.zone()
    account = desk.ask("listAccounts")["account"][0]["id"]
    cluster = desk.ask("listClusters")["cluster"][0]["id"]
    name = "network.gc.wait"
    desk.ask("updateConfiguration", name=name, value="700")
    for scope in ({"accountid": account}, {"zoneid": zone}, {"clusterid": cluster}, {"storageid": zone}, {"domainid": zone}):
        refused = desk.refused(command, name=name, value="1", **scope)
        assert (refused.status, refused.content["cserrorcode"]) == (431, 4350)
        assert "Invalid scope" in refused.text
    both = {"zoneid": zone, "accountid": account}
    assert "Only one scope" in desk.refused(command, name="vxloom.job.deadline", value="1", **both).text
    assert desk.refused(command, name=OVERFLOW, value="false", accountid=zone).status == 431
    assert (value(desk, name), value(desk, OVERFLOW)) == ("700", "true")


def test_a_setting_is_given_its_default_again(desk: Desk) -> None:
    zone, name = desk.zone(), "vxloom.job.deadline"
    desk.ask("updateConfiguration", name=name, value="60")
    desk.ask("updateConfiguration", name=name, value="7", zoneid=zone)
    assert desk.ask("resetConfiguration", name=name, zoneid=zone)["configuration"]["value"] == "60"
    assert value(desk, name, zoneid=zone) == "60"
    assert desk.ask("resetConfiguration", name=name)["configuration"]["value"] == "30"
    assert value(desk, name) == "30"
    assert "Reset vxloom.job.deadline" in desk.ask("listEvents", type="CONFIGURATION.VALUE.EDIT")["event"][0]["description"]
    assert desk.refused("resetConfiguration", name="no.such").status == 431


def test_a_name_is_found_in_any_case(desk: Desk) -> None:
    assert desk.ask("updateConfiguration", name="Network.GC.Wait", value="5")["configuration"]["name"] == "network.gc.wait"
    assert value(desk, "network.gc.wait") == "5"
    assert desk.ask("resetConfiguration", name="NETWORK.GC.WAIT")["configuration"]["value"] == "600"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("sdn.ovs.vxlan.enabled", "true"),
        ("sdn.ovs.controller", "true"),
        ("integration.api.port", "8096"),
        ("api.throttling.enabled", "true"),
    ],
)
def test_what_would_have_no_effect_is_refused_with_the_reason(desk: Desk, name: str, wanted: str) -> None:
    before = value(desk, name)
    refused = desk.refused("updateConfiguration", name=name, value=wanted)
    assert (refused.status, refused.text.startswith(f"{name} cannot be {wanted}: ")) == (431, True)
    assert desk.ask("updateConfiguration", name=name, value=before)["configuration"]["value"] == before


def test_what_a_setting_is_about_is_a_word(desk: Desk) -> None:
    groups = {setting["name"]: setting["group"] for setting in desk.ask("listConfigurations", pagesize="-1")["configuration"]}
    assert (groups["network.gc.wait"], groups["default.page.size"], groups["vxloom.job.keep"]) == ("Network", "API", "vxloom")
