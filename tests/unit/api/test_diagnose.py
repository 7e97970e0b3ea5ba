"""What hosts find, gathered by the server."""

from __future__ import annotations

import json

from tests.unit.api.desk import Desk

DRIFT = {
    "host": "called-otherwise",
    "findings": [
        {"code": "suppression-off", "severity": "warning", "title": "t", "where": "vxlan5001"},
        {"code": "fdb-missing", "severity": "error", "title": "t", "where": "vxlan5001", "explains": ["x y"]},
    ],
    "unknown": {"filters": "no library"},
}


def test_findings_of_all_hosts_the_worst_first(desk: Desk) -> None:
    zone = desk.zone()
    one, two = desk.host(zone, "h1"), desk.host(zone, "h2")
    desk.hosts.answers |= {one: json.dumps(DRIFT).encode(), two: b'{"host": "h2", "findings": []}'}
    told = desk.ask("vxloomDiagnose")["diagnosis"]
    assert told["hosts"] == 2
    assert [(row["host"], row["code"]) for row in told["finding"]] == [("h1", "fdb-missing"), ("h1", "suppression-off")]
    assert told["finding"][0]["explains"] == ["x y"]
    assert told["unknown"] == [{"host": "h1", "what": "filters", "why": "no library"}]
    assert desk.ask("vxloomDiagnose", hostid=two)["diagnosis"]["hosts"] == 1


def test_a_host_that_does_not_answer_is_a_finding(desk: Desk) -> None:
    zone = desk.zone()
    one, two = desk.host(zone, "h1"), desk.host(zone, "h2")
    desk.hosts.answers[one] = b'{"plan": "nothing to do"}'  # an agent that is older than the question
    desk.hosts.up.discard(two)
    found = desk.ask("vxloomDiagnose", zoneid=zone)["diagnosis"]["finding"]
    assert [(row["host"], row["code"]) for row in found] == [("h1", "host-silent"), ("h2", "host-away")]
    assert "upgrade" in found[0]["seen"]


def test_simulated_hosts_have_nothing_to_find(desk: Desk) -> None:
    zone = desk.zone()
    pod = desk.ask("listPods", zoneid=zone)["pod"][0]["id"]
    desk.ask("addCluster", zoneid=zone, podid=pod, clustername="sims", clustertype="CloudManaged", hypervisor="Simulator")
    desk.ask("addHost", hypervisor="Simulator", url="http://s1", zoneid=zone, podid=pod, clustername="sims")
    assert desk.ask("vxloomDiagnose", zoneid=zone)["diagnosis"]["hosts"] == 0


def test_a_zone_that_is_not_there_is_refused(desk: Desk) -> None:
    assert desk.refused("vxloomDiagnose", zoneid="8a4f7a5e-0000-4000-8000-000000000000").status == 431
