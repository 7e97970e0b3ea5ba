"""`vxloom doctor`: what is broken, and what to do about it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vxloom.cli.options import chosen, config_option, output_option
from vxloom.settings import ETC

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vxloom.doctor.finding import Finding

_FILE = ETC / "agent.toml"
_COLOURS = {"error": "red", "warning": "yellow"}


@click.command("doctor")
@click.option("--host", "this_host", is_flag=True, required=True, help="Examine this host; needs no server.")
@config_option(_FILE)
@output_option
def command(this_host: bool, config: Path | None, output: str) -> None:
    """Find what is broken on this host, and say what to do about it. Changes nothing.

    \b
    Each finding has a stable code; docs/reference/findings/CODE.md tells more. What follows from a finding is named below it.
    Exit code 0: nothing found, 1: warnings, 2: errors.
    """
    from vxloom.doctor.diagnosis import diagnose, exit_code
    from vxloom.doctor.gather import gather
    from vxloom.settings import AgentSettings, load

    evidence = gather(load(AgentSettings, chosen(config, _FILE), {}))
    findings = diagnose(evidence)
    if output == "json":
        import msgspec

        click.echo(
            msgspec.json.format(msgspec.json.encode({"host": evidence.host, "findings": findings, "unknown": evidence.unknown}), indent=2)
        )
    else:
        _tell(findings, evidence.unknown)
    sys.exit(exit_code(findings))


def _tell(findings: Sequence[Finding], unknown: Mapping[str, str]) -> None:
    for finding in findings:
        click.echo(click.style(f"{finding.severity:<8} {finding.code}: {finding.title}", fg=_COLOURS.get(finding.severity), bold=True))
        click.echo(f"         where     {finding.where}")
        for name, text in (("expected", finding.expected), ("seen", finding.seen), ("to do", finding.remedy)):
            if text:
                click.echo(f"         {name:<9} {text}")
        for consequence in finding.explains:
            click.echo(f"         explains  {consequence}")
    for what, why in unknown.items():
        click.echo(f"not looked at: {what} ({why})", err=True)
    errors = sum(finding.severity == "error" for finding in findings)
    click.echo(f"{len(findings)} findings, {errors} of them errors" if findings else "nothing found: this host is as it should be")
