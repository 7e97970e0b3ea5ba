"""Events and alerts over their life: their types, put aside, deleted; who may."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import vxloom
from tests.unit.api.desk import Desk
from vxloom.server.event_types import EVENT_TYPES
from vxloom.store import records

NOWHERE = "00000000-0000-4000-8000-000000000000"
NOT_EVENTS = {"ALERT.NETWORK.VLAN"}
"""Words of the same form: kinds of alerts."""


def kinds(desk: Desk, **more: str) -> list[str]:
    return [event["type"] for event in desk.ask("listEvents", **more).get("event", [])]


def test_every_type_is_listed_and_none_that_is_not_used(desk: Desk) -> None:
    assert [row["name"] for row in desk.ask("listEventTypes")["eventtype"]] == list(EVENT_TYPES)
    files = (path for path in (Path(vxloom.__file__).parent / "server").rglob("*.py") if path.name != "event_types.py")
    said = {word for file in files for word in re.findall(r'"((?:[A-Z]+\.)+[A-Z]+|[A-Z]+_TAGS)"', file.read_text())}
    assert set(EVENT_TYPES) == said - NOT_EVENTS
    assert desk.tenant("red").ask("listEventTypes")["count"] == len(EVENT_TYPES)


def test_events_put_aside_show_only_when_asked_for(desk: Desk) -> None:
    desk.zone()
    [event] = desk.ask("listEvents", type="ZONE.CREATE")["event"]
    assert event["archived"] is False
    assert desk.ask("archiveEvents", ids=event["id"])["success"] is True
    assert "ZONE.CREATE" not in kinds(desk)
    assert desk.ask("listEvents", type="ZONE.CREATE", archived="true")["event"] == [event | {"archived": True}]
    assert desk.ask("listEvents", id=event["id"])["count"] == 1
    [left] = desk.ask("listEvents", type="EVENT.ARCHIVE")["event"]
    assert (left["username"], left["description"]) == ("admin", "Archived 1 events")


def test_events_are_deleted_by_type_and_time(desk: Desk) -> None:
    desk.zone()
    desk.ask("deleteEvents", type="zone.edit", startdate="2000-01-01", enddate="2000-12-31")
    assert "ZONE.EDIT" in kinds(desk)
    desk.ask("deleteEvents", type="zone.edit")
    assert "ZONE.EDIT" not in kinds(desk, archived="true")
    assert "ZONE.CREATE" in kinds(desk)
    desk.ask("deleteEvents", enddate="2100-01-01")
    assert kinds(desk, archived="true") == ["EVENT.DELETE"]


def test_a_tenant_reaches_its_own_events_only(desk: Desk) -> None:
    red, zone = desk.tenant("red"), desk.zone()
    red.network(zone)
    [theirs] = desk.ask("listEvents", type="ZONE.CREATE")["event"]
    with desk.store.write("test") as tx:
        of_nobody = tx.event("ZONE.VLAN.ASSIGN", "of the system").id
    for command in ("archiveEvents", "deleteEvents"):
        for foreign in (theirs["id"], of_nobody):
            assert red.refused(command, ids=foreign).status == 431
        red.ask(command, enddate="2100-01-01")
        assert red.refused(command.replace("Events", "Alerts"), enddate="2100-01-01").status == 401
    assert "NETWORK.CREATE" not in kinds(desk, listall="true", archived="true")
    assert {"ZONE.CREATE", "ZONE.VLAN.ASSIGN"} <= set(kinds(desk, listall="true"))


@pytest.mark.parametrize("command", ["archiveEvents", "deleteEvents", "archiveAlerts", "deleteAlerts"])
def test_what_is_meant_has_to_be_said(desk: Desk, command: str) -> None:
    desk.zone()
    with desk.store.write("test") as tx:
        tx.alert("host.silent", "h1", "host h1 is silent")
        known = [tx.all(kind)[0].id for kind in (records.Event, records.Alert)]
    assert "either ids, type or enddate" in desk.refused(command).text
    assert "enddate" in desk.refused(command, ids=NOWHERE, startdate="2000-01-01").text
    for unknown in (NOWHERE, "x", f"{known['Alerts' in command]},{NOWHERE}"):
        assert desk.refused(command, ids=unknown).status == 431
    with desk.store.read() as rx:
        assert [rx.get(kind, id_) for kind, id_ in zip((records.Event, records.Alert), known, strict=True)].count(None) == 0
        assert rx.count(records.Event, archived=True) == rx.count(records.Alert, archived=True) == 0


def test_an_alert_put_aside_is_not_raised_anew_while_it_lasts(desk: Desk) -> None:
    def alert() -> None:
        with desk.store.write("test") as tx:
            tx.alert("host.silent", "h1", "host h1 is silent")

    alert()
    [row] = desk.ask("listAlerts")["alert"]
    desk.ask("archiveAlerts", ids=row["id"])
    alert()
    assert desk.ask("listAlerts") == {}
    assert desk.ask("listAlerts", archived="true")["alert"] == [row]
    with desk.store.write("test") as tx:
        tx.resolve_alert("host.silent", "h1")
    alert()
    assert desk.ask("listAlerts")["count"] == 1
    desk.ask("deleteAlerts", type="HOST.SILENT")
    assert desk.ask("listAlerts") == {}
    alert()
    desk.ask("deleteAlerts", type="0", enddate="2100-01-01")
    assert desk.ask("listAlerts") == {}


def test_an_event_of_nobody_is_listed_for_root_although_there_are_projects(desk: Desk) -> None:
    with desk.store.write("test") as tx:
        of_nobody = tx.event("HOST.HEALTH", "host h1: cpu at 99 °C").id
    desk.ask("createProject", name="p1", displaytext="p1")
    assert [event["id"] for event in desk.ask("listEvents", type="HOST.HEALTH", listall="true")["event"]] == [of_nobody]
