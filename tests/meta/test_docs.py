"""Documents cover what there is, and what they point at exists."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import get_args

import click
import pytest

from tests.meta.tree import ROOT, short, tracked
from tests.unit.prepare.fakes import Fake, ok
from vxloom.cli.main import COMMANDS, cli
from vxloom.model import wire
from vxloom.prepare import requirement
from vxloom.prepare.step import registry as steps
from vxloom.server import absent
from vxloom.server.command import registry
from vxloom.settings import AgentSettings, Bond, HostSettings, ServerSettings
from vxloom.store.settings_catalogue import CATALOGUE

PAGES = [path for path in tracked() if path.suffix == ".md"]
LAWS = [path for path in tracked() if path.name.startswith("test_law_")]
RECORDS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
HOST_SETTINGS = [name for name in HostSettings.__struct_fields__ if name != "bond"] + [f"bond.{name}" for name in Bond.__struct_fields__]
_LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)\)")
_CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def headings(text: str) -> list[str]:
    return [line.lstrip("#").strip() for line in _CODE.sub("", text).splitlines() if line.startswith("#")]


def anchor(heading: str) -> str:
    """As GitHub makes it: link text only, lower case, no punctuation, hyphens for spaces."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def broken(page: Path, text: str) -> list[str]:
    found = []
    for target in _LINK.findall(_CODE.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, part = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (part and part not in map(anchor, headings(file.read_text(encoding="utf-8")))):
            found.append(target)
    return found


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken(page, page.read_text(encoding="utf-8")) == []


def test_a_broken_link_is_seen() -> None:
    page = ROOT / "docs" / "architecture.md"
    text = "[a](nowhere.md) [b](#no-such-part) [c](architecture.md#the-laws) [d](https://example.org)\n```\n[e](code.md)\n```\n"
    assert broken(page, text) == ["nowhere.md", "#no-such-part"]


def test_the_generated_pages_are_up_to_date() -> None:
    # A process of its own: click keeps a command's help option as the first caller in a process made it.
    done = subprocess.run([sys.executable, ROOT / "scripts" / "docs.py", "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), "run: python scripts/docs.py"


@pytest.mark.parametrize("name", [*ServerSettings.__struct_fields__, *AgentSettings.__struct_fields__, *HOST_SETTINGS, *CATALOGUE])
def test_every_setting_has_a_heading_and_a_sentence(name: str) -> None:
    text = text_of("docs/reference/settings.md")
    assert re.search(rf"^### `{re.escape(name)}`\n\n.*\. \S", text, re.MULTILINE), f"describe {name} where it is declared"


def commands(group: click.Command, path: str) -> list[str]:
    context = click.Context(group)
    below = [(name, group.get_command(context, name)) for name in group.list_commands(context)] if isinstance(group, click.Group) else []
    return [path, *(one for name, command in below if command is not None for one in commands(command, f"{path} {name}"))]


EVERY_COMMAND = commands(cli, "vxloom")


@pytest.mark.parametrize("path", EVERY_COMMAND[1:])
def test_every_command_has_a_heading(path: str) -> None:
    assert f"`{path}`" in headings(text_of("docs/reference/cli.md"))


def test_every_command_of_the_api_has_a_heading() -> None:
    always_empty = {command.name for command in absent.commands()}
    assert set(registry()) - always_empty <= set(headings(text_of("docs/api.md")))


def test_every_message_of_the_agents_protocol_is_listed() -> None:
    text = text_of("docs/reference/wire.md")
    names = {kind.__name__ for union in (wire.FromAgent, wire.FromGateway) for kind in get_args(union)}
    assert {name for name in names if f"| `{name}` |" not in text} == set()


def test_every_row_of_a_hosts_check_is_described_and_no_other(tmp_path: Path) -> None:
    rows = requirement.check(Fake(tmp_path, {"ip -d link show type vxlan": ok(), "ip -j -d link show": ok("[]")}), HostSettings())
    level = {True: "required", False: "recommended"}
    told = [f"| {one.name} | {one.asked} | {one.standard} | {one.impact} | {level[one.required]} |" for one in rows]
    lines = text_of("docs/reference/host-check.md").splitlines()
    described = [line for line in lines if line.startswith("| ") and not line.startswith("| requirement")]
    assert [line[: len(row)] for line, row in zip(described, told, strict=True)] == told


@pytest.mark.parametrize("proof", LAWS, ids=short)
def test_the_architecture_names_every_proof_of_a_law(proof: Path) -> None:
    assert f"({Path('..') / short(proof)})" in text_of("docs/architecture.md")


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_what_a_page_tells_to_type_exists(page: Path) -> None:
    """`make` targets and `vxloom` commands in the pages' examples."""
    targets = re.findall(r"^([\w-]+):", text_of("Makefile"), re.MULTILINE)
    for block in _CODE.findall(page.read_text(encoding="utf-8")):
        for line in block.splitlines():
            typed = re.match(r"(?:# )?(make|vxloom) ([a-z][\w-]*(?: [a-z][a-z-]*)*)", line)
            if typed is None:
                continue
            words = shlex.split(typed[2])
            if typed[1] == "make":
                assert words[0] in targets, line
            else:
                assert words[0] in COMMANDS, line
                if words[0] in {"lab", "host"} and len(words) > 1:
                    assert f"vxloom {words[0]} {words[1]}" in EVERY_COMMAND, line


def test_every_step_of_preparing_a_host_is_told_in_the_order_it_is_taken() -> None:
    found = [heading.strip("`") for heading in headings(text_of("docs/how-to/prepare-a-host.md"))]
    assert [name for name in found if name in steps()] == list(steps())


def test_the_manuals_table_names_every_step_and_every_row_of_the_check() -> None:
    page, rows = text_of("docs/reference/manual.md"), text_of("docs/reference/host-check.md").partition("|---|")[2].splitlines()[1:]
    assert {name for name in steps() if f"`apply: {name}`" not in page} == set()
    named = {line.split(" | ")[0].removeprefix("| ") for line in rows if line.startswith("| ")}
    assert len(named) > 20
    assert {name for name in named if f"`check: {name}`" not in page} == set()


def test_a_row_of_the_manuals_table_has_its_proof_or_says_that_nothing_is_done() -> None:
    lines = [line for line in text_of("docs/reference/manual.md").splitlines() if line.startswith("| ")]
    cells = [line.strip("| ").split(" | ") for line in lines if " | here | " not in line]
    proofs = [re.findall(r"`(tests/[\w/]+\.py)`", row[-1]) for row in cells]
    assert [file for files in proofs for file in files if not (ROOT / file).exists()] == []
    assert [row[0] for row, files in zip(cells, proofs, strict=True) if not files and not re.search(r"\bnot (done|made)\b", row[1])] == []


def named_places(text: str) -> list[tuple[str, str]]:
    """What a page calls `module.py` or `module.py: name`."""
    return re.findall(r"`([\w/]+\.py)(?:: ([\w.]+))?`", text)


def missing(places: list[tuple[str, str]]) -> list[str]:
    files = [path for path in tracked() if path.suffix == ".py"]
    found = []
    for module, name in places:
        sources = [path.read_text(encoding="utf-8") for path in files if f"/{short(path)}".endswith(f"/{module}")]
        defined = rf"^\s*(?:(?:async )?def|class) {re.escape(name.rpartition('.')[2])}\b|^{re.escape(name)}\b"
        if not any(not name or re.search(defined, source, re.MULTILINE) for source in sources):
            found.append(f"{module}: {name}" if name else module)
    return found


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_modules_and_functions_that_a_page_names_exist(page: Path) -> None:
    assert missing(named_places(page.read_text(encoding="utf-8"))) == []


def test_a_function_that_is_no_more_is_seen() -> None:
    text = "`agent/core.py: Core` `agent/core.py: no_such_thing` `nowhere.py` `planner/compare.py: diff` `compiler/host.py: PASSES`"
    assert missing(named_places(text)) == ["agent/core.py: no_such_thing", "nowhere.py"]


def test_the_first_lines_say_what_it_is_and_for_whom() -> None:
    first = text_of("README.md")[:900]
    assert [word for word in ("VXLAN", "KVM", "CloudStack", "For operators", "not a replacement") if word not in first] == []


@pytest.mark.parametrize("record", RECORDS, ids=short)
def test_records_are_numbered_once_and_titled_with_their_number(record: Path) -> None:
    number = record.name[:4]
    assert [other.name[:4] for other in RECORDS].count(number) == 1
    assert record.read_text(encoding="utf-8").startswith(f"# {number}. ")
