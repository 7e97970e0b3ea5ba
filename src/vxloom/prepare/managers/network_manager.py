"""NetworkManager: the MTU is a property of the connection that is active on the device (nm-settings-nmcli(5)).

A bond is keyfiles (nm-settings-keyfile(5)): the bond's profile takes the carrier's place in the network, each member has one of its own,
and the profiles the members had stay, but do not come up by themselves.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence

from vxloom.errors import PrepareError
from vxloom.prepare.bonding import MODE, MakeBond, told
from vxloom.prepare.changes import AnyChange, Run, WriteFile
from vxloom.prepare.machine import Link, Machine

FOLDER = "/etc/NetworkManager/system-connections"
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

    def bond(self, machine: Machine, bond: MakeBond) -> Sequence[AnyChange]:
        """Write the profiles and have nmcli bring them up. Raises :class:`PrepareError` for a profile that is no keyfile."""
        name, files, olds = bond.wanted.name, list[AnyChange](), list[str]()
        carriers = ""
        for member in bond.members:
            old = self._connection(machine, member.name)
            file = self._keyfile(machine, old) if old else ""
            text = (machine.read(file) if file else "") or ""
            if member.name == bond.carrier:
                carriers = text
                if "[connection]" not in text:
                    raise PrepareError(
                        f"the profile of {member.name} is no keyfile in {FOLDER}", remedy="nmcli connection migrate makes it one"
                    )
            olds += [old] if old else []
            if text and file.startswith(FOLDER):
                files.append(WriteFile(path=file, text=_not_by_itself(text), mode=0o600, reason=f"{member.name} is brought up by the bond"))
        profiles = {f"vxloom-{name}": _bond_profile(bond, carriers)}
        profiles |= {f"vxloom-{name}-{member.name}": _port_profile(name, member.name) for member in bond.members}
        files += [
            WriteFile(path=f"{FOLDER}/{each}.nmconnection", text=text, mode=0o600, reason="now and after a boot")
            for each, text in profiles.items()
        ]
        reload = "nmcli connection reload"
        ups = [f"nmcli connection up uuid {_uuid(f'{name}-{member.name}')}" for member in bond.members]
        backs = [f"nmcli connection up uuid {old}" for old in olds]
        first, last = told(bond, ("sh", "-c", " && ".join([reload, *ups])), ("sh", "-c", " && ".join([reload, *backs])))
        return [first, *files, last]

    def _keyfile(self, machine: Machine, connection: str) -> str:
        """Return the file of a connection."""
        told = machine.must("nmcli", "-t", "-f", "UUID,FILENAME", "connection", "show")
        return next((line.partition(":")[2].replace("\\:", ":") for line in told.splitlines() if line.startswith(f"{connection}:")), "")

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


def _uuid(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.vxloom"))


def _section(text: str, name: str) -> dict[str, str]:
    """Return the keys of a keyfile's section."""
    found = re.search(rf"^\[{name}\]\n((?:(?!\[).*\n?)*)", text, re.MULTILINE)
    pairs = (line.partition("=") for line in (found[1] if found else "").splitlines() if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip() for key, _, value in pairs}


def _text(sections: dict[str, dict[str, str]]) -> str:
    return "\n".join(f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in keys.items()) for name, keys in sections.items())


def _bond_profile(bond: MakeBond, carriers: str) -> str:
    wanted, was = bond.wanted, _section(carriers, "connection")
    place = {key: was[key] for key in ("master", "slave-type", "controller", "port-type", "zone") if key in was}
    mtu = {"mtu": found} if (found := _section(carriers, "ethernet").get("mtu")) else {}
    return _text(
        {
            "connection": {"id": f"vxloom-{wanted.name}", "uuid": _uuid(wanted.name), "type": "bond", "interface-name": wanted.name}
            | place,
            "ethernet": {"cloned-mac-address": bond.mac.upper()} | mtu,
            "bond": {
                "lacp_rate": wanted.rate,
                "miimon": str(wanted.miimon),
                "min_links": str(wanted.min_links),
                "mode": MODE,
                "xmit_hash_policy": wanted.hash,
            },
        }
        | {name: keys for name in ("bridge-port", "ipv4", "ipv6", "proxy") if (keys := _section(carriers, name)) or name == "proxy"}
    )


def _port_profile(bond: str, member: str) -> str:
    keys = {"id": f"vxloom-{bond}-{member}", "uuid": _uuid(f"{bond}-{member}"), "type": "ethernet", "interface-name": member}
    return _text({"connection": keys | {"master": _uuid(bond), "slave-type": "bond"}, "ethernet": {}, "bond-port": {}})


def _not_by_itself(text: str) -> str:
    """Return a profile's text that does not come up by itself."""
    plain = re.sub(r"^autoconnect=.*\n", "", text, flags=re.MULTILINE)
    return re.sub(r"^\[connection\]\n", "[connection]\nautoconnect=false\n", plain, count=1, flags=re.MULTILINE)
