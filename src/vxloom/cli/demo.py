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


@click.command("demo")
@click.option("--keep", is_flag=True, help="Leave the lab running, with the two tenants' networks in place, and say how to reach it.")
@click.option("--hypervisors", "-n", default=3, show_default=True, type=click.IntRange(3, 16))
@click.option("--json-file", type=click.Path(path_type=Path, dir_okay=False), help="Also write the results there.")
@click.option("--svg-file", type=click.Path(path_type=Path, dir_okay=False), help="Also draw the table of results there.")
def command(keep: bool, hypervisors: int, json_file: Path | None, svg_file: Path | None) -> None:
    """Three hypervisors in three subnets carry two tenants' networks over VXLAN; things break and are repaired.

    Exit code 0 only if every claim held.
    """
    from vxloom.lab.demo import acts
    from vxloom.lab.demo.stage import Stage
    from vxloom.lab.lab import Lab

    for file in (json_file, svg_file):
        if file is not None and not os.access(file if file.exists() else file.parent, os.W_OK):
            raise ConfigError(f"cannot write {file}", remedy="give a file in a folder that is there and may be written to")
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
    if svg_file:
        # The fonts of the viewer's own machine will do: a picture fetches nothing.
        picture = re.sub(r"@font-face \{.*?\}\n", "", console.export_svg(title="make demo"), flags=re.DOTALL)
        svg_file.write_text(picture)
