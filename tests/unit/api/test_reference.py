"""What docs/api.md and listApis tell of a command: fields with types, errors it really answers, the form generators of code rely on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.api.desk import Desk
from vxloom.server.absent import Absent
from vxloom.server.command import SUCCESS, Command, Field, registry
from vxloom.server.parameters import Kind
from vxloom.server.raises import errors_of
from vxloom.server.reference import objects

OURS = [command for command in registry().values() if not isinstance(command, Absent)]
PAGE = (Path(__file__).resolve().parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
SECTIONS = {part.partition("\n")[0]: part for part in re.split(r"^##+ ", PAGE, flags=re.MULTILINE)}
TYPES = {"uuid", "string", "boolean", "integer", "long", "list", "map", "date", "tzdate", "float", "short"}
"""Those that clients know: clients generate code from them."""
NO_ID = "6f1c2f3e-0000-4000-8000-000000000000"


def rows(text: str) -> set[tuple[str, str, str]]:
    """The rows of a section's tables: name, first word of the type, meaning."""
    return {(name, kind.split()[0], said) for name, kind, said in re.findall(r"^\| `([\w.]+)` \| (.+?) \| (.*) \|$", text, re.MULTILINE)}


def wanted(fields: Sequence[Field], above: str = "") -> Iterator[tuple[str, str, str]]:
    for field in fields:
        yield f"{above}{field.name}", field.kind, field.description.replace("|", "\\|")
        if field.nested and field.nested not in objects():
            yield from wanted(field.nested, f"{above}{field.name}.")


@pytest.mark.parametrize("command", [c for c in OURS if c.answer != SUCCESS], ids=lambda command: command.name)
def test_every_field_of_an_answer_is_told_with_its_type(command: Command) -> None:
    section = SECTIONS[command.name]
    linked = re.search(r"^(?:Answer|Its job's result): \[([\w ]+)\]\(#", section, re.MULTILINE)
    told = rows(section) | (rows(SECTIONS[linked[1]]) if linked else set())
    assert set(wanted(command.answer)) - told == set()


@pytest.mark.parametrize("title", objects().values())
def test_objects_are_told_once_and_lead_to_those_inside_them(title: str) -> None:
    assert PAGE.count(f"\n### {title}\n") == 1
    [shape] = [shape for shape, name in objects().items() if name == title]
    assert set(wanted(shape)) == rows(SECTIONS[title])
    for field in shape:
        if field.nested in objects():
            assert f"| `{field.name}` | list of [{objects()[field.nested]}](#" in SECTIONS[title]


# ----------------------------------------------------------------------------------------------------------------- errors


def test_errors_are_found_where_they_are_made() -> None:
    def codes(name: str) -> set[int]:
        return {code for code, _ in errors_of(registry()[name])}

    assert errors_of(registry()["deleteNetwork"])[0] == (536, "Unable to delete network …: instances are using it, such as …")
    assert (530, "Unable to … instance …: no acknowledgement from host … in time") in errors_of(registry()["addIpToNic"])  # a job's
    assert {431, 531, 533} <= codes("deployVirtualMachine")  # its own, of lifecycle, of the store
    assert codes("reconnectHost") == {534}
    assert errors_of(registry()["listZones"]) == []


@pytest.mark.parametrize("command", OURS, ids=lambda command: command.name)
def test_a_commands_errors_are_in_its_section(command: Command) -> None:
    section = SECTIONS[command.name]
    assert [text for code, text in errors_of(command) if f"| {code} | {text} |" not in section.replace("\\", "")] == []


@pytest.mark.parametrize("command", [c for c in OURS if not c.for_users], ids=lambda command: command.name)
def test_what_is_for_root_admins_says_and_does_so(desk: Desk, command: Command) -> None:
    assert "| 401 | the caller is not a root admin |" in SECTIONS[command.name]
    assert desk.tenant("blue").refused(command.name).status == 401


def test_what_is_required_is_asked_for(desk: Desk) -> None:
    for command in OURS:
        required = [parameter.name for parameter in command.parameters if parameter.required]
        if required:
            assert f"| 431 | missing: {', '.join(f'`{name}`' for name in required)} |" in SECTIONS[command.name]
            refused = desk.refused(command.name)
            asked = re.search(r"missing parameters? ([\w, ]+)", refused.text)
            assert asked is not None
            assert (refused.status, asked[1].strip()) == (431, ", ".join(required))


def test_an_id_that_names_nothing_is_refused(desk: Desk) -> None:
    """Of commands that need nothing but ids; a list may answer empty."""
    tried = 0
    for command in OURS:
        required = [parameter for parameter in command.parameters if parameter.required]
        if required and all(parameter.kind is Kind.UUID for parameter in required) and not command.name.startswith("list"):
            refused = desk.refused(command.name, **{parameter.name: NO_ID for parameter in required})
            assert (refused.status, "entity does not exist" in refused.text) == (431, True), command.name
            assert "| 431 | names nothing: " in SECTIONS[command.name]
            tried += 1
    assert tried > 20


# ---------------------------------------------------------------------------------------------------------------- listApis


def check_fields(fields: list[dict[str, Any]], where: str) -> None:
    for field in fields:
        assert set(field) <= {"name", "type", "description", "response"}, where
        assert field["type"] in TYPES, (where, field)
        assert field["name"], where
        assert field["description"], (where, field)
        if "response" in field:
            assert (field["type"], bool(field["response"])) == ("list", True), where
            check_fields(field["response"], where)


@pytest.mark.parametrize("root", [True, False])
def test_discovery_has_the_form_clients_rely_on(desk: Desk, root: bool) -> None:
    caller = desk if root else desk.tenant("blue")
    body = caller.raw("listApis").body
    assert b"\n" not in body
    content = json.loads(body)["listapisresponse"]
    apis = {api["name"]: api for api in content["api"]}
    assert content["count"] == len(content["api"]) == len(apis)
    for name, api in apis.items():
        assert set(api) == {"name", "description", "isasync", "related", "params", "response"}, name
        assert isinstance(api["isasync"], bool)
        for parameter in api["params"]:
            assert set(parameter) - {"related"} == {"name", "description", "type", "length", "required"}, (name, parameter)
            assert parameter["type"] in TYPES, (name, parameter)
            assert set(parameter.get("related", name).split(",")) <= set(apis), (name, parameter)
        assert set(filter(None, api["related"].split(","))) <= set(apis) - {name}
        check_fields(api["response"], name)


def test_commands_about_one_object_are_related(desk: Desk) -> None:
    related = {api["name"]: set(api["related"].split(",")) for api in desk.ask("listApis")["api"]}
    assert {"createNetwork", "updateNetwork"} == related["listNetworks"]
    assert {"deployVirtualMachine", "listVirtualMachines", "migrateVirtualMachine"} <= related["startVirtualMachine"]
    assert related["deleteNetwork"] == related["listRouters"] == {""}  # success, and nothing at all, are no objects
    assert all(name in related[other] for name, others in related.items() for other in others if other)
    [alone] = desk.ask("listApis", name="listnetworks")["api"]
    assert set(alone["related"].split(",")) == related["listNetworks"]


def test_objects_inside_an_answer_are_told(desk: Desk) -> None:
    [machines] = desk.ask("listApis", name="listVirtualMachines")["api"]
    [nic] = [field for field in machines["response"] if field["name"] == "nic"]
    assert {"macaddress", "networkid", "isdefault"} <= {field["name"] for field in nic["response"]}
