"""A machine and the paths between hosts that carry less than its networks need: warned of, or refused, by setting."""

from __future__ import annotations

import json

import pytest

from tests.unit.api.desk import Desk, RefusedError
from vxloom.server.lifecycle import narrow
from vxloom.store import records


def measure(desk: Desk, **limits: int) -> None:
    """Have all paths measured: well but for these, ``h1_h2=1437``."""
    with desk.store.read() as rx:
        hosts = {host.name: host for host in rx.all(records.Host)}
    for name, host in hosts.items():
        paths = []
        for other, remote in hosts.items():
            limit = limits.get(f"{name}_{other}", 1500)
            if other != name:
                paths.append({"remote": remote.vtep, "needed": 1500, "reached": limit > 0, "limit": limit, "sent": 32})
        desk.hosts.answers[host.id] = json.dumps({"findings": [], "listening": True, "paths": paths}).encode()
    desk.ask("vxloomDiagnose", paths="true")


def warnings(desk: Desk) -> list[str]:
    return [row["description"] for row in desk.ask("listAlerts", name=narrow.ALERT).get("alert", [])]


@pytest.fixture
def hosts(desk: Desk, zone: str) -> dict[str, str]:
    """Three hosts that share a network, so that the ways between them are measured."""
    made = {name: desk.host(zone, name) for name in ("h1", "h2", "h3")}
    mesh = desk.network(zone, "mesh")["id"]
    for name, host in made.items():
        desk.deploy(zone, mesh, f"mesh-{name}", hostid=host)
    return made


def test_a_machine_is_warned_of_and_the_warning_goes_with_its_cause(desk: Desk, zone: str, hosts: dict[str, str]) -> None:
    network = desk.network(zone)["id"]
    desk.deploy(zone, network, "a", hostid=hosts["h1"])
    measure(desk, h1_h2=1437)
    b = desk.deploy(zone, network, "b", hostid=hosts["h2"])
    word = "its path from h1 to h2 (192.0.2.2) carries packets of 1437 bytes, network n1 needs 1500"
    assert b["narrowpath"] == word
    assert warnings(desk) == [f"instance b: {word}: large packets vanish; see vxloom doctor --paths, or start it elsewhere"]
    assert [row["description"] for row in desk.ask("listEvents", type="VM.CREATE", level="WARN")["event"]] == [
        f"Started instance b on host h2, but {word}"
    ]
    measure(desk)
    assert warnings(desk) == []
    measure(desk, h1_h2=1437)
    desk.do("stopVirtualMachine", id=b["id"])
    desk.do("startVirtualMachine", id=b["id"], hostid=hosts["h2"])
    assert len(warnings(desk)) == 1
    desk.do("migrateVirtualMachine", virtualmachineid=b["id"], hostid=hosts["h3"])
    assert warnings(desk) == []
    moved = desk.do("migrateVirtualMachine", virtualmachineid=b["id"], hostid=hosts["h2"])["virtualmachine"]
    assert moved["narrowpath"] == word
    desk.do("stopVirtualMachine", id=b["id"])
    assert warnings(desk) == []


def test_the_host_with_a_narrow_path_is_the_last_choice(desk: Desk, zone: str, hosts: dict[str, str]) -> None:
    network = desk.network(zone)["id"]
    desk.deploy(zone, network, "a", hostid=hosts["h1"])
    measure(desk, h2_h1=0)
    assert [desk.deploy(zone, network, name)["hostname"] for name in ("b", "c")] == ["h3", "h1"]
    other = desk.network(zone, "n2")["id"]
    assert desk.deploy(zone, other, "d")["hostname"] == "h2", "nobody of this network is at the other end"
    measure(desk, h2_h1=0, h1_h3=0, h3_h1=0)
    assert {desk.deploy(zone, network, name)["hostname"] for name in ("e", "f", "g")} >= {"h2", "h3"}, "they do not pile up on h1"


def test_it_is_refused_where_that_is_wanted_with_hosts_and_bytes(desk: Desk, zone: str, hosts: dict[str, str]) -> None:
    network = desk.network(zone)["id"]
    desk.deploy(zone, network, "a", hostid=hosts["h1"])
    b = desk.deploy(zone, network, "b", hostid=hosts["h2"])
    desk.do("stopVirtualMachine", id=b["id"])
    measure(desk, h1_h2=1437)
    desk.ask("updateConfiguration", name="vxloom.path.mtu.check", value="refuse")
    refused = desk.refused("startVirtualMachine", id=b["id"], hostid=hosts["h2"])
    assert refused.status == 533
    assert "its path from h1 to h2 (192.0.2.2) carries packets of 1437 bytes, network n1 needs 1500" in refused.text
    assert desk.ask("listVirtualMachines", id=b["id"])["virtualmachine"][0]["state"] == "Stopped"
    with pytest.raises(RefusedError):
        desk.deploy(zone, network, "c", hostid=hosts["h2"])
    assert "virtualmachine" not in desk.ask("listVirtualMachines", name="c"), "nothing is left of it"
    assert desk.do("startVirtualMachine", id=b["id"])["virtualmachine"]["hostname"] == "h3", "another host is chosen"
    assert desk.refused("migrateVirtualMachine", virtualmachineid=b["id"], hostid=hosts["h2"]).status == 533
    found = desk.ask("findHostsForMigration", virtualmachineid=b["id"])["host"]
    assert {row["name"]: row["suitableformigration"] for row in found} == {"h1": True, "h2": False}
    desk.ask("updateConfiguration", name="vxloom.path.mtu.check", value="off")
    assert "narrowpath" not in desk.do("migrateVirtualMachine", virtualmachineid=b["id"], hostid=hosts["h2"])["virtualmachine"]


def test_a_nic_of_a_machine_that_is_up_is_warned_of_or_refused_too(desk: Desk, zone: str, hosts: dict[str, str]) -> None:
    one, other = desk.network(zone)["id"], desk.network(zone, "n2")["id"]
    desk.deploy(zone, one, "a", hostid=hosts["h1"])
    b = desk.deploy(zone, other, "b", hostid=hosts["h2"])
    measure(desk, h1_h2=1437)
    desk.ask("updateConfiguration", name="vxloom.path.mtu.check", value="refuse")
    refused = desk.refused("addNicToVirtualMachine", virtualmachineid=b["id"], networkid=one)
    assert refused.status == 533
    assert "1437" in refused.text
    assert len(desk.ask("listNics", virtualmachineid=b["id"])["nic"]) == 1
    desk.ask("updateConfiguration", name="vxloom.path.mtu.check", value="warn")
    added = desk.do("addNicToVirtualMachine", virtualmachineid=b["id"], networkid=one)["virtualmachine"]
    assert "1437" in added["narrowpath"]
    assert len(warnings(desk)) == 1


def test_a_machine_that_moves_away_is_nobody_to_reach(desk: Desk, zone: str, hosts: dict[str, str]) -> None:
    alone = desk.deploy(zone, desk.network(zone)["id"], "a", hostid=hosts["h1"])
    measure(desk, h1_h2=1437)
    moved = desk.do("migrateVirtualMachine", virtualmachineid=alone["id"], hostid=hosts["h2"])["virtualmachine"]
    assert "narrowpath" not in moved
    assert warnings(desk) == []


def test_a_tenant_is_not_told_of_hosts(desk: Desk, zone: str, hosts: dict[str, str]) -> None:
    red = desk.tenant("red")
    network = red.network(zone)["id"]
    red.deploy(zone, network, "a")
    measure(desk, **{f"{one}_{other}": 1400 for one in hosts for other in hosts if one != other})
    for number in range(3):
        assert "narrowpath" not in red.deploy(zone, network, f"b{number}")
    assert len(warnings(desk)) == 3
    assert not any("path" in row["description"] for row in red.ask("listEvents")["event"])


def test_what_was_measured_long_ago_or_to_one_who_is_away_does_not_count(
    desk: Desk, zone: str, hosts: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = desk.network(zone)["id"]
    desk.deploy(zone, network, "a", hostid=hosts["h1"])
    desk.hosts.up.discard(hosts["h2"])
    measure(desk, h1_h2=0, h3_h2=0)
    desk.hosts.up.add(hosts["h2"])
    b = desk.deploy(zone, network, "b", hostid=hosts["h2"])
    assert "narrowpath" not in b
    measure(desk, h1_h2=1437)
    monkeypatch.setattr(narrow, "KEPT", -1.0)
    assert "narrowpath" not in desk.deploy(zone, network, "c", hostid=hosts["h2"])
