"""The manual page vxloom(1), made from the commands' own help."""  # noqa: INP001 - a script

from __future__ import annotations

from collections.abc import Iterator

import click

from vxloom import __version__
from vxloom.cli.main import cli

_WIDTH = 78
_NAME = """\
.TH VXLOOM 1 "" "vxloom @VERSION@" "vxloom"
.SH NAME
vxloom \\- VXLAN overlay networking for KVM clouds, driven by Apache CloudStack's API
"""
_FILES = """\
.SH SERVICES
.TP
.B vxloom\\-agent.service
runs \\fBvxloom agent\\fR on a hypervisor. Before it is enabled, \\fI/etc/vxloom/agent.toml\\fR names a server and
\\fI/etc/vxloom/join.token\\fR holds a token. Stopping it takes nothing down.
.TP
.B vxloom\\-server.service
runs \\fBvxloom server\\fR as the user vxloom. Commands that open the database themselves (backup, restore, new\\-epoch, password) are run
as that user:
\\fBrunuser \\-u vxloom \\-\\- vxloom server backup\\fR \\fIFILE\\fR.
.SH FILES
.TP
.I /etc/vxloom/agent.toml, server.toml, host.toml
settings; every key is optional
.TP
.I /etc/vxloom/join.token
the one\\-time token of a host that has not joined
.TP
.I /var/lib/vxloom/server
database, authority and keys of the server; \\fIadmin.env\\fR holds the admin's endpoint and keys
.TP
.I /var/lib/vxloom/agent
the host's identity and its last good state
.TP
.I /var/lib/vxloom/host
what \\fBvxloom host apply\\fR changed, and what stood there before
.SH EXIT STATUS
0 done; 1 failed, the message says what to do; 2 wrong command line or settings.
.SH ENVIRONMENT
.TP
.B CLOUDSTACK_ENDPOINT, CLOUDSTACK_KEY, CLOUDSTACK_SECRET
where commands that speak to a server find it, and as whom
.SH SEE ALSO
.BR ip (8),
.BR bridge (8),
.BR nft (8),
.BR systemctl (1)
"""


def page() -> str:
    """Return the page's text."""
    root = click.Context(cli, info_name="vxloom")
    parts = [_NAME.replace("@VERSION@", __version__), ".SH SYNOPSIS\n.B vxloom\n[OPTIONS] COMMAND [ARGS]...\n.SH COMMANDS\n"]
    parts += (part for name in cli.list_commands(root) for part in _command(cli.get_command(root, name), root, name))
    return "".join([*parts, _FILES])


def _command(command: click.Command | None, parent: click.Context, name: str) -> Iterator[str]:
    if command is None:
        return
    context = click.Context(command, parent=parent, info_name=name, terminal_width=_WIDTH, max_content_width=_WIDTH)
    yield f".SS {_quoted(context.command_path)}\n.nf\n{_quoted(command.get_help(context))}\n.fi\n"
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            yield from _command(command.get_command(context, below), context, below)


def _quoted(text: str) -> str:
    """Return text that roff prints as it is: a line's first dot or quote would be a request."""
    lines = text.replace("\\", "\\e").replace("-", "\\-").splitlines()
    return "\n".join(f"\\&{line}" if line.startswith((".", "'")) else line for line in lines)


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - its output
