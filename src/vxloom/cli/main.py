"""The `vxloom` command: a table of commands, each loaded when it is called, and one place where errors become words."""

from __future__ import annotations

import importlib
import sys

import click

from vxloom import __version__
from vxloom.errors import ConfigError, RequestError, VxloomError

COMMANDS = {
    "server": "Run the management server.",
    "agent": "Run the agent of this hypervisor, or look once with --observe.",
    "lab": "A cloud of many hosts on this machine: up, down, status, env, exec, guest, fault.",
    "demo": "Show the whole system at work on this machine, every claim checked.",
    "host": "Make this machine a hypervisor: check, plan, apply, undo. Hosts of a cloud: list, token, confirm.",
    "doctor": "What is broken, on all hosts or this one, and what to do about it.",
    "show": "What the kernels of all hosts hold: VTEPs, VNIs, FDB, ports, bridges, BUM; what is not as wanted.",
    "capture": "Tunnel packets from the wire, decoded inside and out, with what is remarkable about them.",
    "logs": "Known lines in logs: what they mean and what to do.",
    "support-bundle": "Everything somebody who helps needs, in one file, without secrets.",
    "plan": "What would change on a host, and why.",
    "why": "Can two VMs talk, and if not why, from the kernels of their hosts.",
    "trace": "Where a frame from one VM to another would go.",
    "completion": 'Shell completion: eval "$(vxloom completion bash)".',
}
"""Command → one line of help; the module of that name (``_`` for ``-``) in this package has a click command ``command``."""


class LazyGroup(click.Group):
    """Knows its commands by name and loads only the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names, in the order of a newcomer's day."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"vxloom.cli.{cmd_name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list without loading anything."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="vxloom")
def cli() -> None:
    """VXLAN overlay networks for KVM clouds, spoken to in CloudStack's API.

    \b
    Try it here:        vxloom demo
    A cloud to play:    vxloom lab up; eval "$(vxloom lab env)"; cs listNetworks
    For real:           vxloom server --data /var/lib/vxloom/server        (management)
                        vxloom host token h1 --zone ZONE                   (a one-time token)
                        vxloom agent --server MGMT:8250                    (each hypervisor)

    Exit codes: 0 done, 1 failed (the message says what to do), 2 wrong command line or settings.
    """


def main() -> None:
    """Entry point: foreign tracebacks are for logs, people get one line."""
    try:
        # Without standalone mode an Exit is not raised here: click returns its code. Commands return nothing.
        sys.exit(cli.main(standalone_mode=False))
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except ConfigError as error:
        click.echo(f"vxloom: {error}", err=True)
        sys.exit(2)
    except RequestError as error:
        click.echo(f"vxloom: the server refused ({error.code}): {error}", err=True)
        sys.exit(1)
    except VxloomError as error:
        click.echo(f"vxloom: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(141)
    except OSError as error:
        click.echo(f"vxloom: {error}", err=True)
        sys.exit(1)
