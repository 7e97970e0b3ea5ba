"""Tags: on what one owns, shown with it, and lists by them."""

from __future__ import annotations

import pytest

from tests.unit.api.desk import Desk


def tag(desk: Desk, kind: str, resource: str, **pairs: str) -> dict:
    given: dict[str, str] = {}
    for number, (key, value) in enumerate(pairs.items()):
        given |= {f"tags__{number}__key": key, f"tags__{number}__value": value}
    return desk.do("createTags", resourceids=resource, resourcetype=kind, **given)


def test_tags_show_with_their_objects_and_lists_go_by_them(desk: Desk, zone: str) -> None:
    desk.host(zone, "h1")
    blue = desk.tenant("blue")
    first, second = blue.network(zone, "n1"), blue.network(zone, "n2")
    assert first["tags"] == []
    vm = blue.deploy(zone, first["id"], "vm1")
    assert vm["tags"] == []
    assert tag(blue, "network", f"{first['id']},{second['id']}", env="test", team="a") == {"success": True}
    tag(blue, "UserVm", vm["id"], role="web")
    tag(blue, "Nic", vm["nic"][0]["id"], port="eth0")
    shown = blue.ask("listNetworks", id=first["id"])["network"][0]["tags"]
    assert [(row["key"], row["value"], row["resourcetype"], row["account"]) for row in shown] == [
        ("env", "test", "Network", "blue"),
        ("team", "a", "Network", "blue"),
    ]
    assert blue.ask("listVirtualMachines")["virtualmachine"][0]["tags"][0]["value"] == "web"
    by_tag = {"tags__0__key": "role", "tags__0__value": "web"}
    assert blue.ask("listVirtualMachines", **by_tag)["count"] == 1
    assert blue.ask("listVirtualMachines", tags__0__key="role", tags__0__value="db") == {}
    assert blue.ask("listNetworks", tags__0__key="team", tags__0__value="a")["count"] == 2
    assert blue.ask("listNetworks", tags__0__key="team", tags__0__value="b", tags__1__key="env", tags__1__value="test")["count"] == 2
    assert blue.refused("listNetworks", tags__0__key="team").status == 431
    assert blue.ask("listTags", resourcetype="network", key="env")["count"] == 2
    assert blue.ask("listTags", resourceid=vm["id"])["tag"][0]["key"] == "role"
    assert desk.ask("listTags", resourceid=vm["id"])["count"] == 1
    blue.do("deleteTags", resourceids=first["id"], resourcetype="Network", tags__0__key="env", tags__0__value="other")
    assert blue.ask("listTags", key="env")["count"] == 2
    blue.do("deleteTags", resourceids=first["id"], resourcetype="Network", tags__0__key="env")
    assert blue.ask("listTags", key="env")["count"] == 1
    blue.do("deleteTags", resourceids=second["id"], resourcetype="Network")
    assert {row["key"] for row in blue.ask("listTags")["tag"]} == {"team", "role", "port"}
    blue.do("destroyVirtualMachine", id=vm["id"], expunge="true")
    assert {row["key"] for row in blue.ask("listTags")["tag"]} == {"team"}


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("Volume", {"tags__0__key": "a", "tags__0__value": "b"}),
        ("Network", {"tags__0__key": "a"}),
        ("Network", {"tags__0__value": "b"}),
        ("Network", {"tags__0__key": "taken", "tags__0__value": "b"}),
        ("Network", {}),
        ("UserVm", {"tags__0__key": "a", "tags__0__value": "b"}),
    ],
)
def test_what_is_no_tag_is_refused(desk: Desk, zone: str, kind: str, given: dict[str, str]) -> None:
    network = desk.network(zone)["id"]
    tag(desk, "Network", network, taken="x")
    assert desk.refused("createTags", resourceids=network, resourcetype=kind, **given).status == 431
    assert desk.ask("listTags")["count"] == 1


def test_a_projects_tags_are_its_members(desk: Desk) -> None:
    blue, red = desk.tenant("blue"), desk.tenant("red")
    project = blue.do("createProject", name="p")["project"]["id"]
    tag(blue, "Project", project, a="b")
    assert blue.ask("listProjects", tags__0__key="a", tags__0__value="b")["project"][0]["tags"][0]["project"] == "p"
    assert blue.ask("listTags", projectid=project)["count"] == 1
    assert red.refused("listTags", projectid=project).status == 431
    assert red.ask("listTags", resourceid=project) == {}
