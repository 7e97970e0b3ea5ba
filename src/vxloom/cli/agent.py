"""`vxloom agent`: the VTEP's process on a hypervisor."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click

from vxloom.cli.options import chosen, config_option, log_to_stderr, output_option, show
from vxloom.errors import ConfigError
from vxloom.settings import ETC, AgentSettings, load

_FILE = ETC / "agent.toml"


@click.command("agent")
@config_option(_FILE)
@click.option("--server", metavar="HOST:PORT[,…]", help="Management server's agent port.")
@click.option("--name", help="Name to join as.  [default: host name]")
@click.option("--vtep", metavar="ADDR", help="Underlay address of this tunnel end point.")
@click.option("--state-dir", type=click.Path(path_type=Path, file_okay=False))
@click.option("--run-dir", type=click.Path(path_type=Path, file_okay=False))
@click.option("--token-file", type=click.Path(path_type=Path, dir_okay=False), help="One-time join token (`vxloom host token`).")
@click.option("--observe", is_flag=True, help="Change nothing: print what is here and what would be done, and end.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]))
@output_option
def command(config: Path | None, observe: bool, output: str, **overrides: object) -> None:
    """Run the agent of this hypervisor until SIGTERM; traffic goes on when it ends.

    \b
    First start:  vxloom agent --server MGMT:8250 --token-file /etc/vxloom/join.token
    On any host:  vxloom agent --observe       (also a stock CloudStack one: nothing is touched)
    """
    settings = load(AgentSettings, chosen(config, _FILE), overrides)
    log_to_stderr(settings.log_level)
    if os.geteuid() != 0:
        raise ConfigError("the agent needs root: it reads and writes the kernel's network state", remedy="run it with sudo")
    if observe:
        _observe(settings, output)
        return
    from vxloom.agent.captures import Captures
    from vxloom.agent.main import serve
    from vxloom.agent.questions import Look
    from vxloom.model.wire import CAPTURE, FINDINGS, SHOW, WHY

    captures = Captures(settings)
    looks: dict[str, Look] = {
        FINDINGS: lambda _: _examine(settings),
        WHY: lambda about: _why(settings, about),
        SHOW: lambda about: _show(settings, about),
        CAPTURE: captures.capture,
    }

    async def run() -> None:
        try:
            await serve(settings, looks)
        finally:
            captures.close()

    asyncio.run(run())


def _examine(settings: AgentSettings) -> bytes:
    """Answer the server's question for findings."""
    import msgspec

    from vxloom.doctor.examination import examine

    return msgspec.json.encode(examine(settings))


def _why(settings: AgentSettings, about: bytes) -> bytes:
    """Answer the server's question what this kernel holds about two NICs."""
    import msgspec

    from vxloom.doctor.evidence import Process
    from vxloom.doctor.why.gather import gather
    from vxloom.model.pair import Pair

    return msgspec.json.encode(gather(settings, msgspec.json.decode(about, type=Pair), agent=Process.RUNS))


def _show(settings: AgentSettings, about: bytes) -> bytes:
    """Answer the server's question for what the kernel holds."""
    import msgspec

    from vxloom.doctor.show import show as look
    from vxloom.model.show import MOST, Query

    query = msgspec.json.decode(about, type=Query)
    return msgspec.json.encode(look(settings, msgspec.structs.replace(query, limit=min(query.limit, MOST))))


def _observe(settings: AgentSettings, output: str) -> None:
    from vxloom.agent.main import observe

    state, text = observe(settings)
    rows: list[tuple[object, ...]] = [(kind, name, "vxloom", "") for kind, name in sorted(state.resources)]
    rows += [
        ("rows", vni, "vxloom", f"{len(r.fdb)} FDB, {len(r.flood)} flood, {len(r.neighbours)} neighbours") for vni, r in state.rows.items()
    ]
    rows += [(other.kind, other.name, "foreign", other.detail) for other in state.foreign]
    rows += [("port", stray.name, "foreign", f"on our bridge {stray.bridge}") for stray in state.strays]
    show(output, ("kind", "name", "owner", "detail"), rows)
    if output == "table":
        click.echo(text)
