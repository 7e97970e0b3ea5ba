"""What docs/reference/coverage.md says of each of CloudStack's commands is what the server does."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.meta.test_parameters import OF_OUR_OWN
from tests.unit.api.desk import Desk
from vxloom.server.absent import REFUSED
from vxloom.server.command import registry
from vxloom.server.coverage import NOTES, State, groups, own, state

LIST = Path(__file__).resolve().parents[3] / "docs" / "reference" / "cloudstack-4.22-commands.txt"
GROUPS = groups(LIST.read_text(encoding="utf-8"))
NAMES = [name for names in GROUPS.values() for name in names]
IN = {each: [name for name in NAMES if state(name) is each] for each in State}
PAGE = (LIST.parent / "coverage.md").read_text(encoding="utf-8")


def rows() -> dict[str, str]:
    """What the page says: command → state."""
    cells = [line.split("|") for line in PAGE.splitlines() if line.startswith(("| `", "| [`"))]
    return {row[1].split("`")[1]: row[2].strip() for row in cells if row[2].strip() in set(State)}


def test_the_page_has_a_row_for_every_command_of_the_list() -> None:
    assert [name for name, times in Counter(NAMES).items() if times > 1] == []
    assert rows() == {name: str(state(name)) for name in NAMES}
    assert all(names == sorted(names, key=str.lower) for names in GROUPS.values())


def test_every_state_is_there() -> None:
    assert [each for each in State if not IN[each] and each is not State.PLANNED] == []


def test_the_list_has_all_that_we_answer_for_but_our_own() -> None:
    assert {command.name for command in own(set(NAMES))} == OF_OUR_OWN
    assert sorted(set(REFUSED) - set(NAMES)) == []


def test_what_works_or_lists_empty_is_what_clients_discover(desk: Desk) -> None:
    discovered = {api["name"] for api in desk.ask("listApis")["api"]}
    assert discovered == {*IN[State.WORKS], *IN[State.LISTS_EMPTY], *(command.name for command in own(set(NAMES)))}


def test_notes_are_about_what_works() -> None:
    assert sorted(set(NOTES) - set(IN[State.WORKS])) == []


@pytest.mark.parametrize("name", IN[State.LISTS_EMPTY])
def test_what_lists_empty_does(desk: Desk, name: str) -> None:
    required = {parameter.name: "x" for parameter in registry()[name].parameters if parameter.required}
    assert desk.ask(name, **required) == {}


def test_what_is_not_there_is_refused(desk: Desk) -> None:
    for name in (*IN[State.REFUSED], *IN[State.PLANNED], *IN[State.NOT_PLANNED]):
        reply = desk.raw(name)
        error = json.loads(reply.body)["errorresponse"]
        assert (reply.status, error["errorcode"]) == (432, 432), name
        assert (" is not supported: " in error["errortext"]) is (name in REFUSED), name
