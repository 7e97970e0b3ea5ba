"""ifupdown: a line in the device's stanza of /etc/network/interfaces or of a file it names (interfaces(5)).

``up ip link set`` is taken, not the option ``mtu``: the methods dhcp and manual know no such option.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence

from vxloom.errors import PrepareError
from vxloom.prepare.changes import AnyChange, WriteFile
from vxloom.prepare.machine import Link, Machine

MAIN = "/etc/network/interfaces"
_MARK = "# vxloom"
_STANZA = re.compile(r"^\s*(iface|mapping|auto|allow-\S+|source|source-directory|template|no-auto-down|no-scripts|rename)\b")


class Ifupdown:
    """ifupdown."""

    name = "ifupdown"

    def has(self, machine: Machine, device: str) -> bool:
        """Look for a stanza of the device's."""
        return bool(self._place(machine, device))

    def keep_mtu(self, machine: Machine, links: Sequence[Link], mtu: int) -> Sequence[AnyChange]:
        """Put a line at the end of each device's first stanza, in place of the one we put there before."""
        texts: dict[str, str] = {}
        for link in links:
            file = self._place(machine, link.name)
            if not file:
                raise PrepareError(f"no stanza of {link.name} in {MAIN}", remedy="write one first")
            texts[file] = _with_line(
                texts.get(file) or machine.read(file) or "", link.name, f"    up ip link set dev $IFACE mtu {mtu} {_MARK}"
            )
        return [WriteFile(path=file, text=text, reason="after a boot, too") for file, text in texts.items()]

    def _place(self, machine: Machine, device: str) -> str:
        """Return the file with the device's first stanza, "" when there is none."""
        return next((file for file in _files(machine) if _line_of(machine.read(file) or "", device) is not None), "")


def _line_of(text: str, device: str) -> int | None:
    """Return the number of the line where a device's first stanza begins."""
    wanted = re.compile(rf"^\s*iface\s+{re.escape(device)}(\s|$)")
    return next((number for number, line in enumerate(text.split("\n")) if wanted.match(line)), None)


def _with_line(text: str, device: str, line: str) -> str:
    """Return the text with a line of ours as the stanza's last."""
    lines, first = text.split("\n"), _line_of(text, device) or 0
    last = first + 1
    while last < len(lines) and not _STANZA.match(lines[last]):
        last += 1
    body = [each for each in lines[first + 1 : last] if not each.endswith(_MARK)]
    keep = len(body)
    while keep and (not body[keep - 1].strip() or body[keep - 1].lstrip().startswith("#")):
        keep -= 1
    body.insert(keep, line)
    return "\n".join([*lines[: first + 1], *body, *lines[last:]])


def _files(machine: Machine) -> list[str]:
    """Return the main file and those it sources."""
    found = [MAIN]
    for line in (machine.read(MAIN) or "").split("\n"):
        words = line.split()
        if len(words) == 2 and words[0] == "source":
            folder, _, pattern = words[1].rpartition("/")
            folder = folder if folder.startswith("/") else f"/etc/network/{folder}".rstrip("/")
            found += [f"{folder}/{name}" for name in machine.names(folder) if fnmatch.fnmatch(name, pattern)]
        elif len(words) == 2 and words[0] == "source-directory":
            folder = words[1] if words[1].startswith("/") else f"/etc/network/{words[1]}"
            found += [f"{folder}/{name}" for name in machine.names(folder) if re.fullmatch(r"[A-Za-z0-9_-]+", name)]
    return found
