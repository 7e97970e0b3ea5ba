"""What a role's rules say is what its accounts may do; nobody gives more than it has."""

from __future__ import annotations

import pytest

from tests.unit.api.desk import Desk
from vxloom.server.roles import fits, permits

WHO = {"password": "x", "firstname": "A", "lastname": "B", "email": "a@example.org"}


@pytest.mark.parametrize(
    ("rule", "command", "expected"),
    [
        ("list*", "listZones", True),
        ("LISTZONES", "listZones", True),
        ("*", "x", True),
        ("list", "listZones", False),
        ("*VM", "listVMs", False),
    ],
)
def test_rules_are_names_with_stars(rule: str, command: str, expected: bool) -> None:
    assert fits(rule, command) is expected


def test_the_first_rule_decides_and_none_refuses() -> None:
    rules = (("listUsers", False), ("list*", True))
    assert [permits(rules, name) for name in ("listUsers", "listZones", "deleteZone")] == [False, True, False]


def made(desk: Desk, name: str, kind: str, *rules: str, **more: object) -> str:
    role = str(desk.ask("createRole", name=name, type=kind, **more)["role"]["id"])
    for rule in rules:
        word, permission = rule.split("=")
        desk.ask("createRolePermission", roleid=role, rule=word, permission=permission)
    return role


def test_an_account_of_a_role_may_do_what_its_rules_allow(desk: Desk) -> None:
    role = made(desk, "reader", "User", "listUsers=deny", "list*=allow", "createZone=allow")
    reader = desk.tenant("reader", roleid=role)
    assert reader.ask("listNetworks") == {}
    for command in ("listUsers", "createNetwork"):
        refused = reader.refused(command)
        assert refused.status == 401
        assert "not available for user" in refused.text
    assert reader.refused("createZone").status == 401  # the type is the bound
    names = {api["name"] for api in reader.ask("listApis")["api"]}
    assert {"listZones", "listApis"} <= names
    assert not names & {"listUsers", "createNetwork", "createZone"}
    rows = desk.ask("listRolePermissions", roleid=role)["rolepermission"]
    assert [(row["rule"], row["permission"]) for row in rows] == [("listUsers", "deny"), ("list*", "allow"), ("createZone", "allow")]
    desk.ask("updateRolePermission", roleid=role, ruleorder=",".join(rows[place]["id"] for place in (1, 0, 2)))
    assert reader.ask("listUsers")["count"] == 1
    desk.ask("updateRolePermission", roleid=role, ruleid=rows[1]["id"], permission="deny")
    assert reader.refused("listZones").status == 401
    desk.ask("deleteRolePermission", id=rows[1]["id"])
    desk.ask("createRolePermission", roleid=role, rule="*", permission="allow")
    assert reader.refused("listUsers").status == 401
    desk.ask("updateAccount", account="reader", roleid=desk.ask("listRoles", name="USER")["role"][0]["id"])
    assert reader.ask("listUsers")["count"] == 1


def test_a_role_in_use_stays_and_default_ones_always(desk: Desk) -> None:
    role = made(desk, "reader", "User", "list*=allow")
    desk.tenant("blue", roleid=role)
    assert desk.refused("deleteRole", id=role).status == 536
    assert desk.refused("updateRole", id=role, type="Admin").status == 431
    assert desk.ask("updateRole", id=role, name="readers", description="may look")["role"]["name"] == "readers"
    default = desk.ask("listRoles", name="User")["role"][0]["id"]
    for command, given in (("deleteRole", {"id": default}), ("updateRole", {"id": default, "name": "x"})):
        assert desk.refused(command, **given).status == 431
    assert desk.refused("createRolePermission", roleid=default, rule="*", permission="deny").status == 431
    desk.do("deleteAccount", id=desk.ask("listAccounts", name="blue", listall="true")["account"][0]["id"])
    desk.ask("deleteRole", id=role)
    assert desk.ask("listRoles", name="readers") == {}


@pytest.mark.parametrize(
    ("command", "given"),
    [
        ("createRole", {"name": "user", "type": "User"}),
        ("createRole", {"name": "x"}),
        ("createRole", {"name": "x", "type": "King"}),
        ("createRolePermission", {"roleid": "{r}", "rule": "list Zones", "permission": "allow"}),
        ("createRolePermission", {"roleid": "{r}", "rule": "listZones", "permission": "perhaps"}),
        ("createRolePermission", {"roleid": "{r}", "rule": "LIST*", "permission": "deny"}),
        ("updateRolePermission", {"roleid": "{r}"}),
        ("updateRolePermission", {"roleid": "{r}", "ruleorder": "{r}"}),
        ("importRole", {"name": "r", "type": "User", "rules__0__rule": "*", "rules__0__permission": "allow"}),
        ("importRole", {"name": "x", "type": "User", "rules__0__rule": "*"}),
    ],
)
def test_what_makes_no_role_is_refused(desk: Desk, command: str, given: dict[str, str]) -> None:
    role = made(desk, "r", "User", "list*=allow")
    assert desk.refused(command, **{name: value.format(r=role) for name, value in given.items()}).status == 431


def test_roles_are_copied_and_imported(desk: Desk) -> None:
    first = made(desk, "first", "User", "listUsers=deny", "list*=allow")
    copy = desk.ask("createRole", name="copy", roleid=first)["role"]["id"]
    assert [row["rule"] for row in desk.ask("listRolePermissions", roleid=copy)["rolepermission"]] == ["listUsers", "list*"]
    all_of_type = desk.ask("createRole", name="all", roleid=desk.ask("listRoles", name="User")["role"][0]["id"])["role"]["id"]
    assert desk.tenant("everything", roleid=all_of_type).ask("listUsers")["count"] == 1
    rules = {"rules__0__rule": "listZones", "rules__0__permission": "allow"}
    desk.ask("importRole", name="FIRST", type="User", forced="true", **rules)
    assert [row["rule"] for row in desk.ask("listRolePermissions", roleid=first)["rolepermission"]] == ["listZones"]


def test_nobody_gives_or_takes_over_more_than_it_has(desk: Desk) -> None:
    lesser = made(desk, "lesser", "Admin", "deleteZone=deny", "*=allow")
    clerk = desk.tenant("clerk", roleid=lesser)
    admin = desk.ask("listUsers", username="admin")["user"][0]
    for command, given in (
        ("getUserKeys", {"id": admin["id"]}),
        ("registerUserKeys", {"id": admin["id"]}),
        ("updateUser", {"id": admin["id"], "password": "x"}),
        ("createAccount", {"username": "x", "accounttype": "1", **WHO}),
        ("createUser", {"username": "x", "account": "admin", **WHO}),
        ("createRole", {"name": "x", "roleid": desk.ask("listRoles", name="Root Admin")["role"][0]["id"]}),
    ):
        assert clerk.refused(command, **given).status == 531, command
    more = made(desk, "more", "Admin", "*=allow", "deleteZone=deny")
    assert clerk.refused("createAccount", username="x", roleid=more, **WHO).status == 531
    own = clerk.ask("createRole", name="own", type="Admin")["role"]["id"]
    assert clerk.refused("createRolePermission", roleid=own, rule="deleteZone", permission="allow").status == 531
    assert clerk.refused("createRolePermission", roleid=own, rule="*", permission="allow").status == 531
    clerk.ask("createRolePermission", roleid=own, rule="listZones", permission="allow")
    denied = desk.ask("listRolePermissions", roleid=lesser)["rolepermission"][0]["id"]
    assert clerk.refused("deleteRolePermission", id=denied).status == 531
    assert clerk.refused("updateRolePermission", roleid=lesser, ruleid=denied, permission="allow").status == 531


def test_domain_admins_see_public_roles_below_root(desk: Desk) -> None:
    domain = desk.ask("createDomain", name="a")["domain"]["id"]
    private = made(desk, "private", "User", ispublic="false")
    root = made(desk, "root-like", "Admin")
    boss = desk.tenant("boss", domainid=domain, accounttype=2)
    assert {role["name"] for role in boss.ask("listRoles")["role"]} == {"Domain Admin", "User"}
    for role in (private, root):
        assert boss.refused("listRoles", id=role).status == 431
        assert boss.refused("createAccount", username="x", roleid=role, **WHO).status == 431
