"""What hosts find as alerts: one while a fault lasts, none when it is cured, whoever looked, whatever was restarted between."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import pairwise
from threading import Thread

import pytest

from tests.unit.api.desk import Desk
from vxloom.server.diagnosis import Rounds
from vxloom.store import records

INTERVAL = 300.0
MTU = {"code": "underlay-mtu-low", "severity": "error", "title": "the underlay's MTU is too small", "where": "eth0", "remedy": "raise it"}
ROW = {"code": "fdb-missing", "severity": "error", "title": "the FDB lacks a MAC", "where": "vxlan5001", "seen": "not there"}


@dataclass
class Fleet:
    """A zone, its hosts, and the server's rounds under a clock of the test's."""

    desk: Desk
    now: float = 1000.0
    zone: str = ""
    rounds: Rounds = field(init=False)

    def __post_init__(self) -> None:
        self.zone = self.desk.zone()
        self.restart()

    def restart(self) -> None:
        self.rounds = Rounds(self.desk.store, self.desk.hosts, clock=lambda: self.now)

    def host(self, name: str) -> str:
        host = self.desk.host(self.zone, name)
        self.say(host)
        return host

    def say(self, host: str, *findings: dict[str, str], unknown: dict[str, str] | None = None) -> None:
        self.desk.hosts.answers[host] = json.dumps({"findings": findings, "unknown": unknown or {}}).encode()

    def pass_time(self, seconds: float = 2.5 * INTERVAL) -> None:
        """Let the rounds go on: all hosts are looked at, and all together."""
        until = self.now + seconds
        while self.now < until:
            while self.rounds.turn():
                pass
            self.now += 1

    def alerts(self, **more: str) -> list[tuple[str, str]]:
        listed = self.desk.ask("listAlerts", **more).get("alert", [])
        return sorted((row["name"], row["description"]) for row in listed if row["name"] != "zone.mixed")

    def events(self) -> list[tuple[str, str]]:
        return [
            (row["level"], row["description"]) for row in self.desk.ask("listEvents", type="HOST.FINDING", listall="true").get("event", [])
        ]


@pytest.fixture
def fleet(desk: Desk) -> Fleet:
    return Fleet(desk)


def test_a_fault_is_one_alert_while_it_lasts_and_none_when_it_is_cured(fleet: Fleet) -> None:
    one = fleet.host("h1")
    fleet.host("h2")
    fleet.pass_time()
    assert fleet.alerts() == []
    fleet.say(one, MTU, ROW)
    fleet.pass_time()
    mtu = ("underlay-mtu-low", "host h1: the underlay's MTU is too small (eth0); to do: raise it")
    row = ("fdb-missing", "host h1: the FDB lacks a MAC (vxlan5001): seen not there; to do: ")
    assert fleet.alerts() == [(name, text.rstrip()) for name, text in (row, mtu)]
    first = fleet.desk.ask("listAlerts", name="underlay-mtu-low")["alert"]
    fleet.pass_time()
    assert fleet.desk.ask("listAlerts", name="underlay-mtu-low")["alert"] == first, "found again is not raised again"
    fleet.say(one, ROW)
    fleet.pass_time()
    assert [name for name, _ in fleet.alerts()] == ["fdb-missing"]
    assert fleet.alerts(resolved="true") == [mtu]
    assert sorted(level for level, _ in fleet.events()) == ["ERROR", "ERROR", "INFO"]


def test_each_host_is_asked_once_in_an_interval_and_never_all_at_a_time(fleet: Fleet) -> None:
    asked: list[tuple[str, float]] = []
    ask = fleet.desk.hosts.ask

    def noted(host: str, what: str, timeout: float, about: bytes = b"") -> bytes:
        asked.append((host, fleet.now))
        return ask(host, what, timeout, about)

    fleet.desk.hosts.ask = noted  # type: ignore[method-assign]
    hosts = [fleet.host(f"h{number}") for number in range(1, 31)]
    fleet.pass_time(INTERVAL + 1)
    assert sorted({host for host, _ in asked}) == sorted(hosts)
    assert len({at for _, at in asked}) > len(hosts) / 2, "spread over the interval"
    assert min(at for _, at in asked) >= 1000 + INTERVAL / 2, "none while a server that has just started has other things to do"
    fleet.pass_time(4 * INTERVAL)
    times = {host: [at for other, at in asked if other == host] for host in hosts}
    assert all(INTERVAL <= later - earlier <= INTERVAL + 1 for each in times.values() for earlier, later in pairwise(each))


def test_an_interval_of_0_means_never(fleet: Fleet) -> None:
    one = fleet.host("h1")
    fleet.desk.ask("updateConfiguration", name="vxloom.doctor.interval", value="0")
    fleet.say(one, MTU)
    fleet.pass_time()
    assert fleet.alerts() == []
    fleet.desk.ask("updateConfiguration", name="vxloom.doctor.interval", value="10")
    fleet.pass_time(30)
    assert len(fleet.alerts()) == 1


def test_a_restarted_server_goes_on_with_the_alerts_it_finds(fleet: Fleet) -> None:
    one = fleet.host("h1")
    fleet.say(one, MTU)
    fleet.pass_time()
    [before] = fleet.desk.ask("listAlerts")["alert"]
    fleet.restart()
    fleet.pass_time()
    assert fleet.desk.ask("listAlerts")["alert"] == [before]
    fleet.restart()
    fleet.say(one)
    fleet.pass_time()
    assert fleet.alerts() == []


def test_two_that_look_at_the_same_time_raise_it_once(fleet: Fleet) -> None:
    one = fleet.host("h1")
    fleet.say(one, MTU)
    other = Rounds(fleet.desk.store, fleet.desk.hosts, clock=lambda: fleet.now)
    for _ in range(700):
        threads = [Thread(target=rounds.turn) for rounds in (fleet.rounds, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        fleet.now += 1
    assert len(fleet.alerts()) == 1
    assert [level for level, _ in fleet.events()] == ["ERROR"]


def test_a_host_that_says_nothing_or_cannot_look_proves_nothing(fleet: Fleet) -> None:
    one = fleet.host("h1")
    fleet.say(one, MTU)
    fleet.pass_time()
    fleet.say(one, unknown={"devices": "no netlink"})
    fleet.pass_time()
    assert [name for name, _ in fleet.alerts()] == ["underlay-mtu-low"]
    fleet.desk.hosts.up.discard(one)
    fleet.pass_time()
    assert [name for name, _ in fleet.alerts()] == ["underlay-mtu-low"], "that it is away has an alert of the gateway's"
    fleet.desk.hosts.up.add(one)
    fleet.say(one)
    fleet.pass_time()
    assert fleet.alerts() == []


def test_a_host_that_does_not_answer_is_an_alert_only_when_it_does_so_again(fleet: Fleet) -> None:
    one = fleet.host("h1")
    fleet.host("h2")
    fleet.pass_time()
    fleet.desk.hosts.answers[one] = b"{}"
    fleet.pass_time()
    assert [name for name, _ in fleet.alerts()] == ["host-silent"]
    fleet.say(one)
    fleet.pass_time()
    assert fleet.alerts() == []


def test_nothing_is_wrong_on_a_host_that_is_no_more(fleet: Fleet) -> None:
    one = fleet.host("h1")
    fleet.host("h2")
    fleet.say(one, MTU)
    fleet.pass_time()
    with fleet.desk.store.write("test") as tx:
        tx.delete(records.Host, one)
    fleet.desk.hosts.up.discard(one)
    fleet.pass_time()
    assert fleet.alerts() == []


def test_what_a_person_asks_for_feeds_the_alerts_too(fleet: Fleet) -> None:
    one, two = fleet.host("h1"), fleet.host("h2")
    fleet.say(one, MTU)
    fleet.say(two, ROW)
    fleet.desk.ask("vxloomDiagnose", hostid=one)
    assert [name for name, _ in fleet.alerts()] == ["underlay-mtu-low"]
    fleet.desk.ask("vxloomDiagnose")
    fleet.say(one)
    fleet.desk.ask("vxloomDiagnose", hostid=two)
    assert len(fleet.alerts()) == 2, "another host was asked"
    fleet.desk.ask("vxloomDiagnose")
    assert [name for name, _ in fleet.alerts()] == ["fdb-missing"]


def test_a_way_is_well_again_when_it_was_measured_again(fleet: Fleet) -> None:
    one, two = fleet.host("h1"), fleet.host("h2")
    network = fleet.desk.network(fleet.zone)["id"]
    for number, host in enumerate((one, two)):
        fleet.desk.deploy(fleet.zone, network, f"vm{number}", hostid=host)
    with fleet.desk.store.read() as rx:
        vteps = {host.id: host.vtep for host in rx.all(records.Host)}

    def measured(host: str, other: str, limit: int) -> None:
        path = {"remote": vteps[other], "needed": 1550, "reached": True, "limit": limit, "sent": 32}
        fleet.desk.hosts.answers[host] = json.dumps({"findings": [], "listening": True, "paths": [path]}).encode()

    measured(one, two, 1400)
    measured(two, one, 1550)
    fleet.desk.ask("vxloomDiagnose", paths="true")
    [(name, text)] = fleet.alerts()
    assert name == "path-mtu-hole"
    assert "1400 bytes" in text
    measured(one, two, 1550)
    fleet.desk.ask("vxloomDiagnose")
    fleet.pass_time()
    assert len(fleet.alerts()) == 1, "nobody has measured"
    fleet.desk.ask("vxloomDiagnose", hostid=two, paths="true")
    assert len(fleet.alerts()) == 1, "the other way was measured"
    fleet.desk.ask("vxloomDiagnose", hostid=one, paths="true")
    assert fleet.alerts() == []


def test_a_host_with_a_thousand_broken_networks_is_some_alerts_and_one_that_says_there_are_more(fleet: Fleet) -> None:
    one = fleet.host("h1")
    everywhere = [ROW | {"where": f"vxlan{number}"} for number in range(5000, 6000)]
    fleet.say(one, *everywhere)
    fleet.pass_time()
    before = fleet.alerts()
    assert len(before) == 17
    assert any("more places" in text for _, text in before)
    fleet.say(one, *reversed(everywhere[10:]))
    fleet.pass_time()
    fleet.say(one, *everywhere[:3])
    fleet.pass_time()
    assert len(fleet.alerts()) == 3
    fleet.say(one)
    fleet.pass_time()
    assert fleet.alerts() == []


def test_an_alert_that_was_put_aside_is_not_raised_anew_while_it_lasts(fleet: Fleet) -> None:
    one = fleet.host("h1")
    fleet.say(one, MTU)
    fleet.pass_time()
    [alert] = fleet.desk.ask("listAlerts")["alert"]
    fleet.desk.ask("archiveAlerts", ids=alert["id"])
    fleet.pass_time()
    assert fleet.alerts() == []


def test_a_note_is_no_alert(fleet: Fleet) -> None:
    one = fleet.host("h1")
    fleet.say(one, MTU | {"severity": "note"})
    fleet.pass_time()
    assert fleet.alerts() == []
