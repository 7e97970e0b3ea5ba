"""`vxloom server`: the management server; backup and restore of its database."""

from __future__ import annotations

from pathlib import Path

import click

from vxloom.cli.options import chosen, config_option, log_to_stderr
from vxloom.settings import ETC, ServerSettings, load

_FILE = ETC / "server.toml"
_HOLD = "hosts hold what they have until you have looked and run: vxloom host confirm HOST (or --all)"


def _settings(config: Path | None, **overrides: object) -> ServerSettings:
    return load(ServerSettings, chosen(config, _FILE), overrides)


@click.group("server", invoke_without_command=True)
@config_option(_FILE)
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Database, CA, admin keys (made on first start).")
@click.option("--listen", metavar="ADDR:PORT", help="CloudStack API at /client/api.  [default: 0.0.0.0:8080]")
@click.option("--agent-listen", metavar="ADDR:PORT", help="Agents' mutual TLS streams.  [default: 0.0.0.0:8250]")
@click.option("--database", metavar="URL", help="SQLAlchemy URL.  [default: SQLite in --data]")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]))
@click.pass_context
def command(
    ctx: click.Context,
    config: Path | None,
    data: Path | None,
    listen: str | None,
    agent_listen: str | None,
    database: str | None,
    log_level: str | None,
) -> None:
    """Run the management server until SIGTERM.

    On first start it makes the admin account and writes its keys to DATA/admin.env (mode 0600):

    \b
        . DATA/admin.env; cs listZones
    """
    settings = _settings(config, data=data, listen=listen, agent_listen=agent_listen, database=database, log_level=log_level)
    ctx.obj = settings
    if ctx.invoked_subcommand is None:
        from vxloom.server.main import serve

        log_to_stderr(settings.log_level)
        serve(settings)


@command.command()
@click.argument("user")
@click.option("--domain", metavar="PATH", default="/", show_default=True, help="The user's domain, such as /a/b.")
@click.pass_obj
def password(settings: ServerSettings, user: str, domain: str) -> None:
    """Give USER a password to sign in with; the server may run.

    It is asked for twice, or read as one line from standard input if that is no terminal. Sessions of the old password end.
    """
    import sys

    from vxloom.server.offline import set_password

    if sys.stdin.isatty():
        wanted = str(click.prompt(f"New password of {user}", hide_input=True, confirmation_prompt=True, err=True))
    else:
        wanted = sys.stdin.readline().rstrip("\r\n")
    set_password(settings.data, settings.database, user, domain, wanted)
    click.echo(f"{user} can sign in")


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def backup(settings: ServerSettings, file: Path) -> None:
    """Write a consistent copy of database, CA and keys to FILE (mode 0600); the server may run."""
    from vxloom import store

    store.backup(settings.data, settings.database, file)
    click.echo(f"backup written to {file}")


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.pass_obj
def restore(settings: ServerSettings, file: Path) -> None:
    """Put FILE's content in place of what is in --data; the server must be stopped.

    The restored database gets a new epoch: hosts keep all they have, raise an alert, and wait for `vxloom host confirm`.
    """
    from vxloom import store

    epoch = store.restore(settings.data, settings.database, file)
    click.echo(f"restored from {file}; new epoch {epoch}")
    click.echo(_HOLD)


@command.command("new-epoch")
@click.pass_obj
def new_epoch(settings: ServerSettings) -> None:
    """Say that the database was put back to an earlier state; the server must be stopped.

    `restore` does it by itself. After pg_restore it is yours to say, before the server starts: else hosts take what the restored
    database does not know for deleted.
    """
    from vxloom import store

    click.echo(f"new epoch {store.renew_epoch(settings.data, settings.database)}")
    click.echo(_HOLD)
