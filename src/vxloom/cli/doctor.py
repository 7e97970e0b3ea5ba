"""`vxloom doctor`: what is broken, and what to do about it."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vxloom.cli.options import chosen, config_option, output_option, show
from vxloom.settings import ETC

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vxloom.doctor.finding import Finding

_FILE = ETC / "agent.toml"


@click.command("doctor")
@click.option("--host", "this_host", is_flag=True, help="Examine this host; needs no server. Run it as root.")
@click.option("--zone", help="Only hosts of this zone (name or id).")
@click.option("--paths", is_flag=True, help="Also send probes between hosts that share a network, as large as it needs.")
@click.option("--matrix", is_flag=True, help="With --paths: show all ways that were measured; unasked with up to 12 hosts.")
@click.option("--sample", type=click.IntRange(min=1), metavar="NUMBER", help="With --paths: so many directions where there are more.")
@click.option("--seed", type=click.IntRange(min=0), metavar="NUMBER", help="With --sample: the same ones as under this number before.")
@click.option("--watch", type=click.FloatRange(min=1), metavar="SECONDS", help="Look again every so many seconds, until interrupted.")
@config_option(_FILE)
@output_option
def command(
    this_host: bool,
    zone: str | None,
    paths: bool,
    matrix: bool,
    sample: int | None,
    seed: int | None,
    watch: float | None,
    config: Path | None,
    output: str,
) -> None:
    """Find what is broken on all hosts, or on this one, and say what to do about it. Changes nothing.

    \b
    Each finding has a stable code; docs/reference/findings/CODE.md tells more. What follows from a finding is named below it.
    Exit code 0: nothing found, 1: warnings, 2: errors.
    """
    if this_host and (zone or paths):
        raise click.UsageError("--host examines this host alone: leave --zone and --paths out")
    if not paths and (matrix or sample is not None or seed is not None):
        raise click.UsageError("--matrix, --sample and --seed are about --paths: give it, too")
    wanted = {"paths": "true"} if paths else {}
    wanted |= {name: str(value) for name, value in (("sample", sample), ("seed", seed)) if value is not None}

    def look() -> int:
        return _this_host(config, output) if this_host else _all_hosts(zone, output, wanted, matrix=matrix)

    status = look()
    while watch is not None:
        time.sleep(watch)
        click.echo(f"--- {time.strftime('%H:%M:%S')}", err=output == "json")
        status = look()
    sys.exit(status)


def _this_host(config: Path | None, output: str) -> int:
    from vxloom.doctor.diagnosis import exit_code
    from vxloom.doctor.examination import examine
    from vxloom.settings import AgentSettings, load

    report = examine(load(AgentSettings, chosen(config, _FILE), {}))
    unknown = [(report.host, what, why) for what, why in report.unknown.items()]
    _show(output, {"hosts": 1, "finding": report.findings}, report.findings, unknown, hosts=1)
    return exit_code(report.findings)


def _all_hosts(zone: str | None, output: str, wanted: Mapping[str, str], *, matrix: bool) -> int:
    import msgspec

    from vxloom.cli.client import Client
    from vxloom.doctor.diagnosis import exit_code
    from vxloom.doctor.finding import Finding

    client = Client()
    where = dict(wanted)
    if zone:
        zones = [row for row in client.rows("listZones", "zone") if zone in {row.get("id"), row.get("name")}]
        if len(zones) != 1:
            raise click.UsageError(f"no single zone {zone!r}; see: cs listZones")
        where["zoneid"] = str(zones[0]["id"])
    answer = client.call("vxloomDiagnose", **where)
    told = answer.get("diagnosis", answer)
    findings = msgspec.convert(told.get("finding", []) if isinstance(told, dict) else [], list[Finding])
    unknown = msgspec.convert(told.get("unknown", []) if isinstance(told, dict) else [], list[dict[str, str]])
    hosts = int(str(told.get("hosts", 0))) if isinstance(told, dict) else 0
    if output == "table" and "paths" in wanted and isinstance(told, dict):
        _show_ways(told, matrix=matrix)
    _show(output, told, findings, [(row["host"], row["what"], row["why"]) for row in unknown], hosts=hosts)
    return exit_code(findings)


def _show(output: str, told: object, findings: Sequence[Finding], unknown: Sequence[tuple[str, str, str]], *, hosts: int) -> None:
    if output == "json":
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(told), indent=2))
    else:
        for finding in findings:
            _tell(finding)
        errors = sum(finding.severity == "error" for finding in findings)
        looked = "1 host" if hosts == 1 else f"{hosts} hosts"
        click.echo(f"{looked}: {len(findings)} findings, {errors} of them errors" if findings else f"{looked}: nothing found")
    for host, what, why in unknown:
        click.echo(f"not looked at: {what} of {host} ({why})", err=True)


def _show_ways(told: Mapping[str, object], *, matrix: bool) -> None:
    import msgspec

    from vxloom.cli import ways

    measured = msgspec.convert(told.get("path", []), list[ways.Way])
    if measured and (matrix or len({way.host for way in measured} | {way.to for way in measured}) <= ways.FEW):
        show("table", *ways.matrix(measured))
    elif ill := [way for way in measured if not way.well]:
        show("table", ("from", "to", "way"), [(way.host, way.to, ways.cell(way)) for way in ill])
    click.echo(ways.coverage_text(msgspec.convert(told.get("coverage", {}), ways.Coverage)))


def _tell(finding: Finding) -> None:
    colour = {"error": "red", "warning": "yellow"}.get(finding.severity)
    click.echo(click.style(f"{finding.severity:<8} {finding.code}: {finding.title}", fg=colour, bold=True))
    parts = (
        ("where", f"{finding.host} {finding.where}"),
        ("expected", finding.expected),
        ("seen", finding.seen),
        ("to do", finding.remedy),
    )
    for name, text in parts:
        if text:
            click.echo(f"         {name:<9} {text}")
    for consequence in finding.explains:
        click.echo(f"         explains  {consequence}")
