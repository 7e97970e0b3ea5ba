"""`vxloom host`: this machine made fit to be a hypervisor, and the hosts of a cloud, seen and steered from the management side."""

from __future__ import annotations

import click

from vxloom.cli import prepare
from vxloom.cli.options import output_option, show


class _InOrder(click.Group):
    """Its commands in the order in which they are used, not by the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names as they were added."""
        return list(self.commands)


@click.group("host", cls=_InOrder)
def command() -> None:
    """This machine as a hypervisor (check, plan, apply, undo, echo), and the hosts of a cloud (list, token, confirm).

    \b
    vxloom host check          what is missing here, and how much that matters; changes nothing
    vxloom host plan           what would be changed, file by file; changes nothing
    vxloom host apply          do it
    vxloom host undo           put everything back

    What this machine is to be stands in /etc/vxloom/host.toml; without it the defaults are good. No server is needed.

    The other commands need CLOUDSTACK_ENDPOINT, CLOUDSTACK_KEY and CLOUDSTACK_SECRET, or the server's admin.env.
    """


command.add_command(prepare.check)
command.add_command(prepare.plan)
command.add_command(prepare.apply)
command.add_command(prepare.undo)
command.add_command(prepare.echo)


@command.command("list")
@output_option
def list_hosts(output: str) -> None:
    """All hosts: state, VTEP, what is wrong with the hardware, and why a host holds (withdraws nothing)."""
    from vxloom.cli.client import Client

    hosts = Client().rows("listHosts", "host", type="Routing")
    columns: tuple[str, ...] = ("name", "hypervisor", "state", "resourcestate", "ipaddress", "vtep", "version", "id", "health", "holding")
    for host in hosts:
        details = host.get("details")
        told = details if isinstance(details, dict) else {}
        host |= {column: told.get(f"vxloom.{column}", "") for column in ("vtep", "health", "holding")}
    if output == "json":
        columns += ("details",)
    show(output, columns, [[host.get(column) for column in columns] for host in hosts])


@command.command()
@click.argument("name")
@click.option("--zone", required=True, help="Zone name or id.")
def token(name: str, zone: str) -> None:
    """Print a one-time token with which host NAME may join ZONE; put it into /etc/vxloom/join.token there."""
    from vxloom.cli.client import Client

    client = Client()
    zones = [row for row in client.rows("listZones", "zone") if zone in {row.get("id"), row.get("name")}]
    if len(zones) != 1:
        raise click.UsageError(f"no single zone {zone!r}; see: cs listZones")
    answer = client.call("createHostJoinToken", name=name, zoneid=str(zones[0]["id"]))
    click.echo(_token_text(answer))


@command.command()
@click.argument("name", required=False)
@click.option("--all", "everyone", is_flag=True, help="Every host, also those that are away.")
def confirm(name: str | None, everyone: bool) -> None:
    """Tell host NAME that what the server says now is the truth, also what it no longer says.

    A host holds (withdraws nothing) after a restored, empty or wrong database, or when a plan would remove many ports
    at once. Look at `vxloom plan HOST` first: it lists what will go.
    """
    from vxloom.cli.client import Client, names_from

    client = Client()
    if everyone == bool(name):
        raise click.UsageError("give a host's name, or --all")
    names = [str(host["name"]) for host in client.rows("listHosts", "host", type="Routing")] if everyone else [str(name)]
    for one in names:
        with names_from("vxloom host list"):
            client.run("confirmHost", name=one)
        click.echo(f"{one}: confirmed")


def _token_text(answer: dict[str, object]) -> str:
    inner = answer.get("hostjointoken", answer)
    return str(inner.get("token")) if isinstance(inner, dict) else str(inner)
