"""`vxloom show`: what the kernels of all hosts hold, or of one, with names and with marks of what differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from vxloom.cli.options import aligned, chosen, config_option, output_option
from vxloom.settings import ETC

if TYPE_CHECKING:
    from vxloom.model.show import Drift, Row

_FILE = ETC / "agent.toml"
_VIEWS = ("vteps", "vnis", "fdb", "ports", "bridges", "bum")
_LINES = 1000
_NAMES = ("network", "account", "project", "domain", "vm")
_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "vteps": ("host", "vtep", "remote_host", "kind", "vnis", "macs"),
    "vnis": ("host", "vni", "device", "bridge", "vtep", "udp_port", "mtu", "up", "ports", "macs", "vteps", "flags", *_NAMES[:4]),
    "fdb": ("host", "vni", "device", "mac", "vtep", "remote_host", "kind", "tables", "flags", "network", "vm"),
    "ports": ("host", "vni", "bridge", "device", "kind", "mac", "mtu", "up", "flags", "nic", *_NAMES),
    "bridges": ("host", "vni", "bridge", "mac", "mtu", "up", "ports", "neighbours", "flags", *_NAMES[:4]),
    "bum": ("host", "vni", "device", "vtep", "remote_host", "kind", *_NAMES[:4]),
}
_COLOURS = {"missing": "red", "extra": "yellow", "wrong": "red", "foreign": "cyan"}


@click.command("show")
@click.argument("view", type=click.Choice(_VIEWS))
@click.option("--host", "this_host", is_flag=True, help="This host alone; needs no server, knows no names. Run it as root.")
@click.option("--on", metavar="NAME", help="One host, through the server.")
@click.option("--zone", help="Only hosts of this zone (name or id).")
@click.option("--vni", type=click.IntRange(0, 16777215), help="Only this VNI.")
@click.option("--mac", help="Only this MAC, or the segments that know it.")
@click.option("--vm", help="Only this machine's MACs, or its segments (name or id).")
@click.option("--network", help="Only this network (name or id).")
@click.option("--limit", type=click.IntRange(1), default=_LINES, show_default=True, help="Most rows; what differs is left off last.")
@config_option(_FILE)
@output_option
def command(view: str, this_host: bool, config: Path | None, limit: int, output: str, **only: str | int | None) -> None:
    """Show what the kernels of all hosts hold, and what of it is not as wanted. Changes nothing.

    \b
    vteps    tunnel end points: this host's and those its entries lead to
    vnis     VXLAN devices
    fdb      where each MAC is
    ports    bridge ports: machines' taps, VXLAN devices, others
    bridges  bridges
    bum      who gets copies of broadcast, unknown unicast and multicast

    drift: missing (wanted, not there), extra (not wanted), wrong, foreign (not vxloom's, or learnt). Empty columns are left out.
    Exit code 1: a host did not answer.
    """
    given = {name: str(value) for name, value in only.items() if value is not None}
    if this_host:
        if beside := given.keys() & {"on", "zone", "vm", "network"}:
            raise click.UsageError(f"--host shows this host alone and knows no names: leave --{' and --'.join(sorted(beside))} out")
        silent = _this_host(view, given, limit, config, output)
    else:
        silent = _all_hosts(view, given, limit, output)
    raise click.exceptions.Exit(int(silent))


def _this_host(view: str, given: Mapping[str, str], limit: int, config: Path | None, output: str) -> bool:
    import msgspec

    from vxloom.doctor.show import show
    from vxloom.model.addresses import format_mac, parse_mac
    from vxloom.model.show import Query, View
    from vxloom.settings import AgentSettings, load

    macs = (format_mac(parse_mac(given["mac"])),) if "mac" in given else None
    vnis = (int(given["vni"]),) if "vni" in given else None
    told = show(load(AgentSettings, chosen(config, _FILE), {}), Query(View(view), vnis, macs, limit))
    if output == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(told), indent=2))
    else:
        _table(view, told.rows, told.total, told.drift, hosts=1)
        if told.note:
            click.echo(told.note, err=True)
    return False


def _all_hosts(view: str, given: Mapping[str, str], limit: int, output: str) -> bool:
    import json

    import msgspec

    from vxloom.cli.client import Client
    from vxloom.model.show import Drift, Row

    if "on" in given:
        given = {**{name: value for name, value in given.items() if name != "on"}, "host": given["on"]}
    told = Client().call("vxloomShow", view=view, limit=str(limit), **given).get("show", {})
    content = told if isinstance(told, dict) else {}
    silent, notes = (msgspec.convert(content.get(name, []), list[dict[str, str]]) for name in ("silent", "note"))
    if output == "json":
        click.echo(json.dumps(content, indent=2))
    else:
        rows = msgspec.convert(content.get("row", []), list[Row])
        drift = {Drift(str(one["drift"])): int(one["count"]) for one in content.get("drift", [])}
        _table(view, rows, int(content.get("total", 0)), drift, hosts=int(content.get("hosts", 0)))
        for one in notes:
            click.echo(f"{one['host']}: {one['note']}", err=True)
    for one in silent:
        click.echo(f"not shown: {one['host']} ({one['why']})", err=True)
    return bool(silent)


def _table(view: str, rows: Sequence[Row], total: int, drift: Mapping[Drift, int], *, hosts: int) -> None:
    named = any(row.vm for row in rows)  # whoever knows the machine needs no id of its card; programs get both
    columns = [name for name in (*_COLUMNS[view], "drift", "detail") if not (named and name == "nic")]
    names = [name for name in columns if any(_cell(row, name) for row in rows)]
    if rows:
        head, *body = aligned([[name.replace("_", " ") for name in names], *([_cell(row, name) for name in names] for row in rows)])
        click.echo(click.style(head, bold=True))
        for row, line in zip(rows, body, strict=True):
            click.echo(click.style(line, fg=_COLOURS[row.drift]) if row.drift else line)
    click.echo(_summary(len(rows), total, drift, hosts))


def _summary(rows: int, total: int, drift: Mapping[Drift, int], hosts: int) -> str:
    parts = [f"{total:,} rows" if total != 1 else "1 row", *(f"{count:,} {word}" for word, count in drift.items())]
    text = f"{hosts} host{'s' if hosts != 1 else ''}: {', '.join(parts)}"
    return text if rows == total else f"{text}; {total - rows:,} left off: narrow it (--help), or raise --limit"


def _cell(row: Row, name: str) -> str:
    value = getattr(row, name)
    if isinstance(value, bool):
        return "up" if value else "down"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return " ".join(value)
    return "" if value in {None, ""} or (name in {"udp_port", "mtu"} and not value) else str(value)
