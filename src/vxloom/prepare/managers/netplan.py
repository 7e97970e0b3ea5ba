"""netplan: a file of our own that is read last; netplan merges what several files say of one device (netplan(5))."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vxloom.errors import PrepareError
from vxloom.prepare.changes import AnyChange, WriteFile
from vxloom.prepare.machine import Link, Machine

FILE = "/etc/netplan/90-vxloom.yaml"
_FOLDERS = ("/etc/netplan", "/run/netplan", "/lib/netplan")
_SECTIONS = {"": "ethernets", "bond": "bonds", "bridge": "bridges", "vlan": "vlans"}
_HEAD = "# Made by vxloom host apply; vxloom host undo removes it.\n"


class Netplan:
    """netplan."""

    name = "netplan"

    def has(self, machine: Machine, device: str) -> bool:
        """Look for the device's name as a key of a file; a match by other properties is not understood."""
        return machine.has("netplan") and any(
            re.search(rf"^\s+['\"]?{re.escape(device)}['\"]?:", text, re.MULTILINE) for text in self._texts(machine)
        )

    def keep_mtu(self, machine: Machine, links: Sequence[Link], mtu: int) -> Sequence[AnyChange]:
        """Write the devices' MTUs into our file, beside what stands there of others."""
        known = _mtus(machine.read(FILE) or "")
        for link in links:
            section = _SECTIONS.get(link.kind)
            if section is None:
                raise PrepareError(
                    f"netplan has no section for {link.name}, a {link.kind}", remedy="keep its MTU by hand, and use --skip mtu"
                )
            known[section, link.name] = mtu
        names = ", ".join(link.name for link in links)
        return [WriteFile(path=FILE, text=_text(known), mode=0o600, reason=f"{names}: after a boot, too")]

    def _texts(self, machine: Machine) -> list[str]:
        return [machine.read(f"{folder}/{name}") or "" for folder in _FOLDERS for name in machine.names(folder) if name.endswith(".yaml")]


def _mtus(text: str) -> dict[tuple[str, str], int]:
    """Read our own file back: it has no form but the one below."""
    found: dict[tuple[str, str], int] = {}
    section = device = ""
    for line in text.splitlines():
        depth, word = len(line) - len(line.lstrip()), line.strip().rstrip(":")
        if depth == 2 and word != "version: 2":
            section = word
        elif depth == 4:
            device = word
        elif depth == 6 and word.startswith("mtu: "):
            found[section, device] = int(word.removeprefix("mtu: "))
    return found


def _text(mtus: dict[tuple[str, str], int]) -> str:
    lines = [_HEAD + "network:", "  version: 2"]
    for section in sorted({section for section, _ in mtus}):
        lines.append(f"  {section}:")
        lines += [f"    {device}:\n      mtu: {mtu}" for (of, device), mtu in sorted(mtus.items()) if of == section]
    return "\n".join([*lines, ""])
