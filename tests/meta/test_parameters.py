"""Every parameter CloudStack has for a command of ours does something, or it is said what comes of giving it: none is dropped unsaid."""

from __future__ import annotations

import pytest

from tests.meta.tree import ROOT
from vxloom.server import untaken
from vxloom.server.absent import Absent
from vxloom.server.command import Command, registry
from vxloom.server.reference import markdown

FILE = ROOT / "docs" / "reference" / "cloudstack-4.22-parameters.txt"
LINES = [line for line in FILE.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
THEIRS = {name: set(parameters.split()) for name, _, parameters in (line.partition(":") for line in LINES)}
OURS = [command for command in registry().values() if not isinstance(command, Absent)]
OF_OUR_OWN = {"allowSharedAddress", "confirmHost", "createHostJoinToken", "vxloomPlanHost", "vxloomTrace"}


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
