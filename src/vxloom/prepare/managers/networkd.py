"""systemd-networkd: a drop-in beside the .network file that matches the device (systemd.network(5))."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from vxloom.errors import PrepareError
from vxloom.prepare.bonding import MODE, MakeBond, told
from vxloom.prepare.changes import AnyChange, WriteFile
from vxloom.prepare.machine import Link, Machine

FOLDER = "/etc/systemd/network"
RELOAD = ("networkctl", "reload")
_FOLDERS = (FOLDER, "/run/systemd/network", "/usr/local/lib/systemd/network", "/usr/lib/systemd/network", "/lib/systemd/network")
ETHERNET = 1500
"""Bytes, unless somebody says otherwise."""
HEAD = "# Made by vxloom host apply; vxloom host undo removes it.\n"


class Networkd:
    """systemd-networkd."""

    name = "systemd-networkd"

    def has(self, machine: Machine, device: str) -> bool:
        """Ask networkctl which file it uses for the device."""
        return bool(self._file(machine, device))

    def keep_mtu(self, machine: Machine, links: Sequence[Link], mtu: int) -> Sequence[AnyChange]:
        """Write drop-ins with MTUBytes; devices that share a .network file share its drop-in."""
        text = f"{HEAD}[Link]\nMTUBytes={mtu}\n"
        bases: dict[str, list[str]] = {}
        for link in links:
            bases.setdefault(PurePosixPath(self._file(machine, link.name)).name, []).append(link.name)
        return [
            WriteFile(path=f"/etc/systemd/network/{base}.d/90-vxloom.conf", text=text, reason=f"{', '.join(names)}: after a boot, too")
            for base, names in bases.items()
        ]

    def bond(self, machine: Machine, bond: MakeBond) -> Sequence[AnyChange]:
        """Write the bond, a .network file for it with all that the carrier's says, and one for the members that is read before theirs."""
        name, file = bond.wanted.name, self._file(machine, bond.carrier)
        members = f"01-vxloom-{name}-members.network"
        for member in bond.members:
            base = PurePosixPath(self._file(machine, member.name)).name
            if base and base <= members:
                raise PrepareError(
                    f"{base} of {member.name} is read before any file of ours", remedy=f"give it a name that sorts after {members}"
                )
        text = "\n".join(filter(None, (machine.read(each) for each in (file, *self._drop_ins(machine, file)))))
        if bond.members[0].mtu != ETHERNET and "MTUBytes=" not in text:
            text += f"\n[Link]\nMTUBytes={bond.members[0].mtu}\n"
        texts = {
            f"01-vxloom-{name}.netdev": _netdev(bond),
            f"01-vxloom-{name}.network": f"[Match]\nName={name}\n\n{_without_match(text)}",
            members: f"[Match]\nName={' '.join(member.name for member in bond.members)}\n\n[Network]\nBond={name}\n",
        }
        files = [WriteFile(path=f"{FOLDER}/{base}", text=HEAD + text, reason="now and after a boot") for base, text in texts.items()]
        first, last = told(bond, RELOAD)
        return [first, *files, last]

    def _drop_ins(self, machine: Machine, file: str) -> list[str]:
        """Return the drop-ins of a .network file, in the order they are read: by name, whatever their folder."""
        base = PurePosixPath(file).name
        found = {
            name: f"{folder}/{base}.d/{name}"
            for folder in reversed(_FOLDERS)
            for name in machine.names(f"{folder}/{base}.d")
            if name.endswith(".conf")
        }
        return [found[name] for name in sorted(found)]

    def _file(self, machine: Machine, device: str) -> str:
        if not machine.exists("/run/systemd/netif"):
            return ""  # it does not run, and would not answer
        told = machine.run("networkctl", "--json=short", "status", device)
        if told.status == 0 and told.output.startswith("{"):
            link = json.loads(told.output)
            if link.get("NetworkFile") or link.get("AdministrativeState") == "unmanaged":
                return str(link.get("NetworkFile") or "")
        for line in machine.run("networkctl", "status", "--no-pager", "--lines=0", device).output.splitlines():
            label, _, value = line.strip().partition(":")
            if label == "Network File" and value.strip().startswith("/"):
                return value.strip()
        return ""


def _netdev(bond: MakeBond) -> str:
    wanted = bond.wanted
    return (
        f"[NetDev]\nName={wanted.name}\nKind=bond\nMACAddress={bond.mac}\n\n"
        f"[Bond]\nMode={MODE}\nLACPTransmitRate={wanted.rate}\nTransmitHashPolicy={wanted.hash}\nMIIMonitorSec={wanted.miimon}ms\n"
        f"MinLinks={wanted.min_links}\n"
    )


def _without_match(text: str) -> str:
    """Return a .network file's text without what says for which devices it is."""
    return re.sub(r"^\[Match\]\n(?:(?!\[).*\n?)*", "", text, flags=re.MULTILINE)
