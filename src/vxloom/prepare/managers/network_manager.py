"""NetworkManager: the MTU is a property of the connection that is active on the device (nm-settings-nmcli(5))."""

from __future__ import annotations

from collections.abc import Sequence

from vxloom.prepare.changes import AnyChange, Run
from vxloom.prepare.machine import Link, Machine

_PROPERTY = "802-3-ethernet.mtu"


class NetworkManager:
    """NetworkManager."""

    name = "NetworkManager"

    def has(self, machine: Machine, device: str) -> bool:
        """Ask nmcli whether a connection of its own is active on the device."""
        return bool(self._connection(machine, device))

    def keep_mtu(self, machine: Machine, links: Sequence[Link], mtu: int) -> Sequence[AnyChange]:
        """Have nmcli set the property; it writes its own files."""
        return [change for link in links for change in self._change(machine, link, mtu)]

    def _change(self, machine: Machine, link: Link, mtu: int) -> Sequence[AnyChange]:
        connection = self._connection(machine, link.name)
        old = machine.must("nmcli", "-g", _PROPERTY, "connection", "show", "uuid", connection).strip()
        if old == str(mtu):
            return []
        look = ("sh", "-c", f'test "$(nmcli -g {_PROPERTY} connection show uuid {connection})" = {mtu}')
        set_it = ("nmcli", "connection", "modify", "uuid", connection, _PROPERTY)
        reason = f"{link.name}: after a boot, too"
        return [Run(name=f"nmcli mtu {connection}", look=look, command=(*set_it, str(mtu)), back=(*set_it, old or "0"), reason=reason)]

    def _connection(self, machine: Machine, device: str) -> str:
        told = machine.run("nmcli", "-g", "GENERAL.CON-UUID", "device", "show", device)
        found = told.output.strip()
        return "" if told.status or found == "--" else found
