"""`vxloom host check|plan|apply|undo`: what this machine lacks as a hypervisor, seen first, done, and taken back."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vxloom.cli.options import Function, aligned, chosen, config_option, output_option, show
from vxloom.cli.progress import Progress
from vxloom.errors import PrepareError
from vxloom.settings import ETC

if TYPE_CHECKING:
    from vxloom.prepare.machine import Machine
    from vxloom.prepare.requirement import Requirement
    from vxloom.prepare.run import Part
    from vxloom.prepare.step import Step
    from vxloom.settings import HostSettings

CONFIG = ETC / "host.toml"
_MOST_LINES = 30
"""Of one file's difference; the rest is counted."""


def _steps_options(function: Function) -> Function:
    """Add ``--config``, ``--only`` and ``--skip``."""
    for add in (
        click.option("--skip", multiple=True, metavar="STEP", help="Leave this step out; may be given several times."),
        click.option("--only", multiple=True, metavar="STEP", help="Take this step only; may be given several times."),
        config_option(CONFIG),
    ):
        function = add(function)
    return function


def _work(config: Path | None, only: Sequence[str], skip: Sequence[str]) -> tuple[Machine, HostSettings, list[Step]]:
    from vxloom.prepare import run
    from vxloom.prepare.machine import Machine
    from vxloom.settings import HostSettings, load

    return Machine(), load(HostSettings, chosen(config, CONFIG), {}), run.chosen(only, skip)


@click.command()
@config_option(CONFIG)
@output_option
def check(config: Path | None, output: str) -> None:
    """What this machine has and lacks, the most important first.

    Changes nothing, needs no server. Exit 0 when nothing required fails; what is only recommended warns.
    """
    from vxloom.prepare.machine import Machine
    from vxloom.prepare.requirement import Verdict
    from vxloom.prepare.requirement import check as look
    from vxloom.settings import HostSettings, load

    with Progress("looking at this machine"):
        rows = look(Machine(), load(HostSettings, chosen(config, CONFIG), {}))
    if output == "json":
        columns = ("impact", "requirement", "found", "asked", "the manual's", "standard", "level", "verdict", "what to do")
        cells = [(r.impact, r.name, r.found, r.asked, r.floor, r.standard, _level(r), r.verdict.value, r.remedy) for r in rows]
        show(output, columns, cells)
    else:
        _judge(rows)
        count = {verdict: sum(row.verdict is verdict for row in rows) for verdict in Verdict}
        click.echo(", ".join(f"{number} {verdict.value}" for verdict, number in count.items()))
        if count[Verdict.FAILED] or count[Verdict.WARNING]:
            click.echo("what can be put right here is shown by: vxloom host plan")
    sys.exit(any(row.verdict is Verdict.FAILED for row in rows))


@click.command()
@_steps_options
@output_option
def plan(config: Path | None, only: Sequence[str], skip: Sequence[str], output: str) -> None:
    """What `apply` would change here, and why.

    File by file and setting by setting. Changes nothing. Exit 1 if a step cannot be taken.
    """
    from vxloom.prepare import run

    machine, settings, steps = _work(config, only, skip)
    with Progress("looking at this machine"):
        parts = run.plan(machine, settings, steps)
    if output == "json":
        _json(parts)
    else:
        _tell(parts, machine)
        count = sum(len(part.changes) for part in parts)
        click.echo(f"{_changes(count)} would be made by: vxloom host apply" if count else "nothing to do")
    sys.exit(any(part.problem for part in parts))


@click.command()
@_steps_options
@click.option("--yes", is_flag=True, help="Do not ask.")
@output_option
def apply(config: Path | None, only: Sequence[str], skip: Sequence[str], yes: bool, output: str) -> None:
    """Prepare this machine: make the changes that `plan` shows.

    A second run changes nothing; an interrupted one is completed by the next; `undo` takes all back. Exit 1 if a step could not be taken;
    the others are.
    """
    from vxloom.prepare import run

    _need_root("apply")
    machine, settings, steps = _work(config, only, skip)
    with Progress("looking at this machine"):
        wanted = run.plan(machine, settings, steps)
    if not any(part.changes for part in wanted):
        _report(wanted, output, "nothing was changed" if any(part.problem for part in wanted) else "nothing to do")
    if not yes:
        _tell(wanted, machine, err=output == "json")
        try:
            click.confirm("Make these changes?", abort=True, err=True)
        except click.Abort:
            click.echo("vxloom: nothing was changed (where nobody can be asked, give --yes)", err=True)
            raise
    with Progress("") as progress, _interrupted():
        parts = run.apply(machine, settings, steps, _say(output, progress))
    _report(parts, output, f"{_changes(sum(len(part.changes) for part in parts))} made; vxloom host undo takes them back")


@click.command()
@click.option("--only", multiple=True, metavar="STEP", help="Put back this step only; may be given several times.")
@click.option("--force", is_flag=True, help="Also files that somebody changed since: their changes are lost.")
def undo(only: Sequence[str], force: bool) -> None:
    """Put every file and setting back to what it was before `apply`."""
    from vxloom.prepare import run
    from vxloom.prepare.machine import Machine

    _need_root("undo")
    with Progress("") as progress, _interrupted():
        problems = run.undo(Machine(), only=only, force=force, say=_say("table", progress))
    for problem in problems:
        click.echo(f"vxloom: {problem}", err=True)
    if not problems:
        click.echo("all is as it was")
    sys.exit(bool(problems))


@click.command()
@config_option(CONFIG)
@click.option("--address", default="", help="This host's address of the tunnels, where their underlay is IPv6.")
def echo(config: Path | None, address: str) -> None:
    """Answer other hosts' trials of their cards (`offload_peer` in their host.toml) until Ctrl-C.

    They come in a tunnel with VNI 16777215, which ends in a network namespace of its own.
    """
    from vxloom.prepare import trial
    from vxloom.prepare.machine import Machine
    from vxloom.settings import HostSettings, load

    with contextlib.suppress(KeyboardInterrupt):
        trial.serve(Machine(), load(HostSettings, chosen(config, CONFIG), {}), address, click.echo)


def _level(row: Requirement) -> str:
    return "required" if row.required else "recommended"


def _judge(rows: Sequence[Requirement]) -> None:
    """Print a line per row; below what is not well, what to do; at the end what the manual asks for where we ask for more."""
    from vxloom.prepare.requirement import Verdict

    names = ("impact", "verdict", "requirement", "asked", "standard", "found")
    head, *lines = aligned([names, *((r.impact, r.verdict.value, r.name, r.asked, r.standard, r.found) for r in rows)])
    click.echo(click.style(head, bold=True))
    colours = {Verdict.FAILED: "red", Verdict.WARNING: "yellow"}
    for row, line in zip(rows, lines, strict=True):
        click.echo(click.style(line, fg=colours.get(row.verdict)))
        if row.remedy:
            click.echo(f"        {f'{_level(row)} →' if row.verdict in colours else 'because'} {row.remedy}")
    for row in rows:
        if row.floor:
            click.echo(f"{row.name}: the manual asks for {row.floor}, vxloom for {row.asked}")


def _need_root(verb: str) -> None:
    if os.geteuid():
        raise PrepareError(f"`vxloom host {verb}` changes this machine, which only root may", remedy=f"sudo vxloom host {verb}")


@contextlib.contextmanager
def _interrupted() -> Iterator[None]:
    """Say how it stands when a person has had enough."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("\nvxloom: interrupted; the next `vxloom host apply` completes it, `vxloom host undo` takes it back", err=True)
        raise


def _changes(count: int) -> str:
    return f"{count} change{'' if count == 1 else 's'}"


def _say(output: str, progress: Progress) -> Callable[[str, str], None]:
    def say(step: str, text: str) -> None:
        progress.begin(f"{step}: {text}")
        click.echo(f"{step}: {text}", err=output == "json")

    return say


def _report(parts: Sequence[Part], output: str, text: str) -> None:
    """Say how it ended, and end: 1 if a step could not be taken."""
    if output == "json":
        _json(parts)
    else:
        for part in parts:
            for said in filter(None, (part.problem, *(f"note: {note}" for note in part.notes))):
                click.echo(f"{part.step}: {said}", err=True)
        click.echo(text)
    sys.exit(any(part.problem for part in parts))


def _tell(parts: Sequence[Part], machine: Machine, *, err: bool = False) -> None:
    for part in parts:
        state = (part.not_applicable and f"not applicable: {part.not_applicable}") or (part.problem and f"cannot be taken: {part.problem}")
        if state or not part.changes:
            click.echo(f"{part.step}: {state or 'nothing to do'}", err=err)
        else:
            click.echo(click.style(f"{part.step}: {part.summary}", bold=True), err=err)
        for note in part.notes:
            click.echo(f"  note: {note}", err=err)
        for change in part.changes:
            click.echo(f"  {change.what}", err=err)
            click.echo(f"      why: {change.reason}", err=err)
            lines = change.detail(machine).splitlines()
            for line in lines[:_MOST_LINES]:
                click.echo(f"      {line}".rstrip(), err=err)
            if len(lines) > _MOST_LINES:
                click.echo(f"      … {len(lines) - _MOST_LINES} more lines; --output json has the whole text", err=err)


def _json(parts: Sequence[Part]) -> None:
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(parts), indent=2))
