"""Addresses that several NICs may hold in turn (VRRP): who may, and which."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from vxloom.errors import IntentError, RequestError
from vxloom.model.addresses import format_mac, parse_ip, parse_mac
from vxloom.store import ReadTransaction, records

LIMIT = 32
"""Shared addresses of one NIC."""


def checked(rx: ReadTransaction, network: records.Network, nic: records.Nic, wanted: Iterable[str]) -> tuple[str, ...]:
    """Return a NIC's shared addresses in canonical text, sorted; raises :class:`RequestError` 431 for what cannot be shared."""
    found = bounded(_address(rx, network, nic, text.strip()) for text in wanted if text.strip())
    vm = rx.get(records.Vm, nic.vm)
    for other in rx.all(records.Nic, network=network.id) if found else ():
        theirs = rx.get(records.Vm, other.vm) if set(found) & set(other.shared) else None
        if vm is not None and theirs is not None and theirs.account != vm.account:
            # On a network of many accounts one would else take over what another's machines hand to each other.
            raise RequestError(f"An address of these is shared by another account's NICs in network {network.name}", remedy="choose others")
    return found


def bounded(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return addresses sorted, each once; raises 431 when there are too many for one NIC."""
    found = tuple(sorted(set(addresses)))
    if len(found) > LIMIT:
        raise RequestError(f"A NIC shares at most {LIMIT} addresses")
    return found


def _address(rx: ReadTransaction, network: records.Network, nic: records.Nic, text: str) -> str:
    try:
        mac = format_mac(parse_mac(text))
    except IntentError:
        return _ip(rx, network, nic, text)
    owner = rx.one(records.Nic, network=network.id, mac=mac)
    if owner is not None:
        raise RequestError(
            f"{mac} is the own MAC address of a NIC of network {network.name}", remedy="share another, such as 00:00:5e:00:01:01"
        )
    return mac


def _ip(rx: ReadTransaction, network: records.Network, nic: records.Nic, text: str) -> str:
    address = parse_ip(text)
    prefixes = [prefix for prefix in (network.cidr, network.ip6_cidr) if prefix]
    if prefixes and not any(
        address in ipaddress.ip_network(prefix) for prefix in prefixes if ipaddress.ip_network(prefix).version == address.version
    ):
        raise RequestError(f"{address} is outside network {network.name} ({', '.join(prefixes)})")
    if str(address) in {network.gateway, network.ip6_gateway}:
        raise RequestError(f"{address} is the gateway of network {network.name}")
    taken = rx.one(records.IpAllocation, network=network.id, address=str(address))
    if taken is not None and taken.nic != nic.id:
        raise RequestError(f"{address} is the own address of another NIC of network {network.name}", remedy="share an address nobody owns")
    return str(address)
