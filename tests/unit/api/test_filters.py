"""No filter lets everything through: a script that lists by it and deletes what it got must not delete the rest.

The walk is driven by the commands' own declarations, so a new filter is tried from its first day.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.api.desk import Desk
from tests.unit.api.walk import NOBODY, Town, filled
from vxloom.server.absent import Absent
from vxloom.server.command import registry
from vxloom.server.parameters import LISTING, OWNED, Kind, Parameter

LISTS = sorted(name for name, command in registry().items() if name.startswith("list") and not isinstance(command, Absent))
OTHERS = {parameter.name for parameter in (*LISTING, *OWNED)} - {"account", "domainid", "projectid", "keyword"}
NO_FILTER = {
    ("listAlerts", "archived"): "shows what was put aside, too",
    ("listAlerts", "resolved"): "shows what is over, too",
    ("listEvents", "archived"): "shows what was put aside, too",
    ("listGuestVlans", "allocatedonly"): "false is for all of the pool",
    ("listHosts", "hypervisor"): "what is no hypervisor is ignored: Marvin's test_list_hosts wants it so",
    ("listTemplates", "showunique"): "once instead of once for each zone",
    ("listZones", "available"): "true is for all zones; below",
}
"""Command and parameter → what it does instead of filtering."""
FOR_ADMINS = {("listDomainChildren", "ann")}
"""What a user has none of."""


FILTERS = [(name, one) for name in LISTS for one in registry()[name].parameters if one.name not in OTHERS and not one.required]


def _rows(desk: Desk, name: str, given: dict[str, str]) -> set[str]:
    """What a list answers, nothing where it refuses."""
    reply = desk.raw(name, **given)
    assert reply.status in {200, 431}, (name, given)
    content: dict[str, Any] = desk.ask(name, **given) if reply.status == 200 else {}
    return {json.dumps(row, sort_keys=True) for key, rows in content.items() if key != "count" for row in rows}


def _nobodys(parameter: Parameter) -> dict[str, str]:
    """A value that nothing has."""
    if parameter.kind is Kind.MAP:
        return {f"{parameter.name}__0__key": "nothing", f"{parameter.name}__0__value": "has it"}
    word = "after 2099" if parameter.name.startswith("start") else "nothing"
    text = {Kind.UUID: NOBODY, Kind.INTEGER: "987654", Kind.LONG: "987654", Kind.DATE: "2099-01-01"}.get(parameter.kind, word)
    return {parameter.name: "1999-01-01" if parameter.name.startswith("end") else text}


@pytest.mark.parametrize("who", ["admin", "ann"])
@pytest.mark.parametrize("name", LISTS)
def test_a_value_nothing_has_leaves_nothing(town: Town, name: str, who: str) -> None:
    command = registry()[name]
    desk = town.visit(who)
    if desk.raw(name).status == 401:
        return
    given = filled(town, who, command) | {"listall": "true"}
    everything = _rows(desk, name, given)
    assert everything or (name, who) in FOR_ADMINS, "put one into the town, else this proves nothing"
    for listed, one in FILTERS:
        if listed != name or (name, one.name) in NO_FILTER:
            continue
        if one.kind is Kind.BOOLEAN:
            so, not_so = (_rows(desk, name, given | {one.name: flag}) for flag in ("true", "false"))
            assert so & not_so == set(), one.name
            assert so | not_so == everything, one.name
        else:
            assert _rows(desk, name, given | _nobodys(one)) == set(), one.name


def test_zones_without_machines_of_ones_own_are_not_those_in_use(town: Town) -> None:
    desk = town.visit("ann")
    [zone] = desk.ask("listZones", available="false")["zone"]
    assert desk.ask("listZones", available="false", ids=zone["id"], id=zone["id"])["count"] == 1
    desk = town.visit("admin")
    assert desk.ask("listZones", available="false") == {}
    assert desk.ask("listZones", available="true")["count"] == 1
