"""Other programs that manage networks, and might take ours away."""

from __future__ import annotations

import configparser
from collections.abc import Sequence

from vxloom.errors import PrepareError
from vxloom.prepare.machine import Machine
from vxloom.prepare.requirement import Requirement, Subject
from vxloom.settings import HostSettings

_OURS = ("vxlan*", "brvx-*")
_NETWORKD = Subject("systemd-networkd", "ManageForeignRoutes=no", "networkd.conf(5)", impact=4, required=False)
_NETWORK_MANAGER = Subject("NetworkManager", "our devices unmanaged", "NetworkManager.conf(5)", impact=4, required=False)


def look(machine: Machine, settings: HostSettings) -> Sequence[Requirement]:
    """Return the rows about systemd-networkd and NetworkManager."""
    return [_networkd(machine), _network_manager(machine)]


def _active(machine: Machine, unit: str) -> bool:
    return machine.run("systemctl", "is-active", "--quiet", unit).status == 0


def _networkd(machine: Machine) -> Requirement:
    if not _active(machine, "systemd-networkd.service"):
        return _NETWORKD.not_applicable("systemd-networkd does not run")
    value = "yes"
    for file in _files(machine, "systemd", "networkd.conf", "networkd.conf.d"):
        value = _setting(machine, file, "Network", "ManageForeignRoutes") or value
    remedy = (
        "when it restarts it takes away routes it does not know, such as those of EVPN: write ManageForeignRoutes=no into networkd.conf.d"
    )
    return _NETWORKD.judged(value.lower() in {"no", "false", "off", "0"}, f"ManageForeignRoutes={value}", remedy)


def _network_manager(machine: Machine) -> Requirement:
    if not _active(machine, "NetworkManager.service"):
        return _NETWORK_MANAGER.not_applicable("NetworkManager does not run")
    files = _files(machine, "NetworkManager", "NetworkManager.conf", "conf.d")
    listed = ";".join(filter(None, (_setting(machine, file, "keyfile", "unmanaged-devices") for file in files)))
    good = all(f"interface-name:{pattern}" in listed for pattern in _OURS)
    remedy = "write unmanaged-devices=interface-name:vxlan*;interface-name:brvx-* into /etc/NetworkManager/conf.d/vxloom.conf, [keyfile]"
    return _NETWORK_MANAGER.judged(good, listed or "nothing unmanaged", remedy)


def _files(machine: Machine, folder: str, main: str, more: str) -> list[str]:
    """Return a program's files in the order they are read: of drop-ins of one name that in /etc wins, then /run, then /usr/lib."""
    found = {
        name: f"{top}/{folder}/{more}/{name}" for top in ("/usr/lib", "/run", "/etc") for name in machine.names(f"{top}/{folder}/{more}")
    }
    return [f"/etc/{folder}/{main}", *(found[name] for name in sorted(found) if name.endswith(".conf"))]


def _setting(machine: Machine, file: str, section: str, key: str) -> str | None:
    parser = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
    text = machine.read(file)
    if text is None:
        return None
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise PrepareError(f"{file} cannot be read: {error}", remedy="mend the file") from error
    return parser.get(section, key, fallback=None)
