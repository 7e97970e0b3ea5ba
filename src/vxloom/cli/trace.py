"""`vxloom trace`: where a frame would go, told from what is compiled."""

from __future__ import annotations

import json

import click

from vxloom.cli.options import output_option


@click.command("trace")
@click.option("--from", "source", required=True, metavar="VM", help="Sending VM (name or id).")
@click.option("--to", "target", required=True, metavar="VM", help="Receiving VM (name or id).")
@output_option
def command(source: str, target: str, output: str) -> None:
    """Follow a frame from one VM to another: tap, filter, bridge, FDB, VXLAN, underlay, bridge, tap.

    Exit code 0 when it would arrive, 1 when not.
    """
    from vxloom.cli.client import Client, names_from

    with names_from("cs listVirtualMachines listall=true"):
        answer = Client().call("vxloomTrace", **{"from": source, "to": target})
    content = answer.get("trace", answer)
    if output == "json" or not isinstance(content, dict):
        click.echo(json.dumps(answer, indent=2))
    else:
        click.echo(str(content.get("text", "")).rstrip())
    if isinstance(content, dict) and content.get("arrives") is False:
        raise click.exceptions.Exit(1)
