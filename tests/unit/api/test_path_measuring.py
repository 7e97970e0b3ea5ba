"""Which paths the server has measured, how fast, how much of all that is; and its own measurements."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from tests.unit.api.desk import Desk
from vxloom.model.wire import FINDINGS, PATHS
from vxloom.server.diagnosis import PathRounds
from vxloom.store import records

HOSTS = 12
ALL = HOSTS * (HOSTS - 1)


@dataclass
class Fabric:
    """Hosts that share a network, and answer as agents do; some directions are narrow."""

    desk: Desk
    hosts: list[str] = field(default_factory=list)
    vteps: dict[str, str] = field(default_factory=dict)
    narrow: set[tuple[str, str]] = field(default_factory=set)
    measured: list[tuple[str, str]] = field(default_factory=list)
    rates: set[float] = field(default_factory=set)

    def answer(self, host: str, what: str, timeout: float, about: bytes = b"") -> bytes:
        if what == FINDINGS:
            return b'{"findings": []}'
        if what != PATHS:
            return b'{"listening": true, "heard": []}'
        asked = json.loads(about)
        self.rates.add(asked["rate"])
        ids = {vtep: identity for identity, vtep in self.vteps.items()}
        self.measured += [(host, ids[remote]) for remote in asked["remotes"]]
        limits = {remote: 1400 if (host, ids[remote]) in self.narrow else 1500 for remote in asked["remotes"]}
        paths = [{"remote": remote, "needed": 1500, "reached": True, "limit": limit, "sent": 32} for remote, limit in limits.items()]
        return json.dumps({"paths": paths}).encode()

    def alerts(self) -> list[str]:
        return sorted(row["name"] for row in self.desk.ask("listAlerts").get("alert", []))


@pytest.fixture
def fabric(desk: Desk, zone: str) -> Fabric:
    made = Fabric(desk)
    network = desk.network(zone)["id"]
    for number in range(HOSTS):
        made.hosts.append(desk.host(zone, f"h{number}"))
        desk.deploy(zone, network, f"vm{number}", hostid=made.hosts[-1])
    with desk.store.read() as rx:
        made.vteps = {host.id: host.vtep for host in rx.all(records.Host)}
    desk.hosts.ask = made.answer  # type: ignore[method-assign]
    return made


def test_all_are_measured_where_there_are_no_more_than_the_sample(fabric: Fabric) -> None:
    told = fabric.desk.ask("vxloomDiagnose", paths="true")["diagnosis"]
    assert len(set(fabric.measured)) == len(fabric.measured) == ALL
    assert fabric.rates == {1000.0}
    assert {key: told["coverage"][key] for key in ("measured", "total", "hosts", "sent", "heard")} == {
        "measured": ALL,
        "total": ALL,
        "hosts": HOSTS,
        "sent": HOSTS,
        "heard": HOSTS,
    }


def test_a_sample_says_how_much_of_all_it_is_and_can_be_had_again(fabric: Fabric) -> None:
    told = fabric.desk.ask("vxloomDiagnose", paths="true", sample="40")["diagnosis"]
    first, fabric.measured = sorted(fabric.measured), []
    assert len(first) == told["coverage"]["measured"] == 40
    assert (told["coverage"]["total"], told["coverage"]["sent"], told["coverage"]["heard"]) == (ALL, HOSTS, HOSTS)
    fabric.desk.ask("vxloomDiagnose", paths="true", sample="40", seed=told["coverage"]["seed"])
    assert sorted(fabric.measured) == first
    assert fabric.desk.refused("vxloomDiagnose", paths="true", sample="0").status == 431


def test_the_settings_say_how_many_and_how_fast(fabric: Fabric) -> None:
    fabric.desk.ask("updateConfiguration", name="vxloom.path.sample", value="30")
    fabric.desk.ask("updateConfiguration", name="vxloom.path.rate", value="50")
    assert fabric.desk.ask("vxloomDiagnose", paths="true")["diagnosis"]["coverage"]["measured"] == 30
    assert fabric.rates == {50.0}


def test_one_host_alone_sends_and_its_peers_answer(fabric: Fabric) -> None:
    told = fabric.desk.ask("vxloomDiagnose", paths="true", hostid=fabric.hosts[0])["diagnosis"]
    assert told["hosts"] == 1
    assert {row["host"] for row in told["path"]} == {"h0"}
    assert (told["coverage"]["measured"], told["coverage"]["sent"], told["coverage"]["heard"]) == (HOSTS - 1, 1, HOSTS - 1)


def test_hosts_that_are_away_or_share_nothing_are_not_counted(fabric: Fabric, zone: str) -> None:
    fabric.desk.host(zone, "alone")
    fabric.desk.hosts.up.discard(fabric.hosts[0])
    coverage = fabric.desk.ask("vxloomDiagnose", paths="true")["diagnosis"]["coverage"]
    assert (coverage["total"], coverage["hosts"]) == ((HOSTS - 1) * (HOSTS - 2), HOSTS - 1)


def test_the_server_measures_by_itself_and_again_what_was_wrong(fabric: Fabric) -> None:
    now = 0.0
    fabric.desk.ask("updateConfiguration", name="vxloom.path.sample", value="24")
    rounds = PathRounds(fabric.desk.store, fabric.desk.hosts, clock=lambda: now)

    def until(time: float) -> int:
        nonlocal now
        now = time
        fabric.measured.clear()
        while rounds.turn():
            pass
        return len(fabric.measured)

    assert until(3599) == 0
    assert until(3600) == 24
    assert until(7000) == 0
    bad = (fabric.hosts[3], fabric.hosts[7])
    fabric.narrow = {bad}
    for time in range(7200, 7200 + 200 * 3600, 3600):  # it comes into the sample by chance
        until(time)
        if fabric.alerts():
            break
    assert fabric.alerts() == ["path-mtu-hole"]
    assert until(now + 3600) == 24
    assert bad in fabric.measured
    assert fabric.alerts() == ["path-mtu-hole"]
    fabric.narrow = set()
    until(now + 3600)
    assert fabric.alerts() == []
    fabric.desk.ask("updateConfiguration", name="vxloom.path.interval", value="0")
    assert until(now + 100_000) == 0
