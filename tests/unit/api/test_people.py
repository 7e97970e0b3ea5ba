"""Accounts, users and domains: made, changed, disabled, removed with all they own; nobody is left with a key that works."""

from __future__ import annotations

import pytest

from tests.unit.api.desk import FAILED, PENDING, Desk
from tests.unit.api.looks import overdue, state
from vxloom.store import records

WHO = {"password": "x", "firstname": "A", "lastname": "B", "email": "a@example.org"}
LEFT = (records.Vm, records.Nic, records.NicIp, records.Binding, records.Network, records.User, records.Tag, records.SshKeyPair)


def account_of(desk: Desk, name: str) -> dict:
    return desk.ask("listAccounts", name=name, listall="true")["account"][0]


def furnished(desk: Desk, zone: str, name: str = "blue") -> Desk:
    """A tenant with a network and two machines on two hosts."""
    tenant = desk.tenant(name)
    network = tenant.network(zone, f"{name}-net")
    for number in (1, 2):
        tenant.deploy(zone, network["id"], f"{name}{number}")
    return tenant


@pytest.fixture
def hosts(desk: Desk, zone: str) -> list[str]:
    return [desk.host(zone, name) for name in ("h1", "h2")]


def test_an_account_goes_with_all_it_owns(desk: Desk, zone: str, hosts: list[str]) -> None:
    tenant = furnished(desk, zone)
    vm = tenant.ask("listVirtualMachines")["virtualmachine"][0]
    tenant.do("createTags", resourceids=vm["id"], resourcetype="UserVm", tags__0__key="a", tags__0__value="b")
    tenant.ask("createSSHKeyPair", name="key")
    begun = desk.ask("deleteAccount", id=account_of(desk, "blue")["id"])
    assert tenant.refused("listZones").status == 401  # at once
    assert desk.job(begun["jobid"])["jobstatus"] == PENDING  # its hosts have said nothing yet
    with desk.store.read() as rx:
        assert {kind.__name__: rx.count(kind) for kind in LEFT} == dict.fromkeys((kind.__name__ for kind in LEFT), 0) | {"User": 1}
        assert rx.count(records.VniAllocation, state=records.AllocationState.DRAINING) == 1  # law 7
    desk.settle(hosts[0])
    assert desk.job(begun["jobid"])["jobstatus"] == PENDING
    desk.settle()
    assert desk.job(begun["jobid"])["jobresult"] == {"success": True}
    desk.store.reap()
    with desk.store.read() as rx:
        assert [rx.count(kind) for kind in (records.VniAllocation, records.MacAllocation, records.IpAllocation)] == [0, 0, 0]
    assert desk.ask("listAccounts", name="blue", listall="true") == {}


def test_an_account_goes_although_a_host_is_down(desk: Desk, zone: str, hosts: list[str]) -> None:
    furnished(desk, zone)
    desk.hosts.up.discard(hosts[0])
    job = desk.ask("deleteAccount", id=account_of(desk, "blue")["id"])["jobid"]
    desk.settle()
    assert desk.job(job)["jobresult"] == {"success": True, "pendinghosts": ["h1"]}
    with desk.store.read() as rx:
        assert rx.count(records.VniAllocation) == 1  # h1 may still believe in it


def test_an_account_stays_while_others_use_its_network_or_it_alone_runs_a_project(desk: Desk, zone: str, hosts: list[str]) -> None:
    tenant = furnished(desk, zone)
    network = tenant.ask("listNetworks")["network"][0]["id"]
    guest = desk.deploy(zone, network, "of-admin")
    account = account_of(desk, "blue")["id"]
    refused = desk.refused("deleteAccount", id=account)
    assert (refused.status, "of-admin" in refused.text) == (536, True)
    assert tenant.ask("listVirtualMachines")["count"] == 2  # nothing half done
    desk.do("destroyVirtualMachine", id=guest["id"], expunge="true")
    project = tenant.do("createProject", name="p")["project"]["id"]
    assert desk.refused("deleteAccount", id=account).status == 536
    tenant.do("deleteProject", id=project)
    assert desk.do("deleteAccount", id=account) == {"success": True}


def test_a_disabled_accounts_machines_stop_and_a_locked_ones_go_on(desk: Desk, zone: str, hosts: list[str]) -> None:
    tenant = furnished(desk, zone)
    account, vms = account_of(desk, "blue")["id"], tenant.ask("listVirtualMachines")["virtualmachine"]
    locked = desk.do("disableAccount", id=account, lock="true")["account"]
    assert (locked["state"], tenant.refused("listZones").status) == ("locked", 401)
    assert {state(desk, vm["id"]) for vm in vms} == {"Running"}
    assert desk.ask("enableAccount", account="blue")["account"]["state"] == "enabled"
    assert tenant.ask("listZones")["count"] == 1
    job = desk.ask("disableAccount", id=account, lock="false")["jobid"]
    assert {state(desk, vm["id"]) for vm in vms} == {"Stopping"}
    refused = desk.refused("createNetwork", name="n", zoneid=zone, networkofferingid=desk.offering("L2"), account="blue")
    assert (refused.status, "disabled" in refused.text) == (531, True)
    desk.settle()
    assert desk.job(job)["jobresult"]["account"]["state"] == "disabled"
    assert {state(desk, vm["id"]) for vm in vms} == {"Stopped"}
    desk.ask("enableAccount", id=account)
    assert tenant.do("startVirtualMachine", id=vms[0]["id"])["virtualmachine"]["state"] == "Running"
    assert desk.ask("lockAccount", id=account)["account"]["state"] == "locked"
    assert tenant.refused("listZones").status == 401


def test_a_host_that_says_nothing_leaves_the_machines_of_a_disabled_account_in_error(desk: Desk, zone: str, hosts: list[str]) -> None:
    tenant = furnished(desk, zone)
    places = {vm["hostname"]: vm["id"] for vm in desk.ask("listVirtualMachines", listall="true")["virtualmachine"]}
    assert set(places) == {"h1", "h2"}
    job = desk.ask("disableAccount", id=account_of(desk, "blue")["id"], lock="false")["jobid"]
    desk.settle(hosts[0])
    overdue(desk)
    failed = desk.job(job)
    assert (failed["jobstatus"], failed["jobresultcode"]) == (FAILED, 530)
    assert "The account blue is disabled, but instances did not stop" in failed["jobresult"]["errortext"]
    assert "no acknowledgement from host h1" in failed["jobresult"]["errortext"]
    assert account_of(desk, "blue")["state"] == "disabled"
    assert (state(desk, places["h1"]), state(desk, places["h2"])) == ("Error", "Stopped")
    assert [alert["name"] for alert in desk.ask("listAlerts", name="vm.error")["alert"]] == ["vm.error"]
    assert tenant


def test_users_keys_stop_with_them(desk: Desk) -> None:
    blue = desk.tenant("blue")
    user = desk.ask("createUser", username="second", account="blue", **WHO)["user"]
    keys = desk.ask("registerUserKeys", id=user["id"])["userkeys"]
    second = desk.as_user(keys["apikey"], keys["secretkey"])
    assert second.ask("listUsers", username="SECOND")["user"][0]["state"] == "enabled"
    assert desk.ask("getUser", userapikey=keys["apikey"])["user"]["username"] == "second"
    assert desk.do("disableUser", id=user["id"])["user"]["state"] == "disabled"
    assert second.refused("listZones").status == 401
    desk.ask("enableUser", id=user["id"])
    assert second.ask("listUsers")["count"] == 2
    assert desk.ask("lockUser", id=user["id"])["user"]["state"] == "locked"
    assert second.refused("listZones").status == 401
    desk.ask("enableUser", id=user["id"])
    assert desk.ask("deleteUser", id=user["id"])["success"] is True
    assert second.refused("listZones").status == 401
    assert desk.refused("getUser", userapikey=keys["apikey"]).status == 431
    assert blue.ask("listUsers")["count"] == 1


def test_a_users_secret_is_for_itself_and_for_admins(desk: Desk) -> None:
    blue = desk.tenant("blue")
    other = desk.ask("createUser", username="second", account="blue", **WHO)["user"]["id"]
    for command in ("getUserKeys", "registerUserKeys", "updateUser"):
        assert blue.refused(command, id=other).status == 531
    own = blue.ask("listUsers", username="blue")["user"][0]["id"]
    assert blue.ask("getUserKeys", id=own)["userkeys"]["secretkey"] == blue.secret
    assert blue.ask("updateUser", id=own, email="new@example.org")["user"]["email"] == "new@example.org"
    assert blue.refused("updateUser", id=own, password="new").status == 431
    assert blue.refused("updateUser", id=own, password="new", currentpassword="wrong").status == 431
    blue.ask("updateUser", id=own, password="new", currentpassword="secret")
    assert blue.refused("updateUser", id=own, userapikey="k" * 40, usersecretkey="s" * 40).status == 531
    desk.ask("updateUser", id=own, userapikey="k" * 40, usersecretkey="s" * 40)
    assert desk.as_user("k" * 40, "s" * 40).ask("listUsers")["count"] == 2
    assert desk.refused("updateUser", id=other, userapikey="k" * 40, usersecretkey="s" * 40).status == 431
    assert desk.refused("updateUser", id=other, username="BLUE").status == 431


def test_nobody_ends_itself(desk: Desk) -> None:
    admin = desk.ask("listUsers", username="admin")["user"][0]
    for command, given in (
        ("deleteAccount", {"id": admin["accountid"]}),
        ("disableAccount", {"id": admin["accountid"], "lock": "false"}),
        ("lockAccount", {"id": admin["accountid"]}),
        ("deleteUser", {"id": admin["id"]}),
        ("disableUser", {"id": admin["id"]}),
        ("lockUser", {"id": admin["id"]}),
    ):
        assert desk.refused(command, **given).status == 531, command


def test_a_tree_of_domains(desk: Desk) -> None:
    a = desk.ask("createDomain", name="a")["domain"]
    b = desk.ask("createDomain", name="b", parentdomainid=a["id"])["domain"]
    assert (b["path"], b["level"], b["parentdomainname"]) == ("ROOT/a/b", 2, "a")
    assert desk.refused("createDomain", name="A").status == 431
    assert desk.refused("createDomain", name="x/y").status == 431
    desk.ask("updateDomain", id=a["id"], name="c", networkdomain="c.example")
    assert [row["path"] for row in desk.ask("listDomainChildren", isrecursive="true")["domain"]] == ["ROOT/c", "ROOT/c/b"]
    assert [row["path"] for row in desk.ask("listDomainChildren")["domain"]] == ["ROOT/c"]
    root = desk.ask("listDomains", level="0")["domain"][0]["id"]
    assert desk.refused("updateDomain", id=root, name="TOP").status == 431
    assert desk.refused("deleteDomain", id=root, cleanup="true").status == 531
    assert desk.refused("deleteDomain", id=a["id"]).status == 536
    assert desk.do("deleteDomain", id=b["id"]) == {"success": True}
    assert desk.do("deleteDomain", id=a["id"]) == {"success": True}
    assert desk.ask("listDomains")["count"] == 1


def test_a_domain_goes_with_all_in_it(desk: Desk, zone: str, hosts: list[str]) -> None:
    a = desk.ask("createDomain", name="a")["domain"]["id"]
    b = desk.ask("createDomain", name="b", parentdomainid=a)["domain"]["id"]
    boss, worker = desk.tenant("boss", domainid=a, accounttype=2), desk.tenant("worker", domainid=b)
    project = boss.do("createProject", name="p")["project"]["id"]
    network = boss.network(zone, "shared", projectid=project)
    boss.deploy(zone, network["id"], "in-project", projectid=project)
    own = worker.network(zone)
    worker.deploy(zone, own["id"], "own")
    assert boss.refused("deleteDomain", id=a, cleanup="true").status == 531  # its own
    assert desk.refused("deleteDomain", id=a).status == 536
    assert desk.do("deleteDomain", id=a, cleanup="true") == {"success": True}
    for gone in (boss, worker):
        assert gone.refused("listZones").status == 401
    with desk.store.read() as rx:
        kinds = (records.Vm, records.Network, records.Project, records.ProjectMember)
        assert [rx.count(kind) for kind in kinds] == [0, 0, 0, 0]
        assert rx.count(records.Account) == 1


def test_a_domain_admin_runs_its_domain_and_nothing_above(desk: Desk) -> None:
    a = desk.ask("createDomain", name="a")["domain"]["id"]
    other = desk.ask("createDomain", name="o")["domain"]["id"]
    boss = desk.tenant("boss", domainid=a, accounttype=2)
    below = boss.ask("createDomain", name="team")["domain"]
    assert below["path"] == "ROOT/a/team"
    made = boss.ask("createAccount", username="worker", domainid=below["id"], **WHO)["account"]
    assert (made["domainpath"], made["rolename"], made["accounttype"]) == ("ROOT/a/team", "User", 0)
    assert boss.refused("createAccount", username="x", accounttype="1", **WHO).status == 531
    assert boss.refused("createAccount", username="x", domainid=other, **WHO).status == 431
    assert boss.refused("createDomain", name="x", parentdomainid=other).status == 431
    assert boss.refused("updateDomain", id=a, name="mine").status == 531
    boss.ask("updateAccount", id=made["id"], newname="renamed")
    assert boss.ask("listAccounts", name="renamed", listall="true")["account"][0]["id"] == made["id"]
    boss.ask("createUser", username="second", account="renamed", domainid=below["id"], **WHO)
    assert boss.do("disableAccount", id=made["id"], lock="true")["account"]["state"] == "locked"
    boss.ask("enableAccount", id=made["id"])
    assert boss.do("deleteAccount", id=made["id"]) == {"success": True}
    worker = desk.tenant("plain", domainid=a)
    for command in ("createAccount", "createDomain", "deleteAccount", "listRoles"):
        assert worker.refused(command, name="x", id=a, username="x", **WHO).status == 401


def test_accounts_show_what_clients_read(desk: Desk) -> None:
    desk.tenant("blue", accounttype=0)
    row = account_of(desk, "BLUE")
    assert (row["state"], row["accounttype"], row["rolename"], row["roletype"]) == ("enabled", 0, "User", "User")
    assert (row["vmtotal"], row["vmlimit"], row["networkavailable"], row["projecttotal"]) == (0, "Unlimited", "Unlimited", 0)
    roles = {role["name"]: role["id"] for role in desk.ask("listRoles")["role"]}
    assert row["roleid"] == roles["User"]
    assert set(roles) == {"Root Admin", "Domain Admin", "User"}
    limits = desk.ask("listResourceLimits", account="blue", domainid=row["domainid"])["resourcelimit"]
    assert [(line["resourcetype"], line["max"]) for line in limits] == [(str(number), -1) for number in range(12)]
    assert desk.ask("listResourceLimits", resourcetype="6")["resourcelimit"][0]["resourcetypename"] == "network"
    assert desk.refused("listResourceLimits", resourcetype="99").status == 431
    assert desk.refused("updateResourceLimit", resourcetype="0", max="1").status == 432
