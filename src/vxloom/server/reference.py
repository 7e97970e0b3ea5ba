"""The reference of the API as Markdown, made from the same declarations that check requests: ``docs/api.md``."""

from __future__ import annotations

import importlib
import inspect
import itertools
import pkgutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType

from vxloom.server import untaken, views
from vxloom.server.absent import REFUSED, Absent, EmptyList
from vxloom.server.command import SUCCESS, Command, Field, registry
from vxloom.server.parameters import Kind
from vxloom.server.raises import errors_of

HEAD = """\
# API

Apache CloudStack's query API at `/client/api`, GET or POST, JSON (`response=json`) or XML, signed with HMAC-SHA1. Any client that
speaks it will do; the examples are for `cs` (PyPI). Commands that CloudStack does not have say so. Which of CloudStack's are here:
[coverage](reference/coverage.md).

This page is generated: `python -m vxloom.server.reference > docs/api.md`. The same table answers `listApis`.

**Async** commands answer with a `jobid`; `queryAsyncJobResult` tells what came of it. A job waits for the hosts concerned until
`vxloom.job.deadline`; hosts that are down or silent are named in the result (`pendinghosts`).
Lists take `page` and `pagesize` (together) and `keyword`; every name filter ignores case. A field without a value is left out, and an
empty list is `{}`.

Every parameter CloudStack 4.22 has for a command does something, or is named below the command's table with what comes of giving it: it
is refused, or is a filter that nothing fits, or is [taken without effect](#taken-without-effect). Values in brackets ask for nothing, and
do no harm. Names CloudStack does not know are ignored, as there.

Every command that changes something takes `idempotencykey`, too: repeated with the same one it is done once and answered alike. Those
whose answer holds a secret refuse it (431), and say so.

## Errors

An error is `{"errorcode": …, "cserrorcode": …, "errortext": …}` under the command's own key; the HTTP status is the same code. What a
command checks by itself is listed with it; `…` stands for a value. Every command may answer these:

| code | when |
|---|---|
| 401 | the key is unknown, its user disabled, the signature wrong, the request expired; or the command is not for this account |
| 405 | a change sent by GET where `enforce.post.requests.and.timestamps` is set |
| 408 | the request, or its body, did not come in time |
| 413, 415 | the body is too large (1 MiB), or not `application/x-www-form-urlencoded` |
| 430 | malformed: not URL-encoded UTF-8, or a name with brackets that is no `name[0].field` |
| 431 | a required parameter is missing; a value is not of its type or too long; control characters; an id that names nothing, \
or something of another account; `page` without `pagesize`, or more than 500 (-1: all); a name or address that is taken; an \
`idempotencykey` or `customid` that was used for another call, or with a command whose answer holds a secret |
| 432 | there is no such command, or [it is refused](#commands-that-are-refused) |
| 530 | internal; or what a job failed with: a host did not acknowledge in time |
| 531 | not yours to do |
| 533 | nothing left to give: addresses, VNIs, hosts with room |
| 534 | the host is not connected |
| 536 | something uses it |

A job that fails has `jobstatus` 2, the code as `jobresultcode`, and `errorcode` and `errortext` in its `jobresult`.
"""

IDLE = """\
## Taken without effect

These parameters change nothing: there is nothing to do, or a client sends them whatever was asked of it.

| parameter | of | why |
|---|---|---|"""
OBJECTS = """\
## Objects

What several commands answer with, or what is inside it. *list* with a link: a list of such objects.
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
_UNTAKEN = {
    untaken.Effect.REFUSED: "Refused (431)",
    untaken.Effect.UNKNOWN: "Names nothing (431)",
    untaken.Effect.EMPTY: "Nothing fits (the list is empty)",
    untaken.Effect.IDLE: "**Taken without effect**",
}
_TITLES = {
    "NIC": "NIC",
    "DEDICATED": "Dedicated VNI range",
    "ELEMENT": "Provider element",
    "GUEST_VLAN": "VNI",
    "JOB": "Async job",
    "KEYS": "API keys",
    "KEY_PAIR": "SSH key pair",
    "MADE_KEY_PAIR": "New SSH key pair",
    "MEMBER": "Project member",
    "PERMISSION": "Role permission",
    "PHYSICAL": "Physical network",
    "PROVIDER": "Network service provider",
    "RANGE": "Address range",
    "SERVICE": "Network service",
    "SECONDARY_IP": "Secondary address",
    "TRAFFIC": "Traffic type",
}
"""Headings of objects that are not simply the names of their tables in ``server/views``."""
_TABLE = "| field | type | meaning |\n|---|---|---|"
Shape = tuple[Field, ...]


def markdown() -> str:
    """Return the whole page; every command has a heading of its name."""
    commands = sorted(registry().values(), key=lambda command: command.name.lower())
    ours = [command for command in commands if not isinstance(command, Absent)]
    theirs = [command for command in commands if isinstance(command, Absent)]
    return "\n".join([HEAD, *(_section(command) for command in ours), *_idle(), *_objects(), *_absent(theirs)])


@cache
def objects() -> Mapping[Shape, str]:
    """Return the objects of the API, the tables of fields in ``server/views``, with their headings."""
    found: dict[Shape, str] = {}
    for module in pkgutil.iter_modules(views.__path__, f"{views.__name__}."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if name.isupper() and isinstance(value, tuple) and value and all(isinstance(item, Field) for item in value):
                found.setdefault(value, _TITLES.get(name, name.replace("_", " ").capitalize()))
    return MappingProxyType(dict(sorted(found.items(), key=lambda item: item[1].lower())))


def _idle() -> Iterator[str]:
    yield IDLE
    rows: dict[tuple[str, str], list[str]] = {}
    for name in sorted(registry()):
        for one in untaken.of(name):
            if one.effect is untaken.Effect.IDLE:
                rows.setdefault((one.name, one.why), []).append(f"`{name}`")
    for (parameter, why), commands in sorted(rows.items()):
        yield f"| `{parameter}` | {', '.join(commands)} | {why} |"
    yield ""


def _objects() -> Iterator[str]:
    yield OBJECTS
    for shape, title in objects().items():
        yield "\n".join([f"### {title}", "", _TABLE, *_fields(shape), ""])


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
    flags = [*(["async"] if command.asynchronous else []), _who(command), *(["no `idempotencykey`"] if command.answers_secret else [])]
    lines = [
        f"## {command.name}",
        "",
        f"*{', '.join(flags)}*",
        "",
        _plain(inspect.getdoc(command) or ""),
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
    return "\n".join([*lines, *_untaken(command), *_answer(command), *_errors(command)])


def _untaken(command: Command) -> Iterator[str]:
    """Yield what CloudStack takes here and we do not, a line for each reason."""
    reasons: dict[tuple[untaken.Effect, str], list[str]] = {}
    for one in untaken.of(command.name):
        but = "" if not one.harmless else f" (not {' or '.join(f'`{value}`' for value in one.harmless)})"
        reasons.setdefault((one.effect, one.why), []).append(f"`{one.name}`{but}")
    for (effect, why), names in sorted(reasons.items()):
        yield f"- {_UNTAKEN[effect]}: {', '.join(names)}. {why[0].upper()}{why[1:]}."
    if reasons:
        yield ""


def _answer(command: Command) -> Iterator[str]:
    """Yield what a command answers: an object's link, fields of its own, or an object and more."""
    what = "Its job's result" if command.asynchronous else "Answer"
    if command.answer == SUCCESS:
        yield f"{what}: `success` (boolean), and where there is something to say `displaytext` (string)."
    else:
        shape = max((each for each in objects() if command.answer[: len(each)] == each), key=len, default=())
        own = command.answer[len(shape) :]
        link = _link(shape) if shape else ""
        yield f"{what}: {link}, and" if link and own else f"{what}: {link}." if link else f"{what}:"
        if own:
            yield "\n".join(["", _TABLE, *_fields(own)])
    yield ""


def _fields(shape: Sequence[Field], above: str = "") -> Iterator[str]:
    for field in shape:
        inner = field.nested if field.nested not in objects() else ()
        link = f" of {_link(field.nested)}" if field.nested and not inner else ""
        yield f"| `{above}{field.name}` | {field.kind}{link} | {_cell(field.description)} |"
        yield from _fields(inner, f"{above}{field.name}.")


def _link(shape: Shape) -> str:
    title = objects()[shape]
    return f"[{title}](#{title.lower().replace(' ', '-')})"


def _errors(command: Command) -> Iterator[str]:
    """Yield the errors of a command: from its declaration, then those its own source makes."""
    required = [parameter.name for parameter in command.parameters if parameter.required]
    ids = [parameter.name for parameter in command.parameters if parameter.kind is Kind.UUID]
    rows = [] if command.for_users else [(401, "the caller is not a root admin")]
    rows += [(431, f"missing: {_names(required)}")] if required else []
    rows += [(431, f"names nothing: {_names(ids)}")] if ids else []
    rows = sorted([*rows, *errors_of(command)], key=lambda row: row[0])
    if rows:
        yield "\n".join(["| error | when |", "|---|---|", *(f"| {code} | {_cell(text)} |" for code, text in rows), ""])


def _plain(text: str) -> str:
    """Return a docstring as Markdown: double backticks are reStructuredText's."""
    return text.replace("``", "`")


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(markdown(), end="")  # noqa: T201 - its output is the page
