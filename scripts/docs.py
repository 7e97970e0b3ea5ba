"""Make the pages of docs/reference that tell of code from it, and docs/api.md; with ``--check`` only compare."""  # noqa: INP001 - a script

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from vxloom import settings
from vxloom.cli.main import COMMANDS, cli
from vxloom.doctor import check
from vxloom.doctor.finding import Fault
from vxloom.server import coverage, reference
from vxloom.settings import AgentSettings, HostSettings, ServerSettings
from vxloom.store.settings_catalogue import CATALOGUE, Setting

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "vxloom"
REFERENCE = ROOT / "docs" / "reference"
_WIDTH = 110
_SETTINGS = """\
# Settings

This page is generated: `python scripts/docs.py`.

Two processes and a command read a file each: TOML, every key optional, unknown keys refused. The command line goes before the file, the
file before the default. `--config FILE` names another file. Everything else is a global setting, kept in the store.

## server.toml

Read by `vxloom server` from `/etc/vxloom/server.toml` if it is there.
"""
_AGENT = """\
## agent.toml

Read by `vxloom agent` from `/etc/vxloom/agent.toml` if it is there.
"""
_HOST = """\
## host.toml

Read by `vxloom host check`, `plan` and `apply` from `/etc/vxloom/host.toml` if it is there.
"""
_GLOBAL = """\
## Global settings

Listed by `listConfigurations`, changed by `updateConfiguration name=… value=…` (with `zoneid=…` where it is *per zone*,
`accountid=…` where it is *per account*); `resetConfiguration` gives the default again.
Names without `vxloom.` are CloudStack's. *Kept for clients* means: clients may read and change it, nothing here acts on it.
"""
_CLI = """\
# Command line

This page is generated: `python scripts/docs.py`.

Commands that speak to a server (`host`, `plan`, `trace`) take endpoint and keys from `CLOUDSTACK_ENDPOINT`, `CLOUDSTACK_KEY` and
`CLOUDSTACK_SECRET`, else from `/var/lib/vxloom/server/admin.env` on the server itself.

| exit code | means |
|---|---|
| 0 | done |
| 1 | failed; the message says what to do |
| 2 | wrong command line or settings |
"""


_FINDINGS = """\
# Findings of the doctor

This page and those it points at are generated: `python scripts/docs.py`.

`vxloom doctor` names what it finds by these codes; they do not change. [How to use it](../how-to/doctor.md).

| code | severity | what it is |
|---|---|---|
"""


def pages() -> dict[Path, str]:
    """Return every generated page and its text."""
    names = (REFERENCE / "cloudstack-4.22-commands.txt").read_text(encoding="utf-8")
    return {
        REFERENCE / "settings.md": settings_page(),
        REFERENCE / "cli.md": cli_page(),
        REFERENCE / "coverage.md": coverage.markdown(names),
        ROOT / "docs" / "api.md": reference.markdown(),
        REFERENCE / "findings.md": findings_page(),
        **{REFERENCE / "findings" / f"{fault.code}.md": finding_page(fault) for fault in check.faults().values()},
    }


# --------------------------------------------------------------------------------------------------------------- settings


def settings_page() -> str:
    """Return the reference of the files and of the global settings."""
    files = [_SETTINGS, *_keys(ServerSettings), _AGENT, *_keys(AgentSettings), _HOST, *_keys(HostSettings)]
    return "\n".join([*files, _GLOBAL, *map(_setting, CATALOGUE.values())])


def _keys(kind: type[msgspec.Struct], table: str = "") -> Iterator[str]:
    tree = ast.parse(Path(settings.__file__).read_text(encoding="utf-8"))
    body = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == kind.__name__).body
    blank = kind()
    for node, after in zip(body, [*body[1:], ast.Pass()], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            told = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
            name = node.target.id
            words = " ".join(str(told).replace("``", "`").split())
            default = getattr(blank, name)
            if isinstance(default, msgspec.Struct):
                yield from _keys(type(default), f"{name}.")
                continue
            shown = f'"{default}"' if isinstance(default, str | Path) else str(default)
            yield f"### `{table}{name}`\n\nDefault `{shown}`. {words}".rstrip() + "\n"


def _setting(one: Setting) -> str:
    facts = [
        f"Default `{one.default}`" if one.default else "Default empty",
        one.type,
        "global" if one.scopes[-1] == "global" else f"per {one.scopes[-1]}",
    ]
    if not one.dynamic:
        facts.append("read at the start of the server")
    if not is_read(one.name):
        facts.append("kept for clients")
    return f"### `{one.name}`\n\n{', '.join(facts)}. {one.description}\n"


def is_read(name: str) -> bool:
    """Tell whether any module but the catalogue names a setting."""
    files = (path for path in SOURCE.rglob("*.py") if path.name != "settings_catalogue.py")
    return any(f'"{name}"' in path.read_text(encoding="utf-8") for path in files)


# --------------------------------------------------------------------------------------------------------------- findings


def findings_page() -> str:
    """Return the list of all codes, a section a check."""
    faults = sorted(check.faults().values(), key=lambda fault: fault.code)
    return _FINDINGS + "".join(f"| [`{f.code}`](findings/{f.code}.md) | {f.severity.name.lower()} | {f.title} |\n" for f in faults)


def finding_page(fault: Fault) -> str:
    """Return the page of one code."""
    places = [each for each in check.registry().values() if fault in each.faults]
    explains = ", ".join(f"[`{code}`]({code}.md)" for code in sorted(fault.explains))
    causes = sorted(other.code for other in check.faults().values() if fault.code in other.explains)
    parts = [
        f"# `{fault.code}`",
        f"{fault.severity.name.capitalize()}: {fault.title}.",
        fault.meaning,
        f"**Asked by the check `{places[0].name}`:** {places[0].summary}",
        f"**What to do:** {fault.remedy.replace('{where}', 'WHERE')}",
    ]
    if explains:
        parts.append(f"**What follows from it** is listed below it, not by itself: {explains}.")
    if causes:
        parts.append(f"**May follow from** {', '.join(f'[`{code}`]({code}.md)' for code in causes)}.")
    return "\n\n".join(parts) + "\n"


# -------------------------------------------------------------------------------------------------------------------- CLI


def cli_page() -> str:
    """Return the reference of the command line."""
    context = click.Context(cli, info_name="vxloom", **cli.context_settings)
    parts = [_CLI]
    for name in COMMANDS:
        command = cli.get_command(context, name)
        if command is not None:
            parts += _command(command, click.Context(command, parent=context, info_name=name), 2)
    return "\n".join(parts)


def _command(command: click.Command, context: click.Context, level: int) -> Iterator[str]:
    context.max_content_width = context.terminal_width = _WIDTH
    text = command.get_help(context).rstrip()
    yield f"{'#' * level} `{context.command_path}`\n\n```text\n{text}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                yield from _command(below, click.Context(below, parent=context, info_name=name), level + 1)


def _make(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink()
        return
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def main() -> int:
    """Write the pages, or with ``--check`` name those that differ."""
    wanted: dict[Path, str | None] = dict.fromkeys((REFERENCE / "findings").glob("*.md")) | pages()
    stale = [path for path, text in wanted.items() if text is None or not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if "--check" not in sys.argv:
            _make(path, wanted[path])
        sys.stdout.write(f"{path.relative_to(ROOT)} {'differs' if '--check' in sys.argv else 'written'}\n")
    return int("--check" in sys.argv and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
