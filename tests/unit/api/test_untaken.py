"""What CloudStack takes and we do not: refused with the reason and nothing done, or the empty list; never more than was asked for."""

from __future__ import annotations

import pytest

from tests.unit.api.desk import Desk
from tests.unit.api.walk import NOBODY, Town, dump, filled
from vxloom.server import untaken
from vxloom.server.command import registry
from vxloom.server.untaken import Effect, Untaken

ROWS = [(name, one) for name in sorted(registry()) for one in untaken.of(name)]


def _of(effect: Effect) -> list[tuple[str, Untaken]]:
    return [(name, one) for name, one in ROWS if one.effect is effect]


def test_what_is_refused_says_why_and_does_nothing(town: Town) -> None:
    tried = 0
    desk = town.visit("admin")
    before = dump(desk)
    for name, one in _of(Effect.REFUSED):
        given = filled(town, "admin", registry()[name])
        for spelled in (one.name, f"{one.name}__0__key"):
            refused = desk.refused(name, **given | {spelled: "false" if one.harmless == ("true",) else "true"})
            assert (refused.status, one.why in refused.text) == (431, True), (name, one.name, spelled)
            tried += 1
    assert dump(desk) == before
    assert tried > 400


def test_what_asks_for_nothing_is_no_matter(desk: Desk, zone: str) -> None:
    """The values clients send although nobody asked: as if the parameter were not there."""
    offering = desk.ask(
        "createServiceOffering", name="s", storagetype="shared", provisioningtype="Thin", isvolatile="false", customizediops="False"
    )["serviceoffering"]
    network = desk.network(zone, bypassvlanoverlapcheck="false", hideipaddressusage="false")
    size = desk.sizes() | {"serviceofferingid": offering["id"]}
    made = desk.do("deployVirtualMachine", zoneid=zone, networkids=network["id"], startvm="false", dynamicscalingenabled="false", **size)
    assert made["virtualmachine"]["serviceofferingid"] == offering["id"]
    assert desk.refused("createServiceOffering", name="t", isvolatile="true").status == 431


@pytest.mark.parametrize(("name", "one"), _of(Effect.UNKNOWN), ids=lambda each: each if isinstance(each, str) else each.name)
def test_an_id_of_what_there_is_none_of_names_nothing(town: Town, name: str, one: Untaken) -> None:
    desk = town.visit("admin")
    refused = desk.refused(name, **filled(town, "admin", registry()[name]) | {one.name: NOBODY})
    assert (refused.status, f"Invalid parameter {one.name} value={NOBODY}" in refused.text) == (431, True)


@pytest.mark.parametrize(("name", "one"), _of(Effect.EMPTY), ids=lambda each: each if isinstance(each, str) else each.name)
def test_a_filter_nothing_fits_leaves_nothing(town: Town, name: str, one: Untaken) -> None:
    desk = town.visit("admin")
    given = filled(town, "admin", registry()[name]) | {"listall": "true"}
    everything = desk.ask(name, **given)
    assert everything["count"] > 0, "put one into the town, else this proves nothing"
    assert desk.ask(name, **given | {one.name: "true" if "false" in one.harmless else "false"}) == {}
    for value in one.harmless:
        assert desk.ask(name, **given | {one.name: value.capitalize()}) == everything
