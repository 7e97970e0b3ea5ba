"""Packets of a host through the API: what is asked of the agent, what comes back, and who may ask."""

from __future__ import annotations

import base64

import msgspec

from tests.unit.api.desk import Desk
from vxloom.cli.captured import Answer
from vxloom.model.capture import Captured, CaptureOrder, Known
from vxloom.model.wire import CAPTURE

CAPTURED = Captured(
    pcap=b"packets",
    packets=3,
    pushed_out=1,
    dropped=2,
    seconds=1.5,
    ended="packets",
    device="eth0",
    order=CaptureOrder(vnis=(5001,)),
    known=Known(vtep="192.0.2.1", vteps=("192.0.2.1", "192.0.2.2"), segments={5001: (0, 1)}),
)


def asked(desk: Desk) -> CaptureOrder:
    _, what, about = desk.hosts.asked[-1]
    assert what == CAPTURE
    return msgspec.json.decode(about, type=CaptureOrder)


def test_what_a_host_captured_comes_back_whole(desk: Desk) -> None:
    host = desk.host(desk.zone(), "h1")
    desk.hosts.answers[host] = msgspec.json.encode(CAPTURED)
    told = desk.ask("vxloomCapture", name="h1", seconds="5", packets="7", size="5000", snap="128", vni="5001", device="eth1")["capture"]
    assert asked(desk) == CaptureOrder(seconds=5, packets=7, size=5000, snap=128, vnis=(5001,), device="eth1")
    assert base64.b64decode(told["pcap"]) == b"packets"
    assert msgspec.convert(told, Answer).captured() == CAPTURED
    assert [event["description"] for event in desk.ask("listEvents", type="HOST.CAPTURE")["event"]] == [
        "Captured tunnel packets on host h1"
    ]


def test_what_is_out_of_bounds_is_refused_and_nobody_is_asked(desk: Desk) -> None:
    desk.host(desk.zone(), "h1")
    for wrong in (
        {"seconds": "61"},
        {"packets": "0"},
        {"size": "9000000"},
        {"vni": "16777216"},
        {"device": "-w"},
        {"virtualmachine": "none"},
    ):
        assert desk.refused("vxloomCapture", name="h1", **wrong).status == 431
    assert desk.hosts.asked == []


def test_a_host_that_is_away_or_too_old_is_said(desk: Desk) -> None:
    zone = desk.zone()
    host = desk.host(zone, "h1")
    desk.hosts.answers[host] = b'{"plan": "nothing to do"}'  # an agent that is older than the question
    refused = desk.refused("vxloomCapture", id=host)
    assert refused.status == 534
    assert "upgrade its agent" in refused.text
    desk.hosts.up.discard(host)
    refused = desk.refused("vxloomCapture", id=host)
    assert refused.status == 534
    assert "no stream" in refused.text


def test_only_an_operator_may_look_into_guests_packets(desk: Desk) -> None:
    desk.host(desk.zone(), "h1")
    domain = desk.ask("createDomain", name="a")["domain"]["id"]
    for kind in (0, 2):
        tenant = desk.tenant(f"t{kind}", domainid=domain, accounttype=kind)
        assert tenant.refused("vxloomCapture", name="h1").status in {401, 432}
    assert desk.hosts.asked == []
