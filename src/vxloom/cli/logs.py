"""`vxloom logs`: lines of this host's logs that tell of a known fault."""

from __future__ import annotations

from pathlib import Path

import click

from vxloom.cli.options import output_option


@click.command("logs")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, dir_okay=False))
@output_option
def command(files: tuple[Path, ...], output: str) -> None:
    """Explain known lines in FILES, or in the logs of this host: CloudStack's agent, ours, the kernel's.

    Read are the last 4 MiB of each, and the journal since the last boot. Exit code 1 when anything known was found.
    """
    from vxloom.doctor import reading
    from vxloom.doctor.logs import explain

    names = files or tuple(path for path in map(Path, reading.FILES) if path.exists())
    found = [one for path in names for one in explain(str(path), reading.tail(path))]
    if not files:
        found += explain("journal", reading.journal())
    if output == "json":
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
    for one in found if output == "table" else ():
        click.echo(click.style(f"{one.name}: {one.count} in {one.source}", bold=True))
        for name, text in (("means", one.meaning), ("to do", one.remedy), ("see", one.code and f"finding {one.code}"), ("last", one.last)):
            if text:
                click.echo(f"    {name:<6} {text}")
    if output == "table" and not found:
        click.echo(f"nothing known in {', '.join(map(str, names)) or 'the journal'}")
    raise click.exceptions.Exit(int(bool(found)))
