"""netplan: a file of our own that is read last; netplan merges what several files say of one device (netplan(5))."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from vxloom.errors import PrepareError
from vxloom.prepare.bonding import MODE, MakeBond, told
from vxloom.prepare.changes import AnyChange, WriteFile
from vxloom.prepare.machine import Link, Machine

FILE = "/etc/netplan/90-vxloom.yaml"
_KEY = re.compile(r"^\s+['\"]?([\w.:-]+?)['\"]?:")
APPLY = ("netplan", "apply")
_CARDS_OWN = (
    "match",
    "set-name",
    "wakeonlan",
    "renderer",
    "ignore-carrier",
    "emit-lldp",
    "receive-",
    "transmit-",
    "tcp-",
    "generic-",
    "large-",
)
"""What stays with a card that becomes a member; all else is the bond's then."""
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

    def bond(self, machine: Machine, bond: MakeBond) -> Sequence[AnyChange]:
        """Move what the files say of the carrier to a bond, in a file of our own; a bridge it is in gets the bond for a port.

        Raises :class:`PrepareError` for files in a form we do not take apart.
        """
        moved: list[str] = []
        said: set[str] = set()
        changed: dict[str, str] = {}
        for file, text in self._files(machine).items():
            lines: list[str] = []
            for key, depth, block in _blocks(text):
                if key in {member.name for member in bond.members}:
                    said.add(key)
                    own, others = _parted(file, key, block)
                    if others and key != bond.carrier:
                        raise PrepareError(f"{file} says more of {key} than that it is there", remedy="take that out first")
                    moved += others
                    lines += own or [" " * depth + f"{key}: {{}}"]
                else:
                    lines += [_with_port(line, bond) for line in block]
            if (new := "\n".join(lines)) != text:
                changed[file] = new
        if bond.bridge and not any(bond.wanted.name in text for text in changed.values()):
            raise PrepareError(f"{bond.carrier} is in {bond.bridge}, but no file of netplan says so", remedy="write it there first")
        files = [WriteFile(path=file, text=text, mode=0o600, reason="the bond says it now") for file, text in changed.items()]
        ours = _bond_text(bond, moved, [member.name for member in bond.members if member.name not in said])
        files.append(
            WriteFile(path=f"/etc/netplan/zz-vxloom-{bond.wanted.name}.yaml", text=ours, mode=0o600, reason="now and after a boot")
        )
        first, last = told(bond, APPLY)
        return [first, *files, last]

    def _files(self, machine: Machine) -> dict[str, str]:
        names = (f"{folder}/{name}" for folder in _FOLDERS for name in machine.names(folder) if name.endswith(".yaml"))
        return {name: machine.read(name) or "" for name in names}

    def _texts(self, machine: Machine) -> list[str]:
        return list(self._files(machine).values())


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


def _blocks(text: str) -> Iterator[tuple[str, int, list[str]]]:
    """Part a file into its devices: (key, indent, lines); lines outside of any have the key ""."""
    key, block, section, device = "", list[str](), -1, -1
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip())
        if line.strip() and not line.lstrip().startswith("#"):
            if key and indent <= device:
                yield key, device, block
                key, block = "", []
            if not key:
                section = section if indent > section else -1
                found = _KEY.match(line)
                if found and found[1] in _SECTIONS.values():
                    section = indent
                elif found and section >= 0:
                    yield "", 0, block
                    key, device, block = found[1], indent, []
        block.append(line)
    yield key, device, block


def _parted(file: str, key: str, block: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return what a card's block says of the card itself, its key among it, and what it says of its place in the network."""
    head, rest = block[0], [line for line in block[1:] if line.strip()]
    value = head.partition(":")[2].split("#")[0].strip()
    if value not in {"", "{}"}:
        raise PrepareError(f"{file} has {key} on one line, a form that is not taken apart here", remedy="write a line for each key")
    inner = min((len(line) - len(line.lstrip()) for line in rest), default=0)
    own, others, mine = list[str](), list[str](), False
    for line in rest:
        if len(line) - len(line.lstrip()) == inner and not line.lstrip().startswith(("#", "- ")):
            mine = line.lstrip().startswith(_CARDS_OWN)
        (own if mine else others).append(line if mine else line[inner:])
    return ([head.split("{")[0].rstrip(), *own] if own else []), others


def _with_port(line: str, bond: MakeBond) -> str:
    """Return a line where the bond is a bridge's port instead of its carrier."""
    port = rf"(?<![\w.-]){re.escape(bond.carrier)}(?![\w.:-])"
    is_list = re.match(r"^\s+(interfaces:\s*\[|-\s+)", line)
    return re.sub(port, bond.wanted.name, line) if bond.bridge and is_list else line


def _bond_text(bond: MakeBond, moved: Sequence[str], unsaid: Sequence[str]) -> str:
    wanted = bond.wanted
    lines = [_HEAD + "network:", "  version: 2"]
    if unsaid:
        lines += ["  ethernets:", *(f"    {name}: {{}}" for name in unsaid)]
    lines += [
        "  bonds:",
        f"    {wanted.name}:",
        f"      interfaces: [{', '.join(wanted.members)}]",
        f'      macaddress: "{bond.mac}"',
        "      parameters:",
        f"        mode: {MODE}",
        f"        lacp-rate: {wanted.rate}",
        f"        transmit-hash-policy: {wanted.hash}",
        f"        mii-monitor-interval: {wanted.miimon}",
        f"        min-links: {wanted.min_links}",
        *(f"      {line}" for line in moved),
    ]
    return "\n".join([*lines, ""])
