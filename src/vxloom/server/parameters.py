"""What a command takes: declared once, and from that declaration checked, listed by ``listApis`` and documented. Pure.

Rules of the real server (ParamProcessWorker.java, ApiServer.java): names ignore case; unknown parameters are ignored; control characters
are refused; only ``true`` in any case is true; lists are comma-separated; maps are ``name[index].field=value``, anything else with a
bracket is malformed (430); ids are UUIDs and a wrong one is 431 with name and value in the text.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from vxloom.errors import RequestError

_MAP_ENTRY = re.compile(r"^([A-Za-z0-9_]+)\[([^\[\]]{1,64})\]\.(.{1,255})$", re.DOTALL)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LIST_LIMIT = 1000
_INTEGER = re.compile(r"^[+-]?[0-9]{1,19}$")


class Kind(StrEnum):
    """A parameter's type, as ``listApis`` names it."""

    UUID = "uuid"
    STRING = "string"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    LONG = "long"
    LIST = "list"
    MAP = "map"
    DATE = "date"


_BOUND = {Kind.INTEGER: 1 << 31, Kind.LONG: 1 << 63}
"""What Java's types hold, and databases too."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter."""

    name: str
    kind: Kind
    description: str
    required: bool = False
    related: str = ""
    """Commands (comma-separated) that list what the id may name."""
    length: int = 255
    """Longest text taken, characters."""


IDEMPOTENCY_KEY = Parameter(
    "idempotencykey", Kind.STRING, "vxloom's own: a word of the caller's; a call repeated with the same one is done once and answered alike"
)
"""Taken by every command that changes something."""
CUSTOM_ID = Parameter(
    "customid", Kind.STRING, "a word of the caller's, as idempotencykey; where a root admin gives a UUID, it becomes the object's id"
)
"""Declared by commands that make an object, which then give it :meth:`Arguments.custom_id`."""
KEYWORD = Parameter("keyword", Kind.STRING, "part of the name, in any case")
PAGE = Parameter("page", Kind.INTEGER, "which page, from 1; only together with pagesize")
PAGE_SIZE = Parameter("pagesize", Kind.INTEGER, "objects on a page, at most 500; -1 without page: all")
LISTING = (KEYWORD, PAGE, PAGE_SIZE)
TAGS = Parameter("tags", Kind.MAP, "only those with one of these tags: tags[0].key=KEY&tags[0].value=VALUE")
OWNER = (
    Parameter("account", Kind.STRING, "the owning account's name; needs domainid unless it is the caller's own domain"),
    Parameter("domainid", Kind.UUID, "the owning account's domain", related="listDomains"),
    Parameter("projectid", Kind.STRING, "the owning project, in place of an account; a list takes -1, too: all of the caller's projects"),
)
OWNED = (
    *OWNER,
    Parameter("listall", Kind.BOOLEAN, "list what belongs to others too, as far as the caller may see it"),
    Parameter("isrecursive", Kind.BOOLEAN, "with domainid: sub-domains too"),
)


@dataclass(frozen=True, slots=True)
class Arguments:
    """The checked arguments of one call; names are the declared, lower-case ones."""

    values: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, tuple[Mapping[str, str], ...]] = field(default_factory=dict)
    """Map parameters, in the order of their indexes."""

    def __contains__(self, name: object) -> bool:
        """Tell whether the parameter was given (an empty text counts)."""
        return name in self.values or name in self.tables

    def text(self, name: str) -> str | None:
        """Return the text given, "" included; None: not given."""
        return self.values.get(name)

    def filled(self, name: str) -> str | None:
        """Return the text given; None when not given or blank."""
        return self.values.get(name, "").strip() or None

    def need(self, name: str) -> str:
        """Return a required parameter's text."""
        return self.values[name]

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a boolean; ``default`` when not given or blank."""
        given = self.filled(name)
        return default if given is None else given.lower() == "true"

    def choice(self, name: str) -> bool | None:
        """Return a boolean, or None when not given or blank: a filter that is off."""
        given = self.filled(name)
        return None if given is None else given.lower() == "true"

    def number(self, name: str) -> int | None:
        """Return an integer, or None when not given or blank."""
        given = self.filled(name)
        return None if given is None else int(given)

    def items(self, name: str) -> tuple[str, ...]:
        """Return a comma-separated list's entries, blanks left out."""
        return tuple(part.strip() for part in self.values.get(name, "").split(",") if part.strip())

    def rows(self, name: str) -> tuple[Mapping[str, str], ...]:
        """Return the entries of ``name[i].field`` parameters."""
        return self.tables.get(name, ())

    def details(self, name: str = "details") -> dict[str, str]:
        """Return all entries of a map parameter merged: ``details[0].a=1&details[1].b=2`` → ``{a: 1, b: 2}``."""
        return {key: value for row in self.rows(name) for key, value in row.items()}

    def moment(self, name: str) -> datetime | None:
        """Return a date as an aware datetime, or None when not given or blank."""
        given = self.filled(name)
        return None if given is None else _moment(given)

    def custom_id(self, *, root: bool) -> str | None:
        """Return the id a root admin chose for the new object, None where it gets one of its own."""
        text = (self.filled(CUSTOM_ID.name) or "").lower()
        return text if root and is_uuid(text) else None


def collect(pairs: Iterable[tuple[str, str]]) -> Arguments:
    """Return the arguments of a request, unchecked; the first of several equal names counts.

    Raises :class:`RequestError` 430 for a malformed map and 431 for control characters.
    """
    values: dict[str, str] = {}
    tables: dict[str, dict[str, dict[str, str]]] = {}
    for name, value in pairs:
        if _CONTROL.search(name) or _CONTROL.search(value):
            raise RequestError(f"Received value for parameter {shown(name)} is invalid, contains illegal ASCII non-printable characters")
        if "[" not in name and "]" not in name:
            values.setdefault(name.lower(), value)
            continue
        found = _MAP_ENTRY.match(name)
        if not found:
            raise RequestError(f"Invalid parameter format: {shown(name)}", code=430, remedy="write maps as name[0].field=value")
        table = tables.setdefault(found[1].lower(), {})
        table.setdefault(found[2], {}).setdefault(found[3], value)
    return Arguments(values, {name: tuple(table[index] for index in sorted(table, key=_index)) for name, table in tables.items()})


def check(command: str, declared: Sequence[Parameter], given: Arguments) -> Arguments:
    """Return the declared ones of ``given``, each of its declared kind; raises :class:`RequestError` 431 otherwise."""
    missing = [p.name for p in declared if p.required and not given.filled(p.name) and not given.rows(p.name)]
    if missing:
        listed = ", ".join(missing)
        raise RequestError(
            f"Unable to execute API command {command.lower()} due to missing parameter{'s' if len(missing) > 1 else ''} {listed}",
            remedy="listApis tells what each command takes",
        )
    values: dict[str, str] = {}
    tables: dict[str, tuple[Mapping[str, str], ...]] = {}
    for parameter in declared:
        if parameter.kind is Kind.MAP:
            if rows := given.rows(parameter.name):
                tables[parameter.name] = rows
        elif (value := given.text(parameter.name)) is not None:
            values[parameter.name] = _checked(command, parameter, value)
    return Arguments(values, tables)


def _checked(command: str, parameter: Parameter, value: str) -> str:
    text = value.strip()
    if not text:
        return ""
    if parameter.kind is Kind.UUID:
        return _uuid(parameter.name, text)
    if parameter.kind in {Kind.INTEGER, Kind.LONG}:
        if not _INTEGER.match(text) or abs(int(text)) >= _BOUND[parameter.kind]:
            raise _invalid(command, parameter.name, value, "a whole number is wanted")
        return text
    if parameter.kind is Kind.DATE:
        if _moment(text) is None:
            raise _invalid(command, parameter.name, value, "write it as 2026-01-31 or 2026-01-31T10:00:00+0000")
        return text
    if parameter.kind is Kind.LIST:
        if text.count(",") >= _LIST_LIMIT:
            raise _invalid(command, parameter.name, value, f"at most {_LIST_LIMIT} entries")
        return text
    if parameter.kind is Kind.STRING and len(value) > parameter.length:
        raise _invalid(command, parameter.name, value, f"at most {parameter.length} characters")
    return value


def _uuid(name: str, text: str) -> str:
    if not is_uuid(text.lower()):
        raise unknown_id(name, text)
    return text.lower()


def is_uuid(text: str) -> bool:
    """Tell whether a text is a UUID as it is written (the standard library also takes braces, "urn:" and no hyphens at all)."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def unknown_id(name: str, value: str) -> RequestError:
    """Return the error for an id that names nothing (or nothing the caller may see)."""
    return RequestError(
        f"Invalid parameter {name} value={shown(value)} due to incorrect long value format, or entity does not exist or due to "
        "incorrect parameter annotation for the field in api cmd class.",
    )


def _invalid(command: str, name: str, value: str, remedy: str) -> RequestError:
    return RequestError(
        f"Unable to execute API command {command.lower()} due to invalid value. Invalid parameter {name} value={shown(value)}",
        remedy=remedy,
    )


def shown(text: str) -> str:
    """Return a client's text short and printable enough for a message."""
    short = text if len(text) <= 80 else f"{text[:80]}…"
    return "".join(character if character.isprintable() else "?" for character in short)


def _index(text: str) -> tuple[int, int, str]:
    return (0, int(text), "") if text.isascii() and text.isdigit() else (1, 0, text)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
