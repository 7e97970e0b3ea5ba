"""Projects: what belongs to one is its members' to see and change, and nobody else's."""

from __future__ import annotations

import pytest

from tests.unit.api.desk import Desk
from tests.unit.api.looks import state
from vxloom.store import records


@pytest.fixture
def shop(desk: Desk, zone: str) -> dict[str, object]:
    """A project of blue and red, with a network and a machine; green is not a member."""
    desk.host(zone, "h1")
    blue, red, green = (desk.tenant(name) for name in ("blue", "red", "green"))
    project = blue.do("createProject", name="shop", displaytext="our shop")["project"]["id"]
    blue.do("addAccountToProject", projectid=project, account="red")
    network = blue.network(zone, "shop-net", projectid=project)
    vm = red.deploy(zone, network["id"], "shop-vm", projectid=project)
    return {"blue": blue, "red": red, "green": green, "project": project, "network": network, "vm": vm}


def test_what_a_project_owns_is_its_members(desk: Desk, zone: str, shop: dict) -> None:
    blue, red, green, project = shop["blue"], shop["red"], shop["green"], shop["project"]
    assert (shop["network"]["project"], shop["network"]["projectid"]) == ("shop", project)
    assert "account" not in shop["network"]
    assert (shop["vm"]["project"], shop["vm"]["state"]) == ("shop", "Running")
    for member in (blue, red):
        assert member.ask("listNetworks") == {}  # not its own
        for given in ({"projectid": project}, {"projectid": "-1"}, {"id": shop["network"]["id"]}):
            assert [row["name"] for row in member.ask("listNetworks", **given)["network"]] == ["shop-net"], given
        assert member.ask("listVirtualMachines", projectid=project)["count"] == 1
        assert member.ask("listNics", virtualmachineid=shop["vm"]["id"])["count"] == 1
    blue.do("stopVirtualMachine", id=shop["vm"]["id"])
    red.do("updateNetwork", id=shop["network"]["id"], displaytext="ours")
    assert green.refused("listNetworks", projectid=project).status == 431
    assert green.ask("listNetworks", projectid="-1", listall="true") == {}
    assert green.refused("startVirtualMachine", id=shop["vm"]["id"]).status == 431
    assert green.refused("createNetwork", name="n", zoneid=zone, networkofferingid=green.offering("L2"), projectid=project).status == 431
    assert (
        blue.refused(
            "createNetwork", name="n", zoneid=zone, networkofferingid=blue.offering("L2"), projectid=project, account="blue"
        ).status
        == 431
    )
    assert desk.ask("listNetworks", listall="true") == {}  # as the real server: projects' things only where projects are asked for
    assert desk.ask("listNetworks", listall="true", projectid="-1")["count"] == 1
    assert desk.ask("listNetworks", projectid=project)["count"] == 1
    assert "PrjAcct" not in str(desk.ask("listAccounts", listall="true"))


def test_members_come_and_go(desk: Desk, shop: dict) -> None:
    blue, red, green, project = shop["blue"], shop["red"], shop["green"], shop["project"]
    members = blue.ask("listProjectAccounts", projectid=project)["projectaccount"]
    assert {(row["account"], row["role"]) for row in members} == {("blue", "Admin"), ("red", "Regular")}
    assert red.refused("addAccountToProject", projectid=project, account="green").status == 531  # no admin
    assert blue.refused("addAccountToProject", projectid=project, account="RED").status == 431
    assert blue.refused("addAccountToProject", projectid=project, account="nobody").status == 431
    assert blue.refused("deleteAccountFromProject", projectid=project, account="blue").status == 431  # its only admin
    assert [row["name"] for row in red.ask("listProjects")["project"]] == ["shop"]
    blue.do("deleteAccountFromProject", projectid=project, account="red")
    assert red.ask("listProjects") == {}
    assert red.refused("listVirtualMachines", projectid=project).status == 431
    shown = blue.do("updateProject", id=project, account="green", name="store", displaytext="store")["project"]
    assert (shown["name"], [row["account"] for row in shown["owner"]]) == ("store", ["green"])
    assert blue.refused("updateProject", id=project, displaytext="x").status == 531
    assert green.ask("listProjects", name="STORE")["project"][0]["vmtotal"] == 1


def test_names_are_taken_once_in_a_domain(desk: Desk, shop: dict) -> None:
    assert shop["red"].refused("createProject", name="SHOP").status == 431
    other = desk.ask("createDomain", name="a")["domain"]["id"]
    boss = desk.tenant("boss", domainid=other, accounttype=2)
    boss.do("createProject", name="shop")
    assert boss.ask("listProjects", listall="true")["count"] == 1
    assert desk.ask("listProjects", listall="true")["count"] == 2
    assert desk.ask("listProjects", domainid=other)["count"] == 1
    assert desk.ask("listProjects", account="blue")["count"] == 1
    assert desk.ask("listProjects") == {}
    assert boss.refused("listProjects", id=shop["project"]).status == 431


def test_a_suspended_project_rests(desk: Desk, zone: str, shop: dict) -> None:
    blue, project = shop["blue"], shop["project"]
    assert shop["red"].refused("suspendProject", id=project).status == 531
    assert blue.do("suspendProject", id=project)["project"]["state"] == "Suspended"
    assert state(desk, shop["vm"]["id"]) == "Stopped"
    refused = blue.refused("createNetwork", name="n", zoneid=zone, networkofferingid=blue.offering("L2"), projectid=project)
    assert (refused.status, "Suspended" in refused.text) == (531, True)
    assert blue.do("activateProject", id=project)["project"]["state"] == "Active"
    blue.network(zone, "n2", "L2", projectid=project)


def test_a_project_goes_with_what_it_owns(desk: Desk, shop: dict) -> None:
    blue, project = shop["blue"], shop["project"]
    assert blue.refused("deleteProject", id=project).status == 536
    job = blue.ask("deleteProject", id=project, cleanup="true")["jobid"]
    assert blue.ask("listProjects") == {}
    assert blue.job(job)["jobstatus"] == 0
    desk.settle()
    assert blue.job(job)["jobresult"] == {"success": True}
    with desk.store.read() as rx:
        assert [rx.count(kind) for kind in (records.Vm, records.Network, records.Nic, records.Project)] == [0, 0, 0, 0]
        assert rx.count(records.Account, type=records.AccountType.PROJECT) == 0
