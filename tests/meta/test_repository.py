"""The repository says nothing about the machine it was written on, and everything about what it depends on."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.meta.tree import ROOT, SOURCE, short, tracked

TEXT = [path for path in tracked() if path.suffix not in {".png", ".svg", ".gz"}]
# Put together from parts, so that this file does not find itself.
MACHINE = [
    "/" + "work/",
    "/" + "home/",
    "/" + "Users/",
    "/opt/" + "pypi",
    "/opt/" + "wheels",
    ".py" + "env/",
    "/tmp/" + "brief",
    "file" + "://",
]
REGISTRY = ["pypi" + "." + "org", "pythonhosted" + "." + "org", "npm" + "js.org", "npm" + "js.com"]
NODE = ROOT / "tests" / "api" / "clients"


@pytest.mark.parametrize("path", TEXT, ids=short)
def test_no_file_names_a_path_of_the_machine_it_was_written_on(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [word for word in [*MACHINE, *REGISTRY] if word in text] == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_a_lock_file_pins_every_package_with_a_hash_and_names_no_index(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    entries = [entry for entry in re.split(r"\n(?=\S)", text.strip()) if not entry.startswith("#")]
    assert entries
    assert [entry for entry in entries if not re.match(r"[a-z0-9-]+(\[[a-z0-9,-]+\])?==\S+ \\\n +--hash=sha256:", entry)] == []
    assert [word for word in ["--index", "--find-links", "--trusted"] if word in text] == []


def test_the_lock_of_the_node_client_pins_every_package_with_a_hash_and_names_no_registry() -> None:
    asked = json.loads((NODE / "package.json").read_text(encoding="utf-8"))["dependencies"]
    packages = json.loads((NODE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert packages.pop("")["dependencies"] == asked
    assert {f"node_modules/{name}" for name in asked} <= set(packages)
    assert [version for version in asked.values() if not re.fullmatch(r"[0-9]+(\.[0-9]+){2}", version)] == []
    assert [name for name, entry in packages.items() if "resolved" in entry or not entry["integrity"].startswith("sha512-")] == []


def names_in(file: str) -> list[str]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return [re.split(r"[=<>!~\[; ]", line)[0] for line in lines if line and not line.startswith(("#", "-"))]


def locked(file: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==(\S+)", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE))


def test_the_package_asks_for_what_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert sorted(project["project"]["dependencies"]) == sorted(names_in("requirements.in"))
    assert set(project["build-system"]["requires"]) <= set(names_in("requirements-dev.in"))


def test_what_is_asked_for_is_locked_and_the_two_locks_agree() -> None:
    runtime, tools = locked("requirements.txt"), locked("requirements-dev.txt")
    assert set(names_in("requirements.in")) <= set(runtime)
    assert set(names_in("requirements-dev.in")) <= set(tools)
    assert {name: tools[name] for name in runtime.keys() & tools} == {name: runtime[name] for name in runtime.keys() & tools}


NODE_NAMES = json.loads((NODE / "package.json").read_text(encoding="utf-8"))["dependencies"]


@pytest.mark.parametrize("name", sorted({*names_in("requirements.in"), *names_in("requirements-dev.in"), *NODE_NAMES}))
def test_every_dependency_is_justified_in_a_decision_record(name: str) -> None:
    records = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs" / "adr").glob("*.md")))
    assert re.search(rf"^\| `{re.escape(name)}` \| \S", records, re.MULTILINE), f"docs/adr has no row for {name}: add `| `{name}` | why |`"


def test_every_system_package_says_why() -> None:
    lines = [line for line in (ROOT / "system-packages.txt").read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]+(\|[a-z0-9]+)?\s+# why: \S.*", line)] == []
    assert lines == sorted(lines)


def test_every_ignored_lint_rule_and_warning_says_why() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    rules = [line for line in text.splitlines() if re.match(r'\s+"[A-Z]+[0-9]*",', line)]
    assert rules
    assert [line for line in rules if "#" not in line] == []


@pytest.mark.parametrize("room", sorted(path for path in SOURCE.rglob("*") if path.is_dir() and any(path.glob("*.py"))), ids=short)
def test_every_package_says_what_it_is_for(room: Path) -> None:
    text = (room / "__init__.py").read_text(encoding="utf-8") if (room / "__init__.py").exists() else ""
    assert text.startswith('"""'), f"{short(room)}/__init__.py has no docstring: its role, what it may import, what it must never do"


@pytest.mark.parametrize("record", sorted((ROOT / "docs" / "adr").glob("[0-9]*.md")), ids=short)
def test_a_decision_record_fits_on_a_page_and_has_the_usual_parts(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    assert re.match(r"# \d{4}\. \S", text), "the first line is `# NNNN. Title`"
    assert [part for part in ("## Context", "## Decision", "## Consequences") if part not in text] == []
    assert len(text.splitlines()) <= 80, "a page"
