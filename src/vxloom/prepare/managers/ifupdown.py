"""ifupdown: a line in the device's stanza of /etc/network/interfaces or of a file it names (interfaces(5)).

``up ip link set`` is taken, not the option ``mtu``: the methods dhcp and manual know no such option.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence

from vxloom.errors import PrepareError
from vxloom.prepare.bonding import MakeBond, options
from vxloom.prepare.changes import AnyChange, WriteFile
from vxloom.prepare.machine import Link, Machine

MAIN = "/etc/network/interfaces"
_MARK = "# vxloom"
_BOND = "# vxloom bond"
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

    def bond(self, machine: Machine, bond: MakeBond) -> Sequence[AnyChange]:
        """Make it by ip(8), then give the bond the carrier's stanzas, with lines that make it at boot; they need no ifenslave.

        Raises :class:`PrepareError` where the files say what a bond cannot take over, or do not say what is.
        """
        texts = {file: machine.read(file) or "" for file in _files(machine)}
        whole = "\n".join(texts.values())
        for method in _methods(whole, bond.carrier) - {"static", "manual", "auto"}:
            raise PrepareError(
                f"{bond.carrier} is brought up by ifupdown with the method {method}, which a bond cannot take over while it runs",
                remedy=f"give {bond.carrier} a static address first, or write the bond into {MAIN} by hand",
            )
        for member in bond.members[1:]:
            if _methods(whole, member.name) - {"manual"}:
                raise PrepareError(f"{member.name} has a configuration of its own in {MAIN}", remedy="take its stanza out first")
        changed = {file: bonded(text, bond) for file, text in texts.items()}
        if not any(_line_of(text, bond.wanted.name) is not None for text in changed.values()):
            raise PrepareError(f"no stanza of {bond.carrier}, or of a bridge it is in, in {MAIN}", remedy="write one first")
        if bond.bridge and not any(_is_port(line, bond.wanted.name) for text in changed.values() for line in text.split("\n")):
            raise PrepareError(f"{bond.carrier} is in {bond.bridge}, but no bridge_ports in {MAIN} says so", remedy="write it there first")
        files = [WriteFile(path=file, text=text, reason="after a boot, too") for file, text in changed.items() if text != texts[file]]
        return [bond, *files]

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


def bonded(text: str, bond: MakeBond) -> str:
    """Return the text where a bond has taken its carrier's place: in stanzas, among what is brought up at boot, and as a bridge's port."""
    name, lines, first = bond.wanted.name, [], True
    for line in text.split("\n"):
        words = line.split()
        if words and (words[0] == "auto" or words[0].startswith("allow-")) and bond.carrier in words[1:]:
            lines += [f"auto {name}", *([" ".join(left)] if len(left := [word for word in words if word != bond.carrier]) > 1 else [])]
        elif words[:2] == ["iface", bond.carrier]:
            lines.append(re.sub(rf"^(\s*iface\s+){re.escape(bond.carrier)}\b", rf"\g<1>{name}", line))
            lines += _made_at_boot(bond) if first else []
            first = False
        elif _is_port(line, bond.carrier):
            lines.append(re.sub(rf"(?<=\s){re.escape(bond.carrier)}(?=\s|$)", name, line))
        else:
            lines.append(line)
    found = "\n".join(lines)
    port = next((number for number, line in enumerate(lines) if _is_port(line, name)), None)
    place, boot = _line_of(found, name), f"auto {name}"
    if place is None and port is not None:  # the carrier had no stanza: its bridge brought it up
        place = _beginning(lines, port)
        lines[place:place] = [boot, f"iface {name} inet manual", *_made_at_boot(bond), ""]
    elif place is not None and boot not in lines:
        lines.insert(place, boot)
    if place is not None and port is not None and port < place:
        raise PrepareError(f"a bridge stands before {bond.carrier} in {MAIN}", remedy=f"put the stanza of {bond.carrier} before it")
    return "\n".join(lines)


def _made_at_boot(bond: MakeBond) -> list[str]:
    members = " ".join(member.name for member in bond.members)
    return [
        f"    pre-up modprobe -q bonding max_bonds=0 || true {_BOND}",
        f"    pre-up ip link show dev $IFACE >/dev/null 2>&1 || ip link add dev $IFACE type bond {options(bond.wanted)} {_BOND}",
        f"    pre-up ip link set dev $IFACE address {bond.mac} {_BOND}",
        f"    pre-up for each in {members}; do ip link set dev $each down; ip link set dev $each master $IFACE; done {_BOND}",
        f"    pre-up ip link set dev $IFACE up {_BOND}",
        f"    post-down ip link delete dev $IFACE {_BOND}",
    ]


def _methods(text: str, device: str) -> set[str]:
    return set(re.findall(rf"^\s*iface\s+{re.escape(device)}\s+inet6?\s+(\S+)", text, re.MULTILINE))


def _is_port(line: str, device: str) -> bool:
    words = line.split()
    return words[:1] in (["bridge_ports"], ["bridge-ports"]) and device in words[1:]


def _beginning(lines: Sequence[str], number: int) -> int:
    """Return the line where the stanza of a line begins, or the line before it that has its device brought up."""
    while not lines[number].lstrip().startswith("iface "):
        number -= 1
    device = lines[number].split()[1]
    return number - 1 if number and lines[number - 1].split()[:1] == ["auto"] and device in lines[number - 1].split() else number


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
