"""What goes back to a client: CloudStack's envelope as JSON or XML. Pure.

A value is None, a bool, a number, a string, a list or a mapping. None is left out everywhere. Shapes: an empty list is ``{}``; a page
past the end has only ``count``; errors carry ``uuidList``, ``errorcode``, ``cserrorcode``, ``errortext``.
Source: ApiResponseSerializer.java, BaseListCmd.java, ExceptionResponse.java.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from xml.sax.saxutils import escape

import msgspec

from vxloom import __version__
from vxloom.errors import RequestError

Value: TypeAlias = "bool | int | float | str | Sequence[Value] | Mapping[str, Value] | None"
Fields: TypeAlias = Mapping[str, Value]
"""One object as a client sees it."""

JSON_TYPE = "application/json;charset=UTF-8"
XML_TYPE = "text/xml;charset=UTF-8"

# XML 1.0 has no way to write these at all.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


_NOT_A_NAME = re.compile(r"^(?![A-Za-z_])|[^A-Za-z0-9_.-]")


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    status: int
    content_type: str
    body: bytes
    cookies: tuple[str, ...] = ()
    """Values of ``Set-Cookie`` headers."""


def one(name: str, fields: Fields) -> Fields:
    """Return the content for a single object."""
    return {name: fields}


def many(name: str, items: Sequence[Fields], count: int | None = None) -> Fields:
    """Return the content for a list; ``count`` is the total over all pages, left out: that of ``items``."""
    total = len(items) if count is None else count
    if not total:
        return {}
    return {"count": total, name: list(items)} if items else {"count": total}


def success(text: str = "") -> Fields:
    """Return the content of a command that has nothing to show."""
    return {"success": True, "displaytext": text or None}


def failure(error: RequestError) -> Fields:
    """Return the content of an error; its text is one line, whatever the names in it."""
    return {"uuidList": [], "errorcode": error.code, "cserrorcode": error.cs_code, "errortext": " ".join(str(error).split())}


def reply(wrapper: str, content: Fields, *, json: bool, status: int = 200, cookies: Sequence[str] = ()) -> Reply:
    """Return the answer: ``content`` inside ``wrapper``, in the format asked for."""
    clean = without_none(content)
    if json:
        return Reply(status, JSON_TYPE, msgspec.json.encode({wrapper: clean}), tuple(cookies))
    return Reply(status, XML_TYPE, _document(wrapper, clean), tuple(cookies))


def without_none(content: Fields) -> dict[str, Value]:
    """Return the content with every None left out, at any depth."""
    return {name: _clean(item) for name, item in content.items() if item is not None}


_PLAIN = (str, bool, int, float)


def _clean(value: Value) -> Value:
    if isinstance(value, _PLAIN):  # first, since most are, and asking an abstract class costs ten times as much
        return value
    if isinstance(value, Mapping):
        return without_none(value)
    if isinstance(value, Sequence):
        return [_clean(item) for item in value if item is not None]
    return value


def _document(wrapper: str, content: Value) -> bytes:
    inner = "".join(_elements(content))
    head = f'<?xml version="1.0" encoding="UTF-8"?><{wrapper} cloud-stack-version="{__version__}">'
    return f"{head}{inner}</{wrapper}>".encode()


def _elements(value: Value, name: str = "") -> Iterator[str]:
    """Yield a value as XML: a mapping's entries as elements, a list's items as elements of the list's name."""
    if isinstance(value, Mapping):
        inner = "".join(part for key, item in value.items() for part in _elements(item, key))
        yield _element(name, inner) if name else inner
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            yield from _elements(item, name)
    else:
        text = str(value).lower() if isinstance(value, bool) else _NOT_XML.sub("", str(value))
        yield _element(name, escape(text))


def _element(name: str, inner: str) -> str:
    name = _NOT_A_NAME.sub("_", name)  # keys of details are the user's own words
    return f"<{name}>{inner}</{name}>"
