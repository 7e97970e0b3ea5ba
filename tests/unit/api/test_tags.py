"""Tags: on what one owns, shown with it, and lists by them."""

from __future__ import annotations

import pytest

from tests.unit.api.desk import DONE, Desk
from tests.unit.api.walk import NOBODY


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
    other = {"tags__0__key": "env", "tags__0__value": "other"}
    assert blue.refused("deleteTags", resourceids=first["id"], resourcetype="Network", **other).status == 431
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
        ("Zone", {"tags__0__key": "a", "tags__0__value": "b"}),
        ("Network", {"tags__0__key": "a"}),
        ("Network", {"tags__0__value": "b"}),
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


@pytest.fixture
def thing(desk: Desk, zone: str) -> dict[str, str]:
    """Return kind → id of one object of every kind that takes tags."""
    desk.host(zone, "h1")
    network = desk.network(zone)["id"]
    vm = desk.deploy(zone, network, "web")
    template = desk.ask("registerTemplate", name="mine", displaytext="mine", format="QCOW2", hypervisor="KVM", url="vxloom:namespace")
    return {
        "UserVm": vm["id"],
        "Network": network,
        "Nic": vm["nic"][0]["id"],
        "Template": template["template"][0]["id"],
        "Volume": desk.ask("listVolumes")["volume"][0]["id"],
        "Project": desk.do("createProject", name="p")["project"]["id"],
    }


def test_every_kind_takes_tags_in_a_job_with_success_as_its_result(desk: Desk, thing: dict[str, str]) -> None:
    for kind, id_ in thing.items():
        started = desk.ask("createTags", resourceids=id_, resourcetype=kind.upper(), tags__0__key="stage", tags__0__value="test")
        job = desk.job(started["jobid"])
        assert (job["jobstatus"], job["jobresult"]) == (DONE, {"success": True})
        assert (job["jobinstancetype"], job["jobinstanceid"]) == (kind, id_)
    listed = desk.ask("listTags", key="stage", projectid="-1", listall="true")
    assert {tag["resourcetype"]: tag["resourceid"] for tag in listed["tag"]} == thing


def test_objects_show_their_tags_and_always_a_list(desk: Desk, thing: dict[str, str]) -> None:
    lists = {
        "UserVm": ("listVirtualMachines", "virtualmachine", {}),
        "Network": ("listNetworks", "network", {}),
        "Volume": ("listVolumes", "volume", {}),
        "Template": ("listTemplates", "template", {"templatefilter": "all"}),
    }
    for kind, (command, key, more) in lists.items():
        [seen] = desk.ask(command, id=thing[kind], **more)[key]
        assert seen["tags"] == []
        tag(desk, kind, thing[kind], role="web", stage="test")
        [seen] = desk.ask(command, id=thing[kind], **more)[key]
        common = {"account": "admin", "domain": "ROOT", "domainid": seen["domainid"], "resourcetype": kind, "resourceid": thing[kind]}
        assert seen["tags"] == [{"key": "role", "value": "web", **common}, {"key": "stage", "value": "test", **common}]
    found = desk.ask("listTemplates", templatefilter="all", tags__0__key="role", tags__0__value="web")["template"]
    assert [template["id"] for template in found] == [thing["Template"]]
    assert {t["key"] for t in desk.do("stopVirtualMachine", id=thing["UserVm"])["virtualmachine"]["tags"]} == {"role", "stage"}


def test_a_key_is_on_an_object_once_and_nothing_is_half_done(desk: Desk, zone: str, thing: dict[str, str]) -> None:
    other = desk.network(zone, "n2")["id"]
    tag(desk, "Network", thing["Network"], stage="test")
    refusal = desk.refused(
        "createTags", resourceids=f"{other},{thing['Network']}", resourcetype="Network", tags__0__key="stage", tags__0__value="production"
    )
    assert refusal.status == 530
    assert f"tag stage already on Network with id {thing['Network']}" in refusal.text
    assert [(row["resourceid"], row["value"]) for row in desk.ask("listTags")["tag"]] == [(thing["Network"], "test")]


def test_list_tags_by_value_and_customer_and_in_pages(desk: Desk, thing: dict[str, str]) -> None:
    tag(desk, "Network", thing["Network"], a="1", b="2", c="1")
    desk.do("createTags", resourceids=thing["UserVm"], resourcetype="UserVm", customer="acme", tags__0__key="a", tags__0__value="3")
    assert [row["key"] for row in desk.ask("listTags", value="1")["tag"]] == ["a", "c"]
    assert [(row["value"], row["customer"]) for row in desk.ask("listTags", customer="acme")["tag"]] == [("3", "acme")]
    pages = [desk.ask("listTags", page=page, pagesize=3) for page in (1, 2, 3)]
    assert [(page["count"], len(page.get("tag", []))) for page in pages] == [(4, 3), (4, 1), (4, 0)]


def test_tags_go_with_their_object(desk: Desk, zone: str, thing: dict[str, str]) -> None:
    second = desk.network(zone, "n2")["id"]
    vm = desk.do("addNicToVirtualMachine", virtualmachineid=thing["UserVm"], networkid=second)["virtualmachine"]
    [extra] = [nic["id"] for nic in vm["nic"] if nic["networkid"] == second]
    for kind, id_ in (*thing.items(), ("Nic", extra)):
        tag(desk, kind, id_, stage="test")

    def left() -> set[str]:
        return {row["resourceid"] for row in desk.ask("listTags", projectid="-1", listall="true").get("tag", [])}

    desk.do("removeNicFromVirtualMachine", virtualmachineid=vm["id"], nicid=extra)
    assert left() == set(thing.values())
    desk.do("deleteTemplate", id=thing["Template"])
    refusal = desk.refused("createTags", resourceids=thing["Template"], resourcetype="Template", tags__0__key="a", tags__0__value="b")
    assert (refusal.status, "entity does not exist" in refusal.text) == (431, True)
    assert left() == set(thing.values()) - {thing["Template"]}
    desk.do("destroyVirtualMachine", id=thing["UserVm"], expunge="true")
    assert left() == {thing["Network"], thing["Project"]}
    desk.do("deleteNetwork", id=thing["Network"])
    desk.do("deleteProject", id=thing["Project"])
    assert left() == set()


@pytest.mark.parametrize("command", ["createTags", "deleteTags"])
def test_anothers_object_does_not_exist(desk: Desk, thing: dict[str, str], command: str) -> None:
    ann = desk.tenant("ann")
    for kind, id_ in thing.items():
        refusal = ann.refused(command, resourceids=id_.upper(), resourcetype=kind, tags__0__key="a", tags__0__value="1")
        assert (refusal.status, f"Invalid parameter resourceids value={id_}" in refusal.text) == (431, True)
        nobody = ann.refused(command, resourceids=NOBODY, resourcetype=kind, tags__0__key="a", tags__0__value="1")
        assert nobody.text.replace(NOBODY, id_) == refusal.text


def test_ids_and_counts_that_are_none(desk: Desk, thing: dict[str, str]) -> None:
    for kind, ids in (("Network", "none"), ("Network", ","), ("Volume", "none"), ("Volume", f"{{{thing['Volume']}}}")):
        assert desk.refused("createTags", resourceids=ids, resourcetype=kind, tags__0__key="a", tags__0__value="1").status == 431
    many = {f"tags__{number}__{part}": f"{number}" for number in range(2000) for part in ("key", "value")}
    assert "at most" in desk.refused("createTags", resourceids=thing["Network"], resourcetype="Network", **many).text
    assert "at most" in desk.refused("listNetworks", **many).text
