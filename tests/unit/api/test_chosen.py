"""Ids root admins choose, and parameters that were once dropped: each does what it says."""

from __future__ import annotations

import pytest

from tests.unit.api.desk import Desk
from vxloom.store import records

CHOSEN = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
PERSON = {"password": "secret", "firstname": "a", "lastname": "b", "email": "a@example.org"}


def test_accounts_users_and_domains_get_the_ids_a_root_admin_chose(desk: Desk) -> None:
    made = desk.ask("createAccount", username="ann", accountid=CHOSEN.upper(), userid=OTHER, **PERSON)["account"]
    assert (made["id"], made["user"][0]["id"]) == (CHOSEN, OTHER)
    user = desk.ask("createUser", username="ben", account="ann", userid=CHOSEN, **PERSON)["user"]
    assert (user["id"], user["accountid"]) == (CHOSEN, CHOSEN)
    assert desk.ask("createDomain", name="d", domainid=OTHER)["domain"]["id"] == OTHER


@pytest.mark.parametrize(("chosen", "why"), [(CHOSEN, "is taken"), ("not-a-uuid", "entity does not exist")])
def test_an_id_that_is_taken_or_none_is_refused(desk: Desk, chosen: str, why: str) -> None:
    desk.ask("createAccount", username="ann", accountid=CHOSEN, userid=CHOSEN, **PERSON)
    desk.ask("createDomain", name="d", domainid=CHOSEN)
    for command, given in (
        ("createAccount", {"username": "ben", "accountid": chosen, **PERSON}),
        ("createAccount", {"username": "ben", "userid": chosen, **PERSON}),
        ("createUser", {"username": "ben", "account": "ann", "userid": chosen, **PERSON}),
        ("createDomain", {"name": "e", "domainid": chosen}),
    ):
        refused = desk.refused(command, **given)
        assert (refused.status, why in refused.text) == (431, True), command
    assert [row["name"] for row in desk.ask("listAccounts", listall="true")["account"]] == ["admin", "ann"]


def test_only_root_admins_choose_ids(desk: Desk) -> None:
    domain = desk.ask("createDomain", name="d")["domain"]["id"]
    dora = desk.tenant("dora", accounttype=2, domainid=domain)
    assert dora.refused("createAccount", username="ben", accountid=CHOSEN, domainid=domain, **PERSON).status == 531


def test_a_project_belongs_to_the_account_of_an_id(desk: Desk) -> None:
    account = desk.tenant("ann").ask("listAccounts")["account"][0]
    project = desk.do("createProject", name="p", displaytext="p", accountid=account["id"])["project"]
    assert project["owner"][0]["account"] == "ann"
    assert desk.refused("createProject", name="q", displaytext="q", accountid=account["id"], account="ann").status == 431


def test_a_networks_servers_and_whether_users_see_it_are_changed(desk: Desk, zone: str) -> None:
    tenant = desk.tenant("ann")
    network = tenant.network(zone)
    servers = {"dns1": "192.0.2.1", "dns2": "192.0.2.2", "ip6dns1": "2001:db8::1", "ip6dns2": "2001:db8::2"}
    assert desk.do("updateNetwork", id=network["id"], **servers)["network"].items() >= servers.items()
    assert desk.refused("updateNetwork", id=network["id"], dns1="nonsense").status == 431
    tenant.do("updateNetwork", id=network["id"], displaynetwork="false")
    assert tenant.ask("listNetworks")["count"] == 1, "only root admins hide networks"
    desk.do("updateNetwork", id=network["id"], displaynetwork="false")
    assert tenant.ask("listNetworks") == {}


def test_a_machine_is_hidden_from_the_start(desk: Desk, zone: str) -> None:
    network = desk.network(zone)
    desk.host(zone, "h1")
    hidden, shown = (desk.deploy(zone, network["id"], f"vm{flag}", displayvm=flag) for flag in ("false", "true"))
    assert [vm["id"] for vm in desk.ask("listVirtualMachines", displayvm="false")["virtualmachine"]] == [hidden["id"]]
    assert [vm["id"] for vm in desk.ask("listVirtualMachines", displayvm="true")["virtualmachine"]] == [shown["id"]]


def test_jobs_are_found_by_what_they_are_about(desk: Desk, zone: str) -> None:
    first, second = desk.network(zone, "a"), desk.network(zone, "b")
    for network in (first, second):
        desk.do("updateNetwork", id=network["id"], displaytext="x")
    assert [job["jobinstanceid"] for job in desk.ask("listAsyncJobs", resourceid=first["id"])["asyncjobs"]] == [first["id"]]
    assert desk.ask("listAsyncJobs", resourcetype="network")["count"] == 2
    assert desk.ask("listAsyncJobs", resourcetype="VirtualMachine") == {}
    assert desk.ask("listAsyncJobs", resourceid=first["id"], resourcetype="Host") == {}


def test_a_template_is_deleted_from_all_zones_or_none(desk: Desk, zone: str) -> None:
    def template(name: str) -> str:
        return str(desk.ask("registerTemplate", name=name, url="vxloom:namespace", hypervisor="KVM", zoneid=zone)["template"][0]["id"])

    one, two, three = template("one"), template("two"), template("three")
    desk.do("deleteTemplate", id=one, zoneid=zone)
    desk.zone("z2", "6000-6999")
    assert desk.refused("deleteTemplate", id=two, zoneid=zone).status == 431
    assert desk.ask("listTemplates", templatefilter="all", id=two)["count"] == 2
    assert desk.ask("listTemplates", templatefilter="all", id=two, showunique="true")["count"] == 1
    desk.do("deleteTemplate", id=two, zoneid="-1")
    desk.do("deleteTemplate", id=three)
    assert {row["name"] for row in desk.ask("listTemplates", templatefilter="all")["template"]}.isdisjoint({"one", "two", "three"})


def test_offerings_are_found_by_services_tags_and_the_network_they_would_be_for(desk: Desk, zone: str) -> None:
    def names(**where: object) -> set[str]:
        return {row["name"] for row in desk.ask("listNetworkOfferings", **where).get("networkoffering", [])}

    for name, more in (("plain", {}), ("tagged", {"tags": "fast"}), ("rich", {"supportedservices": "Dhcp,Lb"})):
        desk.ask("createNetworkOffering", name=name, guestiptype="Isolated", traffictype="Guest", enable="true", **more)
    desk.ask("createNetworkOffering", name="other kind", guestiptype="L2", traffictype="Guest", enable="true")
    desk.ask("createNetworkOffering", name="disabled", guestiptype="Isolated", traffictype="Guest")
    assert names(istagged="true") == {"tagged"}
    assert "tagged" not in names(istagged="false")
    assert "plain" in names(istagged="false")
    assert {"rich"} == names(supportedservices="dhcp,lb") & {"rich", "plain"}
    assert desk.refused("listNetworkOfferings", supportedservices="Nonsense").status == 431
    network = desk.network(zone)
    possible = names(networkid=network["id"])
    assert possible & {"plain", "rich", "tagged", "other kind", "disabled"} == {"plain", "rich"}
    for name in sorted(possible):
        [offering] = desk.ask("listNetworkOfferings", name=name)["networkoffering"]
        desk.do("updateNetwork", id=network["id"], networkofferingid=offering["id"])


def test_lists_take_ids_versions_sizes_and_types_of_accounts(desk: Desk, zone: str) -> None:
    other = desk.zone("z2", "6000-6999")
    assert [row["id"] for row in desk.ask("listZones", ids=f"{other},{CHOSEN}")["zone"]] == [other]
    assert desk.ask("listZones", ids=other, id=zone) == {}
    kinds = desk.ask("listOsTypes")["ostype"][:2]
    assert [row["id"] for row in desk.ask("listOsTypes", ids=",".join(kind["id"] for kind in kinds))["ostype"]] == [k["id"] for k in kinds]
    desk.tenant("ann")
    assert [row["username"] for row in desk.ask("listUsers", listall="true", accounttype=0)["user"]] == ["ann"]
    host = desk.host(zone, "h1")
    with desk.store.write("test") as tx:
        tx.update(records.Host, host, version="1.2.3")
    assert desk.ask("listHosts", version="1.2.3")["count"] == 1
    assert desk.ask("listHosts", version="0.0.0") == {}
    small = desk.ask("createServiceOffering", name="small")["serviceoffering"]["id"]
    network = desk.network(zone)
    desk.deploy(zone, network["id"], "vm1")
    assert desk.ask("listVolumes", serviceofferingid=desk.sizes()["serviceofferingid"])["count"] == 1
    assert desk.ask("listVolumes", serviceofferingid=small) == {}
