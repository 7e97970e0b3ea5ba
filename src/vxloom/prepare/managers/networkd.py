"""systemd-networkd: a drop-in beside the .network file that matches the device (systemd.network(5))."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePosixPath

from vxloom.prepare.changes import AnyChange, WriteFile
from vxloom.prepare.machine import Link, Machine

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

    def _file(self, machine: Machine, device: str) -> str:
        told = machine.run("networkctl", "--json=short", "status", device)
        if told.status == 0 and told.output.startswith("{"):
            found = str(json.loads(told.output).get("NetworkFile") or "")
            if found:
                return found
        for line in machine.run("networkctl", "status", "--no-pager", "--lines=0", device).output.splitlines():
            label, _, value = line.strip().partition(":")
            if label == "Network File" and value.strip().startswith("/"):
                return value.strip()
        return ""
