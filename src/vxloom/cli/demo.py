"""`vxloom demo`: the whole system at work on this machine, every claim checked."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vxloom.errors import ConfigError, VxloomError

if TYPE_CHECKING:
    from rich.console import Console

    from vxloom.doctor.finding import Finding
    from vxloom.lab.demo.breakages import Step
    from vxloom.lab.demo.stage import Result

_WIDTH = 150
_REACH = """
The lab is running, with both tenants' networks and guests. To use it:

    eval "$(.venv/bin/vxloom lab env)"             # CLOUDSTACK_ENDPOINT, CLOUDSTACK_KEY, CLOUDSTACK_SECRET
    .venv/bin/cs listNetworks listall=true         # any CloudStack client; this one is from PyPI
    .venv/bin/vxloom lab status
    .venv/bin/vxloom lab guest red1 -- ping -c 3 10.1.1.12
    .venv/bin/vxloom plan h1; .venv/bin/vxloom trace --from red1 --to red2
    .venv/bin/vxloom lab down                      # ends it, and leaves nothing behind"""


@click.group("demo", invoke_without_command=True)
@click.pass_context
@click.option("--keep", is_flag=True, help="Leave the lab running, with the two tenants' networks in place, and say how to reach it.")
@click.option("--hypervisors", "-n", default=3, show_default=True, type=click.IntRange(3, 16))
@click.option("--json-file", type=click.Path(path_type=Path, dir_okay=False), help="Also write the results there.")
@click.option("--svg-file", type=click.Path(path_type=Path, dir_okay=False), help="Also draw the table of results there.")
def command(context: click.Context, keep: bool, hypervisors: int, json_file: Path | None, svg_file: Path | None) -> None:
    """Three hypervisors in three subnets carry two tenants' networks over VXLAN; things break and are repaired.

    Exit code 0 only if every claim held.
    """
    if context.invoked_subcommand is None:
        _play(hypervisors, json_file, svg_file, keep=keep)


def _play(hypervisors: int, json_file: Path | None, svg_file: Path | None, *, keep: bool) -> None:
    from vxloom.lab.demo import acts
    from vxloom.lab.demo.stage import Stage
    from vxloom.lab.lab import Lab

    _check_writable(json_file, svg_file)
    started = time.monotonic()
    lab = Lab(hypervisors, name="default" if keep else None)
    click.echo(f"▸ Lab of {hypervisors} hypervisors, each in its own subnet behind a router; management server")
    lab.up(keep=keep)
    stage = Stage(lab, click.echo)
    trouble = ""
    try:
        lab.start_server()
        click.echo(f"    up after {time.monotonic() - started:.1f} s")
        acts.play(stage, started)
        if keep:
            acts.make_again(stage)
    except VxloomError as error:
        trouble = str(error)
    finally:
        if not keep:
            lab.down()
    held = sum(1 for result in stage.results if result.holds)
    if stage.results:
        _show(stage.results, svg_file)
    if json_file:
        keys = ("scene", "claim", "seen", "holds")
        json_file.write_text(json.dumps([{key: getattr(result, key) for key in keys} for result in stage.results], indent=2) + "\n")
    click.echo(f"{held} of {len(stage.results)} claims held, {time.monotonic() - started:.0f} s")
    if keep and not trouble:
        click.echo(_REACH)
    if trouble and keep:
        click.echo("The lab is left as it was when the demonstration stopped. Look at it: vxloom lab status; end it: vxloom lab down")
    if trouble:
        click.echo(f"vxloom: the demonstration stopped: {trouble}", err=True)
    if trouble or held < len(stage.results):
        sys.exit(1)


def _check_writable(*files: Path | None) -> None:
    for file in files:
        if file is not None and not os.access(file if file.exists() else file.parent, os.W_OK):
            raise ConfigError(f"cannot write {file}", remedy="give a file in a folder that is there and may be written to")


def _show(results: Sequence[Result], svg_file: Path | None) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(title="What was claimed, and what was seen", header_style="bold", box=box.HORIZONTALS, expand=True)
    for column, ratio in (("scene", 10), ("claim", 12), ("seen", 8), ("", None)):
        table.add_column(column, overflow="fold", ratio=ratio, min_width=5)
    scene = ""
    for result in results:
        if scene and result.scene != scene:
            table.add_section()
        verdict = "[green]holds[/]" if result.holds else "[bold red]FAILS[/]"
        table.add_row(result.scene if result.scene != scene else "", result.claim, result.seen, verdict)
        scene = result.scene
    console = Console(width=None if sys.stdout.isatty() else _WIDTH, record=svg_file is not None)
    console.print()
    console.print(table)
    _draw(console, svg_file, "make demo")


def _draw(console: Console, svg_file: Path | None, title: str) -> None:
    if svg_file:
        # The fonts of the viewer's own machine will do: a picture fetches nothing.
        svg_file.write_text(re.sub(r"@font-face \{.*?\}\n", "", console.export_svg(title=title), flags=re.DOTALL))


@command.command("doctor")
@click.option("--svg-file", type=click.Path(path_type=Path, dir_okay=False), help="Also draw what is printed there.")
def doctor(svg_file: Path | None) -> None:
    """Ten things are broken in a lab, one after another; the doctor names each, it is cured, and nothing is found any more.

    Exit code 0 only if exactly what was broken was named each time, and nothing after its cure.
    """
    from rich.console import Console

    from vxloom.lab.demo import breakages
    from vxloom.lab.lab import Lab

    _check_writable(svg_file)
    console = Console(width=None if sys.stdout.isatty() else _WIDTH, record=svg_file is not None, highlight=False)
    started, played, held, well = time.monotonic(), 0, 0, True
    console.print("A lab of three hypervisors, a management server, a network with a machine on each host", style="bold")
    with Lab(3, api_port=0) as lab:
        names = breakages.prepare(lab)
        _rows(console, "asked", ["{}# {}".format(*breakages.PATHS)])
        _rows(console, "clean", [f"nothing found, {time.monotonic() - started:.1f} s"], "green")
        for step in breakages.play(lab, names):
            well = _tell(console, step) and well
            if isinstance(step, breakages.Cured):
                played, held, well = played + 1, held + well, True
    told = f"\n{held} of {played} named exactly and cured, {time.monotonic() - started:.0f} s"
    console.print(told, style="bold green" if held == played else "bold red")
    _draw(console, svg_file, "make demo-doctor")
    if held < played:
        sys.exit(1)


def _tell(console: Console, step: Step) -> bool:
    """Print a step; return whether it went as it should."""
    from vxloom.lab.demo.breakages import Broken, Told

    if isinstance(step, Broken):
        console.print(f"\n{step.number:2d}  {step.breakage.title}", style="bold")
        _rows(console, "broken", step.commands, "magenta")
        _rows(console, "asked", ["{}# {}".format(*step.breakage.look)])
        return True
    if isinstance(step, Told):
        _tell_findings(console, step.findings)
        if not step.exact:
            _rows(console, "", ["this is not exactly what was broken"], "bold red")
        return step.exact
    _rows(console, "cured", step.commands, "cyan")
    left = [f"{finding.code} on {finding.host} {finding.where}" for finding in step.left]
    _rows(console, "left", left, "bold red")
    if not left:
        _rows(console, "clean", [f"nothing found, {step.seconds:.1f} s"], "green")
    return not left


def _tell_findings(console: Console, findings: Sequence[Finding]) -> None:
    """The first of each code whole, of the others only where they are."""
    by_code: dict[str, list[Finding]] = {}
    for finding in findings:
        by_code.setdefault(finding.code, []).append(finding)
    for first, *others in by_code.values():
        _rows(console, "found", [f"{first.severity} {first.code}: {first.title}"], "yellow" if first.severity == "warning" else "red")
        places = ", ".join(f"{finding.host} {finding.where}" for finding in (first, *others))
        told = {
            "where": places,
            "expected": first.expected,
            "seen": first.seen,
            "explains": ", ".join(first.explains),
            "to do": first.remedy,
        }
        _rows(console, "", [f"{name:<9} {text}" for name, text in told.items() if text])
    if not findings:
        _rows(console, "found", ["nothing"], "bold red")


def _rows(console: Console, name: str, texts: Sequence[str], style: str = "") -> None:
    from rich.text import Text

    for text in texts:
        console.print(Text.assemble("    ", (f"{name:<8}", "dim"), (text, style)))
        name = ""
