"""VXLAN networks that others made on this host, CloudStack's scripts or a hand: what they send to whom. Input only; changes nothing."""

from __future__ import annotations

import ipaddress
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import numpy as np

from vxloom.dataplane.netlink import NUD_PERMANENT, NetlinkSocket, decode_fdb, fdb_dump
from vxloom.doctor.evidence import Device, Double, Foreign
from vxloom.model.addresses import format_mac, unpack_ip
from vxloom.model.rows import Rows
from vxloom.prepare.firewall import walls
from vxloom.prepare.machine import Machine

_MOST = 4096
"""Rows with a remote that are looked at, of each device; more would be no hand's work."""


def foreign(machine: Machine, devices: Mapping[str, Device]) -> Foreign:
    """Return what tunnels of others on this host do. Raises ``DataplaneError``, ``PrepareError``."""
    tunnels = {device.index: device for device in devices.values() if device.kind == "vxlan" and not device.ours}
    if not tunnels:
        return Foreign()
    with NetlinkSocket() as sock:
        rows = decode_fdb(sock.dump(fdb_dump()))
    mine = rows[np.isin(rows["ifindex"], np.fromiter(tunnels, np.uint32)) & ((rows["hi"] != 0) | (rows["lo"] != 0))]
    remotes: dict[str, set[str]] = defaultdict(set)
    for index, device in tunnels.items():
        pairs = np.unique(mine[mine["ifindex"] == index][["hi", "lo"]])[:_MOST]
        remotes[device.name] |= {str(unpack_ip(high, low)) for high, low in pairs.tolist()} - {device.group}
    return Foreign(
        {name: frozenset(found) for name, found in remotes.items()},
        tuple(_doubles(rows, mine, tunnels, devices)),
        dict(_stopped(machine, tunnels.values(), devices)),
    )


def _doubles(rows: Rows, mine: Rows, tunnels: Mapping[int, Device], devices: Mapping[str, Device]) -> Iterator[Double]:
    """Yield MACs that a bridge has behind a local port and its VXLAN device behind a remote host."""
    ports = {each.index: each for each in devices.values() if each.master and each.kind != "vxlan"}
    local = rows[(rows["master"] != 0) & ((rows["state"] & NUD_PERMANENT) == 0) & np.isin(rows["ifindex"], np.fromiter(ports, np.uint32))]
    here = {(ports[index].master, mac): ports[index].name for index, mac in local[["ifindex", "mac"]].tolist()}
    for index, mac, high, low in mine[np.isin(mine["mac"], local["mac"])][["ifindex", "mac", "hi", "lo"]].tolist():
        port = here.get((tunnels[index].master, mac))
        if port:
            yield Double(format_mac(mac), port, tunnels[index].name, str(unpack_ip(high, low)))


def _stopped(machine: Machine, tunnels: Iterable[Device], devices: Mapping[str, Device]) -> Iterator[tuple[tuple[str, int], str]]:
    """Yield (device, UDP port) → the rule of this host's own firewall that stops tunnels' packets there."""
    families: Mapping[str, Literal[4, 6]] = {"4": 4, "6": 6}
    asked = {(each.lower, each.udp_port, _version(each)) for each in tunnels if each.lower in devices}
    for lower, port, version in sorted(asked):
        stopping = [wall for wall in walls.around(machine, lower, families[version], port) if wall.stops]
        if stopping:
            way = "out" if stopping[0].packet.outward else "in"
            yield (lower, port), f"{stopping[0].where} stops it on its way {way} ({stopping[0].because})"


def _version(device: Device) -> str:
    address = device.local or device.group
    return str(ipaddress.ip_address(address).version) if re.fullmatch(r"[0-9a-f.:]+", address) else "4"
