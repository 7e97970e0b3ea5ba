"""Ansible's collection `ngine_io.cloudstack`: playbooks over simulated hosts. Each runs twice, and the second run changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.playbooks import Playbooks
from tests.api.programs import Programs
from tests.api.world import Server, running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="module")
def play(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Playbooks:
    return Playbooks(Programs(server.exports, tmp_path_factory.mktemp("home")))


@pytest.mark.slow
def test_d3_to_d6_a_cloud_from_nothing_to_nothing(server: Server, play: Playbooks) -> None:
    # long: one story; its playbooks build on one another
    api = server.client()
    sizes = {
        "template": api.listTemplates(templatefilter="executable")["template"][0]["name"],
        "service_offering": api.listServiceOfferings()["serviceoffering"][0]["name"],
    }
    made = play.twice("cloud")
    assert made.changed == set(made.results), "what was only asked in check mode was done all the same"
    assert made["physical network"]["isolation_method"] == "VXLAN"
    assert [label["kvm_networklabel"] for label in made.results["traffic types"]] == ["cloudbr-guest", "cloudbr-management"]
    assert [(host["name"], host["resource_state"]) for host in made.results["hosts"]] == [("sim1", "Enabled"), ("sim2", "Enabled")]
    made = play.twice("tenants", zone="east", first="sim1", second="sim2", **sizes)
    assert made.changed == set(made.results)
    assert made["more addresses"]["start_ip"] == "198.51.100.100"
    machines = {vm["name"]: (vm["state"], vm["host"], vm["default_ip"]) for vm in made.results["machines"]}
    assert machines == {"web1": ("Running", "sim1", "10.1.1.11"), "web2": ("Running", "sim2", "10.1.1.12")}
    states = {network["name"]: network["state"] for network in api.listNetworks(listall=True)["network"]}
    assert states == {"front": "Implemented", "back": "Allocated", "common": "Setup"}
    mac = api.listVirtualMachines(name="web1")["virtualmachine"][0]["nic"][0]["macaddress"]

    assert play.twice("changes", address="10.1.2.50", host="sim1", **sizes).changed == {
        "network", "nic", "secondary address", "machine", "global setting", "zone's setting",
    }  # fmt: skip
    moved = play.twice("changes", address="10.1.2.60", host="sim2", **sizes)
    assert moved.changed == {"nic", "machine"}
    assert (moved["nic"]["ip_address"], moved["machine"]["host"]) == ("10.1.2.60", "sim2")
    [web1] = api.listVirtualMachines(name="web1")["virtualmachine"]
    assert {tag["key"]: tag["value"] for tag in web1["tags"]} == {"role": "web", "stage": "production"}
    assert [(nic["networkname"], nic["ipaddress"]) for nic in web1["nic"]] == [("front", "10.1.1.11"), ("back", "10.1.2.60")]
    assert web1["nic"][0]["macaddress"] == mac
    assert [secondary["ipaddress"] for secondary in web1["nic"][0]["secondaryip"]] == ["10.1.1.111"]
    assert play.once("restart", network="front").changed == {"network"}

    assert play.twice("maintenance", state="maintenance").changed == {"host"}
    assert api.listHosts(name="sim2")["host"][0]["resourcestate"] == "Maintenance"
    assert {vm["name"]: (vm["state"], vm["hostname"]) for vm in api.listVirtualMachines()["virtualmachine"]} == {
        "web1": ("Running", "sim1"),
        "web2": ("Running", "sim1"),
    }
    assert play.twice("maintenance", state="enabled").changed == {"host"}
    assert api.listHosts(name="sim2")["host"][0]["resourcestate"] == "Enabled"

    fewer = play.twice("fewer")
    assert fewer.changed == set(fewer.results)
    assert play.once("restart", network="back").changed == {"network"}
    for name, extra in (("tenants-gone", {"zone": "east"}), ("cloud-gone", {}), ("zone-gone", {})):
        gone = play.twice(name, **extra)
        assert gone.changed == set(gone.results)
    assert api.listZones() == {}


@pytest.mark.slow
def test_people_roles_and_projects(server: Server, play: Playbooks) -> None:
    api = server.client()
    who = {"first_name": "Sam", "may_delete": "deny", "account_state": "enabled"}
    made = play.twice("people", **who)
    assert made.changed == {"domains", "role", "permissions", "account", "user", "project"}
    me = server.client(key=made["user"]["user_api_key"], secret=made["user"]["user_api_secret"])
    assert me.listZones() == {}
    assert me.listUsers()["user"][0]["username"].startswith("acme-")
    changed = play.twice("people", **(who | {"first_name": "Bea", "may_delete": "allow", "account_state": "disabled"}))
    assert changed.changed == {"permissions", "user", "account's state"}
    [domain] = [domain for domain in api.listDomains(listall=True)["domain"] if domain["path"] == "ROOT/tenants/acme"]
    assert {user["firstname"] for user in api.listUsers(domainid=domain["id"], listall=True)["user"]} == {"Ada", "Bea"}
    for playbook in ("people-gone", "domains-gone"):
        gone = play.twice(playbook)
        assert gone.changed == set(gone.results)
    assert [domain["path"] for domain in api.listDomains(listall=True)["domain"]] == ["ROOT"]
