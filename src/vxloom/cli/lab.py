"""``vxloom lab``: a cloud of many hosts on this machine, up in a second, gone without a trace."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import click

from vxloom.cli.options import show
from vxloom.cli.progress import Progress
from vxloom.errors import TransportError, VxloomError
from vxloom.lab import cloud, faults, state, topology
from vxloom.lab.entry import environment
from vxloom.lab.lab import Lab
from vxloom.lab.node import Place

if TYPE_CHECKING:
    from vxloom.lab.control import Report

_Command = TypeVar("_Command", bound=Callable[..., object])


def _which_lab(function: _Command) -> _Command:
    """The option every subcommand has."""
    return click.option(
        "--lab",
        "name",
        metavar="NAME",
        envvar="VXLOOM_LAB",
        default=topology.DEFAULT_NAME,
        show_default=True,
        help="Which lab (also $VXLOOM_LAB).",
    )(function)


@click.group("lab")
def command() -> None:
    """A cloud of many hosts on this machine: up in a second, gone without a trace.

    Hypervisors are namespaces with private files, each in its own subnet behind the router `underlay`.
    """


@command.command("up")
@_which_lab
@click.option("--hypervisors", "-n", default=3, show_default=True, help="How many: h1, h2, …, each in a subnet of its own.")
@click.option(
    "--mtu",
    type=int,
    help=f"MTU of the underlay in bytes; VXLAN takes 50 of it. [default: {topology.DEFAULT_MTU}; with --bare {topology.BARE_MTU}]",
)
@click.option("--port", default=8080, show_default=True, help="Loopback port of the API; the next free one if it is taken.")
@click.option("--empty", is_flag=True, help="No zone and no hosts yet: a management server with nothing in it.")
@click.option(
    "--bare",
    is_flag=True,
    help=f"No server either; hypervisors are unprepared, their cards at {topology.BARE_NIC_MTU}.",
)
def up(name: str, hypervisors: int, mtu: int | None, port: int, empty: bool, bare: bool) -> None:
    """Start a lab and leave it running: management server, one zone, every hypervisor joined.

    \b
    vxloom lab up --hypervisors 3
    eval "$(vxloom lab env)"           # now any CloudStack client works
    vxloom lab exec h1 -- ip -br address
    vxloom lab down
    """
    start = time.monotonic()
    underlay = mtu if mtu is not None else (topology.BARE_MTU if bare else topology.DEFAULT_MTU)
    cards = min(underlay, topology.BARE_NIC_MTU) if bare else 0
    with Progress("nodes are made") as progress:
        made = Lab(hypervisors, mtu=underlay, nic_mtu=cards, name=name, api_port=port, progress=progress.tell).up(keep=True)
        try:
            if not bare:
                progress.begin("the management server starts")
                made.start_server()
            if not bare and not empty:
                progress.begin("a zone is made and the hypervisors join it")
                api = cloud.client(made)
                cloud.join_hosts(made, api, cloud.make_zone(api))
        except BaseException:
            made.down()
            raise
    option, report = _option(name), made.report()
    click.echo(f"lab {name!r} is up after {time.monotonic() - start:.1f} s: {', '.join(node.name for node in made.nodes)}")
    keys = "" if bare else f"keys: `vxloom lab env{option}`; "
    click.echo(f"{_api(report)}  ({keys}end it: `vxloom lab down{option}`)")


@command.command("down")
@_which_lab
def down(name: str) -> None:
    """End a lab: every process, namespace and file of it. One that is not there is fine."""
    start = time.monotonic()
    known = name in state.names()
    Lab(name=name).down()
    click.echo(f"lab {name!r} is gone after {time.monotonic() - start:.1f} s" if known else f"lab {name!r} is not up")


@command.command("status")
@_which_lab
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="For a person or for a program.")
def status(name: str, output: str) -> None:
    """Nodes, addresses, processes, guests. Exit 1 if the lab is not up."""
    attached = _attach(name)
    report = attached.report()
    rows = _rows(attached, report)
    if output == "json":
        facts = {
            "name": name,
            "pid": report.pid,
            "uptime": round(time.time() - report.since, 1),
            "api_port": report.api_port,
            "nodes": rows,
        }
        click.echo(json.dumps({**facts, "hypervisors": report.spec.hypervisors, "mtu": report.spec.mtu}, indent=2))
        return
    click.echo(f"lab {name}: up {_duration(time.time() - report.since)}, underlay MTU {report.spec.mtu}, {_api(report)}")
    show("table", tuple(rows[0]), [[_cell(value) for value in row.values()] for row in rows])


@command.command("env")
@_which_lab
def env(name: str) -> None:
    """Print what a CloudStack client needs, for `eval "$(vxloom lab env)"`."""
    for key, value in sorted(_attach(name).environment().items()):
        click.echo(f"export {key}={shlex.quote(value)}")


@command.command("exec", context_settings={"allow_interspersed_args": False})
@_which_lab
@click.argument("node")
@click.argument("argv", metavar="COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
def execute(name: str, node: str, argv: tuple[str, ...]) -> None:
    """Run a command on a node: h1, h2, …, mgmt, or the router `underlay`.

    \b
    vxloom lab exec h1 -- bridge fdb show
    """
    _become(_attach(name).node(node), argv)


@command.command("guest", context_settings={"allow_interspersed_args": False})
@_which_lab
@click.argument("vm")
@click.argument("argv", metavar="COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
def guest(name: str, vm: str, argv: tuple[str, ...]) -> None:
    """Run a command inside a guest, wherever it is now.

    \b
    vxloom lab guest web1 -- ping -c3 10.1.1.12
    """
    _become(_attach(name).guest(vm), argv)


@command.group("fault")
def fault() -> None:
    """Break something on purpose; `heal` undoes it."""


def _add_fault(entry: faults.Fault) -> None:
    @_which_lab
    def cause(name: str, **arguments: str) -> None:
        click.echo(entry.cause(_attach(name), *arguments.values()))

    parameters: list[click.Parameter] = [click.Argument([f"argument{place}"], metavar=shown) for place, shown in enumerate(entry.arguments)]
    made = click.command(entry.name, help=entry.summary)(cause)
    made.params.extend(parameters)
    fault.add_command(made)


for _entry in faults.FAULTS:
    _add_fault(_entry)


def _option(name: str) -> str:
    return "" if name == topology.DEFAULT_NAME else f" --lab {name}"


def _attach(name: str) -> Lab:
    try:
        return Lab.attach(name)
    except TransportError as error:
        others = [other for other in state.names() if other != name]
        hint = f"`vxloom lab up{_option(name)}` starts it" + (f"; there is also {', '.join(others)}" if others else "")
        raise VxloomError(f"lab {name!r} is not up", remedy=hint) from error


def _become(place: Place, words: Sequence[str]) -> None:
    """Replace this process, so that terminal, signals and exit status are the command's own."""
    sys.stdout.flush()
    argv = place.command(words[1:] if words[0] == "--" else words)
    os.execvpe(argv[0], argv, environment())  # noqa: S606 - an argument list; no shell is wanted


def _rows(attached: Lab, report: Report) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for node in attached.nodes:
        processes = {
            process.name: f"pid {process.pid}" if process.running else f"ended ({process.exit_status})"
            for process in report.processes
            if process.node == node.name
        }
        addresses = [str(address) for address in (node.spec.address, node.spec.address6) if address is not None]
        guests = list(node.guests()) if node.spec.is_hypervisor else []
        rows.append({"node": node.name, "pid": node.holder, "addresses": addresses, "processes": processes, "guests": guests})
    return rows


def _api(report: Report) -> str:
    served = any(process.name == "server" for process in report.processes)
    return f"API: http://127.0.0.1:{report.api_port}/client/api" if served else "no management server"


def _cell(value: object) -> str:
    match value:
        case dict():
            return ", ".join(f"{name} {text}" for name, text in value.items()) or "-"
        case list():
            return ", ".join(value) or "-"
        case _:
            return str(value)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
