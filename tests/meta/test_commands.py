"""A command of the API is whole or not there: one file, one class, docs, an example that fits, a line in listApis."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
from pathlib import Path

import pytest

from tests.meta.tree import ROOT, SOURCE, parsed, short
from vxloom.server.absent import REFUSED, Absent
from vxloom.server.command import Command, registry
from vxloom.server.parameters import Kind
from vxloom.server.reference import markdown

FOLDER = SOURCE / "server" / "commands"
FILES = sorted(path for path in FOLDER.glob("*.py") if path.name != "__init__.py")
COMMANDS = list(registry().values())
OURS = [command for command in COMMANDS if not isinstance(command, Absent)]
EMPTY = [command for command in COMMANDS if isinstance(command, Absent)]
PAGE = ROOT / "docs" / "api.md"


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def test_every_file_is_a_command_and_is_found() -> None:
    assert {snake(command.name) for command in OURS} == {path.stem for path in FILES}


@pytest.mark.parametrize("command", OURS, ids=lambda command: command.name)
def test_a_command_is_in_the_file_of_its_name(command: Command) -> None:
    file = Path(inspect.getfile(type(command)))
    assert file.stem == snake(command.name)
    assert type(command).__name__ == command.name[0].upper() + command.name[1:]


@pytest.mark.parametrize("path", FILES, ids=short)
def test_commands_never_import_one_another(path: Path) -> None:
    imported = [node.module or "" for node in ast.walk(parsed(path)) if isinstance(node, ast.ImportFrom)]
    imported += [name.name for node in ast.walk(parsed(path)) if isinstance(node, ast.Import) for name in node.names]
    assert [name for name in imported if name.startswith("vxloom.server.commands")] == []


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_command_says_what_it_does_and_what_its_parameters_mean(command: Command) -> None:
    assert re.match(r"[A-Z].*\.$", command.summary())
    assert all(parameter.description for parameter in command.parameters)
    names = [parameter.name for parameter in command.parameters]
    assert len(set(names)) == len(names)
    assert names == [name.lower() for name in names]
    for parameter in command.parameters:
        assert all(name in registry() for name in parameter.related.split(",") if name), parameter.related
    assert command.answer


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_an_example_gives_what_is_required_and_nothing_unknown(command: Command) -> None:
    name, *given = shlex.split(command.example)
    assert name == command.name
    named = {re.split(r"[=\[]", argument)[0] for argument in given}
    known = {parameter.name for parameter in command.parameters}
    required = {parameter.name for parameter in command.parameters if parameter.required and parameter.kind is not Kind.MAP}
    assert required <= named <= known


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.asynchronous], ids=lambda command: command.name)
def test_a_job_that_waits_can_be_carried_on(command: Command) -> None:
    waits = "finished_job" not in inspect.getsource(type(command).run) or "begin_" in inspect.getsource(type(command).run)
    assert not waits or type(command).advance is not Command.advance


def test_the_reference_is_up_to_date_and_names_every_command() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == markdown(), "run: python -m vxloom.server.reference > docs/api.md"
    assert [command.name for command in OURS if f"\n## {command.name}\n" not in page] == []
    assert [command.name for command in EMPTY if f"\n| `{command.name}` |" not in page] == []
    assert [name for name in REFUSED if f"`{name}`" not in page] == []


def test_what_is_refused_is_no_command() -> None:
    assert sorted(set(REFUSED) & set(registry())) == [], "a command that works has no row in server/absent.py"
