"""`vxloom plan HOST`: what would change on a host, and why."""

from __future__ import annotations

import json

import click

from vxloom.cli.options import output_option


@click.command("plan")
@click.argument("host")
@output_option
def command(host: str, output: str) -> None:
    """Ask HOST's agent to compare its kernel with what is wanted, and print the steps it would take. Changes nothing."""
    from vxloom.cli.client import Client, names_from

    with names_from("vxloom host list"):
        answer = Client().call("vxloomPlanHost", name=host)
    content = answer.get("plan", answer)
    if output == "json" or not isinstance(content, dict):
        click.echo(json.dumps(answer, indent=2))
        return
    click.echo(str(content.get("plan", "")).rstrip())
    if content.get("dropped"):
        click.echo(f"\nframes refused on {host}, by reason: {content['dropped']}")
    if content.get("holding"):
        click.echo(f"\nThis host is holding: {content['holding']}. Nothing is withdrawn until: vxloom host confirm {host}")
