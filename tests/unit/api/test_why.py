"""Whom the server asks when two machines are said not to talk, and what it says where nobody needs to be asked."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.unit.api.desk import Desk
from vxloom.doctor.why.evidence import Sight, Slice
from vxloom.errors import TransportError
from vxloom.model.packet import Act, Entry, Order, Seen, Sent
from vxloom.model.pair import Pair
from vxloom.model.wire import PACKET, WHY


@pytest.fixture
def zone(desk: Desk) -> str:
    return desk.zone()


@pytest.fixture
def two(desk: Desk, zone: str) -> tuple[str, str]:
    """Machines a and b on hosts of their own, in one network."""
    one, other = desk.host(zone, "h1"), desk.host(zone, "h2")
    network = desk.network(zone, "n1")
    desk.deploy(zone, network["id"], "a", hostid=one)
    desk.deploy(zone, network["id"], "b", hostid=other)
    return one, other


def why(desk: Desk, one: str, other: str) -> dict[str, Any]:
    told: dict[str, Any] = desk.ask("vxloomWhy", **{"from": one, "to": other})["why"]
    return told


def test_each_host_is_asked_about_its_own(desk: Desk, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Pair] = {}

    def answer(host: str, what: str, timeout: float, about: bytes) -> bytes:
        assert what == WHY
        asked[host] = msgspec.json.decode(about, type=Pair)
        return msgspec.json.encode(Sight(host="called-otherwise", seen=Slice(), wanted=Slice(), taps={asked[host].here[0]: "t"}))

    monkeypatch.setattr(desk.hosts, "ask", answer)
    told = why(desk, "a", "B")
    assert {host: pair.here for host, pair in asked.items()} == {two[0]: (0,), two[1]: (1,)}
    pair = asked[two[0]]
    assert [(end.vm, end.host, end.vtep) for end in pair.ends] == [("a", "h1", "192.0.2.1"), ("b", "h2", "192.0.2.2")]
    assert all(end.ips and end.mac for end in pair.ends)
    assert told["reach"] == "no"
    assert {step["host"] for step in told["ways"][0]["steps"]} == {"h1", "h2"}


def test_no_host_sends_before_all_look(desk: Desk, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[Order] = []

    def answer(host: str, what: str, timeout: float, about: bytes) -> bytes:
        if what == WHY:
            return msgspec.json.encode(
                Sight(host="h", seen=Slice(), wanted=Slice(), taps={msgspec.json.decode(about, type=Pair).here[0]: "t"})
            )
        orders.append(msgspec.json.decode(about, type=Order))
        assert what == PACKET
        if orders[-1].act is Act.SEND:
            return msgspec.json.encode(Sent(dict.fromkeys(orders[-1].pair.here, Entry.CARD)))
        if host == two[1] and orders[-1].act is Act.WATCH:
            raise TransportError("packets are followed here for somebody else")
        return msgspec.json.encode(Seen(()))

    monkeypatch.setattr(desk.hosts, "ask", answer)
    told = desk.ask("vxloomWhy", **{"from": "a", "to": "b"}, packet="true")["why"]
    assert [order.act for order in orders] == [Act.WATCH] * 2 + [Act.SEND, Act.TELL]
    assert len({order.mark for order in orders}) == 1
    (last,) = [step for step in told["ways"][0]["steps"] if step["place"] == "packets of a"]
    assert "none of 3 came in by its tap" in last["seen"]
    (last,) = [step for step in told["ways"][1]["steps"] if step["place"] == "packets of b"]
    assert last["seen"] == "none was sent: packets are followed here for somebody else"
    orders.clear()
    desk.hosts.up.clear()
    desk.ask("vxloomWhy", **{"from": "a", "to": "b"}, packet="true")
    assert orders == [], "who tells nothing of its kernel is not asked again"


def test_hosts_that_do_not_answer_are_told_with_the_reason(desk: Desk, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    desk.hosts.answers[two[0]] = b'{"plan": "nothing to do"}'  # an agent that is older than the question
    desk.hosts.up.discard(two[1])
    told = why(desk, "a", "b")
    assert told["reach"] == "unknown"
    steps = {step["host"]: step["seen"] for step in told["ways"][0]["steps"] if step["standing"] == "unknown"}
    assert "upgrade its agent" in steps["h1"]
    assert "no stream" in steps["h2"]

    def silence(*_: object) -> bytes:
        raise TransportError("the host did not answer in time")

    monkeypatch.setattr(desk.hosts, "ask", silence)
    assert "did not answer in time" in why(desk, "a", "b")["sentence"]


def test_machines_that_cannot_meet_need_no_host(desk: Desk, zone: str, two: tuple[str, str]) -> None:
    desk.deploy(zone, desk.network(zone, "n2")["id"], "c", hostid=two[0])
    desk.hosts.up.clear()
    told = why(desk, "a", "c")
    assert told["reach"] == "no"
    assert told["ways"] == []
    assert "they are in different segments" in told["sentence"]
    assert "a router between them is needed" in told["sentence"]


def test_names_that_mean_nobody_or_one_are_refused(desk: Desk, zone: str, two: tuple[str, str]) -> None:
    assert desk.refused("vxloomWhy", **{"from": "a", "to": "nobody"}).status == 431
    assert "one machine" in desk.refused("vxloomWhy", **{"from": "a", "to": "a"}).text


def test_a_name_of_several_machines_is_refused(desk: Desk, zone: str, two: tuple[str, str]) -> None:
    account = desk.ask("createAccount", email="e@example.org", firstname="f", lastname="l", password="p", username="u")
    assert account
    network = desk.network(zone, "n3", account="u", domainid=account["account"]["domainid"])
    desk.deploy(zone, network["id"], "a", hostid=two[0], account="u", domainid=account["account"]["domainid"])
    refused = desk.refused("vxloomWhy", **{"from": "a", "to": "b"})
    assert (refused.status, "Several objects are called a" in refused.text) == (431, True)
