"""`vxloom support-bundle`: one file for somebody who helps from afar."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vxloom.cli.options import Size, chosen, config_option, output_option, show
from vxloom.errors import ConfigError
from vxloom.settings import ETC

if TYPE_CHECKING:
    from vxloom.cli.progress import Progress
    from vxloom.support.bundle import Bundle

_FILE = ETC / "agent.toml"


@click.command("support-bundle")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Folder for the file.  [default: this one]")
@click.option("--no-server", is_flag=True, help="Only this host; do not ask the server.")
@click.option("--seconds", type=click.FloatRange(1, 3600), default=180.0, show_default=True, help="Begin nothing new after so long.")
@click.option("--size", type=Size(), default="64M", show_default=True, help="Collect so much at the most, before it is packed.")
@config_option(_FILE)
@output_option
def command(into: Path, no_server: bool, seconds: float, size: int, config: Path | None, output: str) -> None:
    """Collect what is needed to find a fault from afar: of this host, and with a root admin's keys of the server and all its hosts.

    Versions, settings, what the agent believes, what the kernel holds, what the doctor finds, the ends of logs, alerts, events and jobs.
    Secrets are taken out: passwords, keys, tokens, cookies, signatures. Changes nothing; what could not be collected is said.
    Run it as root.
    """
    import socket

    from vxloom.cli.progress import Progress
    from vxloom.settings import AgentSettings, load
    from vxloom.support import host
    from vxloom.support.bundle import Bundle
    from vxloom.support.redaction import Redaction

    settings = load(AgentSettings, chosen(config, _FILE), {})
    if not into.is_dir():
        raise ConfigError(f"there is no folder {into}", remedy="make it, or name another with --into")
    begun, name = time.gmtime(), settings.name or socket.gethostname()
    bundle = Bundle(Redaction(host.known_secrets()), seconds=seconds, size=size)
    with Progress("looking") as progress:
        host.collect(bundle, settings, progress.begin)
        if not no_server:
            _ask_server(bundle, progress)
        path = into / f"vxloom-support-{_plain(name)}-{time.strftime('%Y%m%dT%H%M%SZ', begun)}.tar.gz"
        progress.begin("packing")
        bundle.write(path, f"vxloom support bundle of {name}, {time.strftime('%Y-%m-%d %H:%M:%S', begun)} UTC")
    if output == "json":
        import msgspec

        told = {"file": str(path), "parts": bundle.parts, "missing": bundle.missing}
        click.echo(msgspec.json.format(msgspec.json.encode(told), indent=2))
        return
    show("table", ("part", "bytes", "secrets removed", ""), [(p.name, p.bytes, p.removed, "cut" if p.cut else "") for p in bundle.parts])
    for part, why in bundle.missing.items():
        click.echo(f"not collected: {part} ({why})", err=True)
    removed = sum(part.removed for part in bundle.parts)
    click.echo(f"{len(bundle.parts)} parts, {removed} secrets removed: {path} ({path.stat().st_size >> 10} KiB)")
    click.echo("It names hosts, networks, machines and addresses. Look through it before you give it away: tar -tzf, MANIFEST.txt")


def _ask_server(bundle: Bundle, progress: Progress) -> None:
    from vxloom.cli.client import Client
    from vxloom.support import cloud

    try:
        client = Client()
    except ConfigError as error:
        bundle.missing["server"] = str(error)
        return
    cloud.collect(bundle, client, progress.begin)


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in name)
