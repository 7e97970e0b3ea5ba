"""A file of Java properties, changed a key at a time: comments, blank lines and order stay as they are. Pure.

Form: java.util.Properties. Its escapes and continued lines stay as they are where they are not touched; what is changed or added is
written plainly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from vxloom.errors import PrepareError

_ENTRY = re.compile(r"^[ \t\f]*(?P<key>(?:\\.|[^\\=: \t\f#!])(?:\\.|[^\\=: \t\f])*)[ \t\f]*(?:[=:][ \t\f]*)?(?P<value>.*)$")
_PLAIN = re.compile(r"^[A-Za-z0-9_.:/@,+-]*$")


class Properties:
    """The lines of one file."""

    def __init__(self, name: str, text: str) -> None:
        """Read a file's text. Raises :class:`PrepareError` for line ends of Windows and for keys that stand twice.

        Java takes the last of two, people read the first; and shell scripts that read the same file see a carriage return in the value.
        """
        if "\r" in text:
            raise PrepareError(f"{name} has line ends of Windows", remedy=f"mend it: sed -i 's/\\r$//' {name}")
        self._name = name
        self._lines = text.split("\n")
        self._places: dict[str, range] = {}
        self._values: dict[str, str] = {}
        self._read()

    def _read(self) -> None:
        number = 0
        while number < len(self._lines):
            first, line = number, self._lines[number]
            if line.strip() and line.lstrip()[0] not in "#!":
                while _continues(line) and number + 1 < len(self._lines):
                    number += 1
                    line = line[:-1] + self._lines[number].lstrip()
                self._take(line, range(first, number + 1))
            number += 1

    def _take(self, line: str, place: range) -> None:
        found = _ENTRY.match(line)
        if not found:
            raise PrepareError(f"{self._name}, line {place.start + 1}, is no property: {line.strip()[:60]!r}", remedy="write key=value")
        key = found["key"]
        if key in self._places:
            raise PrepareError(
                f"{self._name} sets {key} twice, in lines {self._places[key].start + 1} and {place.start + 1}",
                remedy="take one of them out",
            )
        self._places[key], self._values[key] = place, found["value"].rstrip()

    def get(self, key: str) -> str | None:
        """Return a key's value as written, None when it is not set."""
        return self._values.get(key)

    def with_values(self, wanted: Mapping[str, str]) -> str:
        """Return the file's text with these keys set: in the place where they stand, new ones at the end.

        Raises :class:`PrepareError` for a value that would have to be escaped.
        """
        for key, value in wanted.items():
            if not _PLAIN.match(value):
                raise PrepareError(f"{key}={value[:60]} cannot be written into {self._name}", remedy="use a device's name")
        changed = {
            self._places[key]: f"{key}={value}" for key, value in wanted.items() if key in self._values and self._values[key] != value
        }
        lines: list[str] = []
        number = 0
        starts = {place.start: place for place in changed}
        while number < len(self._lines):
            place = starts.get(number)
            lines.append(self._lines[number] if place is None else changed[place])
            number = number + 1 if place is None else place.stop
        added = [f"{key}={value}" for key, value in wanted.items() if key not in self._values]
        if not added:
            return "\n".join(lines)
        while lines and not lines[-1]:
            lines.pop()
        return "\n".join([*lines, *added, ""])


def _continues(line: str) -> bool:
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1
