"""Network offerings for some domains and zones; and what is refused rather than left out in silence."""

from __future__ import annotations

import pytest

from tests.unit.api.desk import Desk


def make(desk: Desk, name: str, **more: str) -> dict[str, object]:
    given = {"name": name, "guestiptype": "Isolated", "traffictype": "Guest", "enable": "true"}
    return dict(desk.ask("createNetworkOffering", **given, **more)["networkoffering"])


def names(desk: Desk, **where: str) -> set[str]:
    return {row["name"] for row in desk.ask("listNetworkOfferings", **where).get("networkoffering", [])}


def test_an_offering_for_a_domain_is_for_it_and_those_below(desk: Desk) -> None:
    zone = desk.zone()
    top = desk.ask("createDomain", name="top")["domain"]["id"]
    below = desk.ask("createDomain", name="below", parentdomainid=top)["domain"]["id"]
    theirs, stranger = desk.tenant("theirs", domainid=below), desk.tenant("stranger")
    made = make(desk, "private", domainid=top)
    assert made["domainid"] == top
    assert "private" in names(desk) & names(theirs) & names(desk, domainid=below)
    assert "private" not in names(stranger) | names(desk, domainid=desk.ask("listDomains", name="ROOT")["domain"][0]["id"])
    assert stranger.refused("listNetworkOfferings", id=made["id"]).status == 431
    assert stranger.refused("createNetwork", name="n", zoneid=zone, networkofferingid=made["id"]).status == 431
    assert theirs.ask("createNetwork", name="n", zoneid=zone, networkofferingid=made["id"])["network"]["networkofferingid"] == made["id"]
    assert "domainid" not in desk.ask("updateNetworkOffering", id=made["id"], domainid="all")["networkoffering"]
    assert "private" in names(stranger)
    assert desk.ask("updateNetworkOffering", id=made["id"], domainid=top)["networkoffering"]["domainid"] == top
    assert "private" not in names(stranger)


def test_an_offering_for_a_zone_is_for_no_other(desk: Desk) -> None:
    east, west = desk.zone("east"), desk.zone("west", vlan="6000-6099")
    made = make(desk, "eastern", zoneid=east)
    assert made["zoneid"] == east
    assert "eastern" in names(desk) & names(desk, zoneid=east)
    assert "eastern" not in names(desk, zoneid=west)
    refused = desk.refused("createNetwork", name="n", zoneid=west, networkofferingid=made["id"])
    assert (refused.status, "not available in this zone" in refused.text) == (431, True)
    desk.ask("updateNetworkOffering", id=made["id"], zoneid=f"{east},{west}")
    assert "eastern" in names(desk, zoneid=west)


@pytest.mark.parametrize(
    "wrong",
    [
        {"domainid": "00000000-0000-4000-8000-000000000000"},
        {"zoneid": "nowhere"},
        {"supportedservices": "Dhcp,Nonsense"},
        {"serviceproviderlist__0__service": "Nonsense", "serviceproviderlist__0__provider": "VirtualRouter"},
        {"forvpc": "true"},
    ],
)
def test_an_offering_that_cannot_be_is_not_made(desk: Desk, wrong: dict[str, str]) -> None:
    given = {"name": "odd", "guestiptype": "Isolated", "traffictype": "Guest"}
    assert desk.refused("createNetworkOffering", **given, **wrong).status == 431
    assert names(desk, name="odd") == set()


def test_services_are_written_as_cloudstack_writes_them(desk: Desk) -> None:
    made = make(desk, "plain", supportedservices="connectivity")
    zone = desk.zone()
    network = desk.ask("createNetwork", name="n", zoneid=zone, networkofferingid=made["id"])["network"]
    assert [service["name"] for service in network["service"]] == ["Connectivity"]


@pytest.mark.parametrize("name", ["isolatedpvlan", "isolatedpvlantype", "vpcid", "aclid", "associatednetworkid", "privatemtu", "publicmtu"])
def test_a_network_is_not_made_without_what_was_asked_for(desk: Desk, name: str) -> None:
    given = {"name": "n", "zoneid": desk.zone(), "networkofferingid": desk.offering("Isolated")}
    refused = desk.refused("createNetwork", **given, **{name: "100"})
    assert (refused.status, refused.text.startswith(f"{name} cannot be given: ")) == (431, True)
    assert desk.ask("listNetworks") == {}
    assert desk.ask("createNetwork", **given, **{name: ""})["network"]["name"] == "n"


def test_a_network_has_dns_servers_of_its_own(desk: Desk) -> None:
    zone = desk.zone()
    given = {"dns1": "198.51.100.1", "dns2": "198.51.100.2", "ip6dns1": "2001:db8::1"}
    network = desk.network(zone, **given)
    assert {name: network[name] for name in given} == given
    assert desk.network(zone, "n2")["dns1"] == "192.0.2.53"
    parameters = {"name": "n3", "zoneid": zone, "networkofferingid": desk.offering("Isolated")}
    assert desk.refused("createNetwork", **parameters, dns1="nonsense").status == 431


def test_what_a_change_cannot_do_is_said(desk: Desk) -> None:
    network = desk.network(desk.zone())
    refused = desk.refused("updateNetwork", id=network["id"], name="other", guestvmcidr="10.1.1.0/26")
    assert (refused.status, "guestvmcidr" in refused.text) == (431, True)
    assert desk.ask("listNetworks", id=network["id"])["network"] == [network]
    size = {"name": "s", "displaytext": "s"}
    for name in ("domainid", "zoneid"):
        assert desk.refused("createServiceOffering", **size, **{name: network["zoneid"]}).status == 431
