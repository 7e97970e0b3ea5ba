"""`vxloom why`: can these two machines talk, and if not why?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vxloom.cli.options import chosen, config_option, output_option
from vxloom.settings import ETC

if TYPE_CHECKING:
    from vxloom.doctor.why.story import Story, Way

_FILE = ETC / "agent.toml"
_SIGNS = {
    "ok": ("✓", "green"),
    "impaired": ("!", "yellow"),
    "broken": ("✗", "red"),
    "unknown": ("?", "yellow"),
    "not looked at": ("·", None),
}


@click.command("why")
@click.argument("one", metavar="VM1")
@click.argument("other", metavar="VM2")
@click.option(
    "--host", "this_host", is_flag=True, help="Ask this host's kernel alone; needs no server. VM2 may be an address. Run it as root."
)
@click.option("--packet", is_flag=True, help="Also send three packets and three broadcasts each way, and say where they came by.")
@config_option(_FILE)
@output_option
def command(one: str, other: str, this_host: bool, packet: bool, config: Path | None, output: str) -> None:
    """Can VM1 reach VM2? Follows the way from tap to tap, place by place, by what the kernels of both hosts hold. Changes nothing.

    \b
    VMs by name or id. The last line is the answer, with what to do.
    Exit code 0: they can talk, 1: they cannot, or it cannot be told.
    """
    from vxloom.doctor.why.story import Reach

    if this_host and packet:
        raise click.UsageError("--packet needs both hosts: ask on the management server, without --host")
    story = _here(one, other, config) if this_host else _asked(one, other, packet=packet)
    if output == "json":
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(story), indent=2))
    else:
        for way in story.ways:
            _show(way)
        click.echo(story.sentence)
    if story.reach is not Reach.YES:
        raise click.exceptions.Exit(1)


def _asked(one: str, other: str, *, packet: bool) -> Story:
    """Ask the server, which asks both hosts."""
    import msgspec

    from vxloom.cli.client import Client, names_from
    from vxloom.cli.progress import Progress
    from vxloom.doctor.why.story import Story

    with Progress("asking the hosts of both"), names_from("cs listVirtualMachines listall=true"):
        answer = Client().call("vxloomWhy", **{"from": one, "to": other}, **({"packet": "true"} if packet else {}))
    return msgspec.convert(answer.get("why"), Story)


def _here(one: str, other: str, config: Path | None) -> Story:
    from vxloom.doctor.why.alone import look
    from vxloom.settings import AgentSettings, load

    return look(load(AgentSettings, chosen(config, _FILE), {}), one, other)


def _show(way: Way) -> None:
    click.echo(click.style(f"{way.source} → {way.target}", bold=True))
    hosts = max(len(step.host) for step in way.steps)
    places = max(len(step.place) for step in way.steps)
    for step in way.steps:
        sign, colour = _SIGNS[step.standing]
        click.echo(f"  {click.style(sign, fg=colour)} {step.host:<{hosts}}  {step.place:<{places}}  {step.seen}")
        if step.remedy:
            click.echo(f"  {'':<{hosts + places + 5}} to do: {step.remedy}")
    click.echo()
