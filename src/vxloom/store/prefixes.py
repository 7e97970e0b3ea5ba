"""The prefixes of a network: its own, and those of further ranges added to it, each with its gateway. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from vxloom.model.addresses import IpAddress
from vxloom.store import records as r

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Subnet:
    """One prefix and the way out of it."""

    prefix: IpNetwork
    gateway: str | None

    @property
    def reserved(self) -> frozenset[IpAddress]:
        """Addresses that nobody gets."""
        ends = {self.prefix.network_address} | ({self.prefix.broadcast_address} if self.prefix.version == 4 else set())
        return frozenset(ends | ({ipaddress.ip_address(self.gateway)} if self.gateway else set()))


def subnets_of(network: r.Network, ranges: Iterable[r.IpRange] = ()) -> tuple[Subnet, ...]:
    """Return a network's prefixes, its own first; ``ranges`` are the rows of ranges added to it. A range without a mask adds none."""
    found = [
        Subnet(ipaddress.ip_network(prefix, strict=False), gateway)
        for prefix, gateway in ((network.cidr, network.gateway), (network.ip6_cidr, network.ip6_gateway))
        if prefix
    ]
    for one in ranges:
        if one.gateway and one.netmask:
            found.append(Subnet(ipaddress.ip_network(f"{one.gateway}/{one.netmask}", strict=False), one.gateway))
        if one.ip6_cidr:
            found.append(Subnet(ipaddress.ip_network(one.ip6_cidr, strict=False), one.ip6_gateway))
    return tuple(dict.fromkeys(found))


def subnet_of(subnets: Iterable[Subnet], address: str) -> Subnet | None:
    """Return the narrowest prefix that holds an address, the first among equals; None: none does."""
    parsed = ipaddress.ip_address(address)
    holding = [one for one in subnets if parsed in one.prefix]
    return max(holding, key=lambda one: one.prefix.prefixlen, default=None)
