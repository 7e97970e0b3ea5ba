"""The reference of the API as Markdown, made from the same declarations that check requests: ``docs/api.md``."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterable, Iterator

from vxloom.server.absent import REFUSED, Absent, EmptyList
from vxloom.server.command import Command, Field, registry

HEAD = """\
# API

Apache CloudStack's query API at `/client/api`, GET or POST, JSON (`response=json`) or XML, signed with HMAC-SHA1. Any client that
speaks it will do; the examples are for `cs` (PyPI). Commands that CloudStack does not have say so.

This page is generated: `python -m vxloom.server.reference > docs/api.md`. The same table answers `listApis`.

**Async** commands answer with a `jobid`; `queryAsyncJobResult` tells what came of it. A job waits for the hosts concerned until
`vxloom.job.deadline`; hosts that are down or silent are named in the result (`pendinghosts`).
Lists take `page` and `pagesize` (together) and `keyword`; every name filter ignores case.
Errors: 401 not let in, 430 malformed, 431 parameter, 432 no such command, 530 internal or a job that failed, 531 not yours,
533 nothing left to give, 534 host not connected, 536 in use.
"""

ABSENT = """\
## Lists that are always empty

Clients ask for these on their way. They take CloudStack's filters, and answer as a CloudStack does that has none of it.
"""
REFUSING = """
## Commands that are refused

CloudStack has them, vxloom does not: they answer 432 with the reason, under the key `errorresponse`, and `listApis` leaves them out.
Any other unknown name is 432, too.
"""


def markdown() -> str:
    """Return the whole page; every command has a heading of its name."""
    commands = sorted(registry().values(), key=lambda command: command.name.lower())
    ours = [command for command in commands if not isinstance(command, Absent)]
    theirs = [command for command in commands if isinstance(command, Absent)]
    return "\n".join([HEAD, *(_section(command) for command in ours), *_absent(theirs)])


def _absent(commands: Iterable[Absent]) -> Iterator[str]:
    yield ABSENT
    yield "| command | who | answers |\n|---|---|---|"
    for command in commands:
        answer = "`{}`" if isinstance(command, EmptyList) else f"`{command.answer[0].name}` false"
        yield f"| `{command.name}` | {_who(command)} | {answer}. {command.summary()} |"
    yield REFUSING
    yield "| command | why not | instead |\n|---|---|---|"
    reasons = sorted(((reason, name) for name, reason in REFUSED.items()))
    for reason, named in itertools.groupby(reasons, key=lambda item: item[0]):
        yield f"| {', '.join(f'`{name}`' for _, name in named)} | {reason[0]} | {reason[1]} |"
    yield ""


def _who(command: Command) -> str:
    if command.unsigned:
        return "everybody, without a signature"
    return "all accounts" if command.for_users else "domain admins" if command.for_domain_admins else "root admins"


def _section(command: Command) -> str:
    flags = [*(["async"] if command.asynchronous else []), _who(command)]
    lines = [
        f"## {command.name}",
        "",
        f"*{', '.join(flags)}*",
        "",
        inspect.getdoc(command) or "",
        "",
        "```",
        f"cs {command.example}",
        "```",
        "",
    ]
    if command.parameters:
        lines += ["| parameter | type | meaning |", "|---|---|---|"]
        lines += [f"| `{p.name}`{' (required)' if p.required else ''} | {p.kind} | {_cell(p.description)} |" for p in command.parameters]
        lines.append("")
    lines += [f"Answer: {_names(command.answer)}.", ""]
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Return a docstring as Markdown: double backticks are reStructuredText's."""
    return text.replace("``", "`")


def _names(answer: Iterable[Field]) -> str:
    return ", ".join(f"`{field.name}`" for field in answer)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(markdown(), end="")  # noqa: T201 - its output is the page
