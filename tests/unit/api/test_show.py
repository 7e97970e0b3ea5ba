"""What hosts' kernels hold, gathered by the server and given names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.unit.api.desk import Desk
from vxloom.model.show import MOST


@dataclass
class Small:
    """A zone with two hosts, a network, and a machine on the first host."""

    zone: str
    one: str
    two: str
    vni: int
    mac: str


@pytest.fixture
def small(desk: Desk) -> Small:
    zone = desk.zone()
    one, two = desk.host(zone, "h1"), desk.host(zone, "h2")
    network = desk.tenant("blue").network(zone, "net1")["id"]
    account = desk.ask("listAccounts", name="blue", listall="true")["account"][0]
    [nic] = desk.deploy(zone, network, "web", hostid=one, account="blue", domainid=account["domainid"])["nic"]
    vni = int(desk.ask("listNetworks", id=network, listall="true")["network"][0]["vlan"])
    return Small(zone, one, two, vni, nic["macaddress"])


def answer(*rows: dict[str, Any], total: int = 0, note: str = "", **drift: int) -> bytes:
    return json.dumps(
        {"host": "called-otherwise", "rows": rows, "total": total or len(rows), "drift": drift, "note": note},
    ).encode()


def asked(desk: Desk) -> list[tuple[str, dict[str, Any]]]:
    """Return what hosts were asked since the last time."""
    told = [(host, json.loads(about)) for host, word, about in desk.hosts.asked if word == "show"]
    desk.hosts.asked.clear()
    return told


def test_rows_of_all_hosts_are_told_with_the_names_of_what_they_have(desk: Desk, small: Small) -> None:
    here = {"vni": small.vni, "device": "vt1", "mac": small.mac, "kind": "static"}
    there = {"vni": small.vni, "device": f"vxlan{small.vni}", "mac": small.mac, "vtep": "192.0.2.1", "drift": "missing"}
    other = {"vni": 77, "device": "vx77", "mac": "02:00:00:00:00:99", "vtep": "198.51.100.9", "drift": "foreign"}
    desk.hosts.answers |= {small.one: answer(here), small.two: answer(there, other, missing=1, foreign=1, note="it holds")}
    told = desk.ask("vxloomShow", view="fdb")["show"]
    assert (told["hosts"], told["total"]) == (2, 3)
    named = {"host": "h1", **here, "network": "net1", "account": "blue", "domain": "ROOT", "vm": "web"}
    assert told["row"][0] == named
    assert [(row["host"], row.get("vm"), row.get("remote_host")) for row in told["row"]] == [
        ("h1", "web", None),
        ("h2", "web", "h1"),
        ("h2", None, None),
    ]
    assert told["row"][2] == {"host": "h2", **other}
    assert told["drift"] == [{"drift": "missing", "count": 1}, {"drift": "foreign", "count": 1}]
    assert told["note"] == [{"host": "h2", "note": "it holds"}]


def test_what_belongs_to_a_project_is_told_so(desk: Desk, small: Small) -> None:
    project = desk.do("createProject", name="green", displaytext="green")["project"]["id"]
    network = desk.network(small.zone, "shared", projectid=project)["id"]
    desk.deploy(small.zone, network, "api", hostid=small.one, projectid=project)
    vni = int(desk.ask("listNetworks", id=network, projectid=project)["network"][0]["vlan"])
    desk.hosts.answers |= {small.one: answer({"vni": vni}), small.two: answer()}
    [row] = desk.ask("vxloomShow", view="vnis")["show"]["row"]
    assert row == {"host": "h1", "vni": vni, "network": "shared", "project": "green", "domain": "ROOT"}


def test_a_host_that_does_not_answer_is_named_and_the_others_are_shown(desk: Desk, small: Small) -> None:
    desk.hosts.up.discard(small.one)
    desk.hosts.answers[small.two] = answer({"vni": 1})
    third = desk.host(small.zone, "h3")
    desk.hosts.answers[third] = b'{"plan": "nothing to do"}'  # an agent that is older than the question
    told = desk.ask("vxloomShow", view="vnis")["show"]
    assert [row["host"] for row in told["row"]] == ["h2"]
    assert [row["host"] for row in told["silent"]] == ["h1", "h3"]
    assert "no stream" in told["silent"][0]["why"]
    assert "upgrade" in told["silent"][1]["why"]


def test_what_is_asked_for_is_resolved_to_vnis_and_macs(desk: Desk, small: Small) -> None:
    desk.hosts.answers |= {small.one: answer(), small.two: answer()}
    query = {"view": "fdb", "vnis": [small.vni], "macs": [small.mac], "limit": 1000}
    desk.ask("vxloomShow", view="FDB", vm="WEB", host="h2")
    assert asked(desk) == [(small.two, query)]
    desk.ask("vxloomShow", view="bum", vm="web", host="h2")  # a machine's segment: copies have no MAC
    assert asked(desk) == [(small.two, {"view": "bum", "vnis": [small.vni], "limit": 1000})]
    desk.ask("vxloomShow", view="vnis", network="net1", limit="7", host=small.two)
    assert asked(desk) == [(small.two, {"view": "vnis", "vnis": [small.vni], "limit": 7})]
    desk.ask("vxloomShow", view="fdb", vni="9", mac="02-00-00-00-00-0A", zone="z1")
    assert asked(desk) == [
        (host, {"view": "fdb", "vnis": [9], "macs": ["02:00:00:00:00:0a"], "limit": 1000}) for host in (small.one, small.two)
    ]
    desk.ask("vxloomShow", view="fdb", vm="web", vni="9", host="h2")
    assert asked(desk)[0][1]["vnis"] == []  # both: nothing is of both
    elsewhere = desk.zone("z2", vlan="6000-6001")
    desk.host(elsewhere, "h9")
    assert desk.ask("vxloomShow", view="fdb", zone="z2", vm="web")["show"]["hosts"] == 0


@pytest.mark.parametrize(
    "given",
    [
        {"view": "nothing"},
        {"view": "fdb", "limit": str(MOST + 1)},
        {"view": "fdb", "limit": "-1"},
        {"view": "fdb", "vni": "16777216"},
        {"view": "fdb", "mac": "ff:ff:ff:ff:ff:ff"},
        {"view": "fdb", "mac": "web"},
        {"view": "fdb", "vm": "nobody"},
        {"view": "fdb", "network": "idle"},
        {"view": "fdb", "host": "h77"},
    ],
)
def test_what_is_not_there_is_refused(desk: Desk, small: Small, given: dict[str, str]) -> None:
    desk.network(small.zone, "idle")  # it has no VNI before its first machine
    assert desk.refused("vxloomShow", **given).status == 431


def test_what_differs_is_left_off_last(desk: Desk, small: Small) -> None:
    plain = [{"vni": number} for number in range(10)]
    desk.hosts.answers |= {small.one: answer(*plain, total=50_000), small.two: answer(*plain[:3], {"vni": 3, "drift": "wrong"}, wrong=1)}
    told = desk.ask("vxloomShow", view="vnis", limit="3")["show"]
    assert told["total"] == 50_004
    assert [(row["host"], row["vni"]) for row in told["row"]] == [("h1", 0), ("h1", 1), ("h2", 3)]


def test_tenants_may_not_ask(desk: Desk) -> None:
    assert desk.tenant("red").refused("vxloomShow", view="fdb").status in {401, 432}


def test_simulated_hosts_have_nothing_to_show(desk: Desk) -> None:
    zone = desk.zone()
    pod = desk.ask("listPods", zoneid=zone)["pod"][0]["id"]
    desk.ask("addCluster", zoneid=zone, podid=pod, clustername="sims", clustertype="CloudManaged", hypervisor="Simulator")
    desk.ask("addHost", hypervisor="Simulator", url="http://s1", zoneid=zone, podid=pod, clustername="sims")
    assert desk.ask("vxloomShow", view="vnis")["show"]["hosts"] == 0
