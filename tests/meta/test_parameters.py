"""Every parameter CloudStack has for a command of ours does something, or it is said what comes of giving it: none is dropped unsaid."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from types import FunctionType

import pytest

from tests.meta.tree import ROOT
from vxloom.server import untaken
from vxloom.server.absent import Absent
from vxloom.server.command import Command, registry
from vxloom.server.parameters import CUSTOM_ID, IDEMPOTENCY_KEY, Parameter
from vxloom.server.raises import resolved, tree_of
from vxloom.server.reference import markdown

FILE = ROOT / "docs" / "reference" / "cloudstack-4.22-parameters.txt"
LINES = [line for line in FILE.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
THEIRS = {name: set(parameters.split()) for name, _, parameters in (line.partition(":") for line in LINES)}
OURS = [command for command in registry().values() if not isinstance(command, Absent)]
OF_OUR_OWN = {
    "allowSharedAddress",
    "confirmHost",
    "createHostJoinToken",
    "vxloomCapture",
    "vxloomDiagnose",
    "vxloomPlanHost",
    "vxloomShow",
    "vxloomTrace",
    "vxloomWhy",
}


def test_every_command_that_cloudstack_has_too_is_held_against_its_parameters() -> None:
    assert {command.name for command in OURS} - set(THEIRS) == OF_OUR_OWN
    assert len(THEIRS) > 600


@pytest.mark.parametrize("command", OURS, ids=lambda command: command.name)
def test_no_parameter_of_cloudstacks_is_dropped_unsaid(command: Command) -> None:
    declared, said = {p.name for p in command.parameters}, {one.name for one in untaken.of(command.name)}
    assert THEIRS.get(command.name, set()) - declared - said == set(), "declare and read them, or say in untaken.py what becomes of them"
    assert declared & said == set(), "what a command reads has no row in untaken.py"


def test_rows_are_of_commands_there_are_and_each_is_said_once() -> None:
    for effect, table in untaken.TABLES:
        for why, text in table.items():
            for name, _ in untaken.rows(text):
                assert name in registry(), (effect, why)
    for name in registry():
        names = [one.name for one in untaken.of(name)]
        assert len(set(names)) == len(names), name


def test_what_has_no_effect_is_told_where_people_look() -> None:
    page = markdown()
    [table] = [part for part in page.split("\n## ") if part.startswith("Taken without effect\n")]
    for name in registry():
        section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        for one in untaken.of(name):
            assert f"`{one.name}`" in section, name
            if one.effect is untaken.Effect.IDLE:
                assert any(f"| `{one.name}` |" in row and f"`{name}`" in row and one.why in row for row in table.splitlines())


# ------------------------------------------------------------------------------------------------------------- what is read


SHORT = {"custom_id": "customid", "details": "details"}
"""Methods of arguments that read one parameter without naming it."""


def _strings(value: object) -> Iterator[str]:
    """The words in a table of a module: what it maps from or to, or lists."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from (*_strings(key), *_strings(item))
    elif isinstance(value, tuple | list | set | frozenset):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, Parameter) and value in (IDEMPOTENCY_KEY, CUSTOM_ID):
        yield value.name


def _words(tree: ast.AST, names: Mapping[str, object], seen: set[object]) -> Iterator[str]:
    """The words a function may ask its arguments for, and those of the functions it calls."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg
        elif isinstance(node, ast.Name | ast.Attribute):
            found = getattr(found := resolved(node, names), "__func__", found)
            if isinstance(node, ast.Attribute) and node.attr in SHORT:
                yield SHORT[node.attr]
            if isinstance(found, FunctionType) and found.__module__.startswith("vxloom.server.") and found not in seen:
                seen.add(found)
                yield from _words(tree_of(found), found.__globals__, seen)
            elif isinstance(node, ast.Name) or not isinstance(found, FunctionType):
                yield from _strings(found)


def _read(command: Command) -> set[str]:
    module = inspect.getmodule(type(command))
    body = ast.parse(inspect.getsource(type(command))).body[0]
    assert isinstance(body, ast.ClassDef)
    methods = [node for node in body.body if isinstance(node, ast.FunctionDef)]
    return {word for method in methods for word in _words(method, vars(module), set())}


@pytest.mark.parametrize("command", OURS, ids=lambda command: command.name)
def test_what_is_declared_is_read(command: Command) -> None:
    """Its name is a word of the command's methods, or of what they call."""
    unread = {parameter.name for parameter in command.parameters} - _read(command)
    assert unread == set(), "read them, or say in untaken.py what comes of giving them"
