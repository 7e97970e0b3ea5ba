"""`vxloom demo`: the whole system at work on this machine, every claim checked."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vxloom.cli.options import show
from vxloom.errors import VxloomError

if TYPE_CHECKING:
    from vxloom.lab.demo.stage import Result


@click.command("demo")
@click.option("--keep", is_flag=True, help="Leave the lab running, with the two tenants' networks in place, and say how to reach it.")
@click.option("--hypervisors", "-n", default=3, show_default=True, type=click.IntRange(3, 16))
@click.option("--json-file", type=click.Path(path_type=Path, dir_okay=False), help="Also write the results there.")
def command(keep: bool, hypervisors: int, json_file: Path | None) -> None:
    """Three hypervisors in three subnets carry two tenants' networks over VXLAN; things break and are repaired.

    Exit code 0 only if every claim held.
    """
    from vxloom.lab.demo import acts
    from vxloom.lab.demo.stage import Stage
    from vxloom.lab.lab import Lab

    started = time.monotonic()
    name = "default" if keep else None
    lab = Lab(hypervisors, name=name)
    click.echo(f"▸ Lab of {hypervisors} hypervisors, each in its own subnet behind a router")
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
    _tell(stage.results, trouble, json_file)
    if keep:
        click.echo(
            '\nThe lab is running:\n    eval "$(.venv/bin/vxloom lab env)"; .venv/bin/cs listNetworks\n    .venv/bin/vxloom lab status'
        )
        click.echo("    .venv/bin/vxloom lab guest red1 -- ping 10.1.1.12\n    .venv/bin/vxloom lab down")
    if trouble or not all(result.holds for result in stage.results):
        sys.exit(1)


def _tell(results: Sequence[Result], trouble: str, json_file: Path | None) -> None:
    rows = [(r.scene, r.claim, r.seen, "holds" if r.holds else "FAILS") for r in results]
    click.echo()
    show("table", ("scene", "claim", "seen", ""), rows, title="What was claimed and seen")
    if json_file:
        json_file.write_text(json.dumps([dict(zip(("scene", "claim", "seen", "verdict"), row, strict=True)) for row in rows], indent=2))
    if trouble:
        click.echo(f"\nstopped: {trouble}", err=True)
    held = sum(1 for row in rows if row[3] == "holds")
    click.echo(f"{held} of {len(rows)} claims held")
