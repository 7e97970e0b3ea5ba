"""`vxloom show`: what the kernels of all hosts hold, or of one, with names and with marks of what differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from vxloom.cli.options import aligned, chosen, config_option, output_option
from vxloom.settings import ETC

if TYPE_CHECKING:
    from vxloom.model.show import Row

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
    import json

    given = {name: str(value) for name, value in only.items() if value is not None}
    if this_host and (beside := given.keys() & {"on", "zone", "vm", "network"}):
        raise click.UsageError(f"--host shows this host alone and knows no names: leave --{' and --'.join(sorted(beside))} out")
    content = _this_host(view, given, limit, config) if this_host else _all_hosts(view, given, limit)
    if output == "json":
        click.echo(json.dumps(content, indent=2))
    else:
        _tell(view, content, alone=this_host)
    silent = _lines(content, "silent")
    for one in silent:
        click.echo(f"not shown: {one['host']} ({one['why']})", err=True)
    raise click.exceptions.Exit(int(bool(silent)))


def _this_host(view: str, given: Mapping[str, str], limit: int, config: Path | None) -> dict[str, object]:
    """Return this host's answer in the form of the server's."""
    import msgspec

    from vxloom.doctor.show import show
    from vxloom.model.addresses import format_mac, parse_mac
    from vxloom.model.show import Query, View
    from vxloom.settings import AgentSettings, load

    macs = (format_mac(parse_mac(given["mac"])),) if "mac" in given else None
    vnis = (int(given["vni"]),) if "vni" in given else None
    told = show(load(AgentSettings, chosen(config, _FILE), {}), Query(View(view), vnis, macs, limit))
    return {
        "view": view,
        "hosts": 1,
        "total": told.total,
        "row": [{"host": told.host, **msgspec.to_builtins(row)} for row in told.rows],
        "drift": [{"drift": str(drift), "count": count} for drift, count in told.drift.items()],
        "note": [{"host": told.host, "note": told.note}] if told.note else [],
    }


def _all_hosts(view: str, given: Mapping[str, str], limit: int) -> dict[str, object]:
    from vxloom.cli.client import Client

    named = {"host" if name == "on" else name: value for name, value in given.items()}
    content = Client().call("vxloomShow", view=view, limit=str(limit), **named).get("show", {})
    return content if isinstance(content, dict) else {}


def _lines(content: Mapping[str, object], name: str) -> list[dict[str, str]]:
    import msgspec

    return msgspec.convert(content.get(name, []), list[dict[str, str]])


def _tell(view: str, content: Mapping[str, object], *, alone: bool) -> None:
    import msgspec

    from vxloom.model.show import Row

    rows = msgspec.convert(content.get("row", []), list[Row])
    drift = msgspec.convert(content.get("drift", []), list[dict[str, str | int]])
    _table([name for name in _COLUMNS[view] if not (alone and name == "host")], rows)
    total, hosts = (int(str(content.get(name, 0))) for name in ("total", "hosts"))
    click.echo(_summary(len(rows), total, [f"{one['count']:,} {one['drift']}" for one in drift], hosts))
    for one in _lines(content, "note"):
        click.echo(one["note"] if alone else f"{one['host']}: {one['note']}", err=True)


def _table(columns: Sequence[str], rows: Sequence[Row]) -> None:
    named = any(row.vm for row in rows)  # whoever knows the machine needs no id of its card; programs get both
    wanted = [name for name in (*columns, "drift", "detail") if not (named and name == "nic")]
    names = [name for name in wanted if any(_cell(row, name) for row in rows)]
    if rows:
        head, *body = aligned([[name.replace("_", " ") for name in names], *([_cell(row, name) for name in names] for row in rows)])
        click.echo(click.style(head, bold=True))
        for row, line in zip(rows, body, strict=True):
            click.echo(click.style(line, fg=_COLOURS[row.drift]) if row.drift else line)


def _summary(rows: int, total: int, drift: Sequence[str], hosts: int) -> str:
    parts = [f"{total:,} rows" if total != 1 else "1 row", *drift]
    text = f"{hosts} host{'s' if hosts != 1 else ''}: {', '.join(parts)}"
    return text if rows == total else f"{text}; {total - rows:,} left off: narrow it (--help), or raise --limit"


def _cell(row: Row, name: str) -> str:
    value = getattr(row, name)
    if isinstance(value, bool):
        return "up" if value else "down"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return " ".join(value)
    return "" if value in {None, ""} or (name in {"udp_port", "mtu"} and not value) else str(value)
