"""The IPv4 addresses a shared network gives: ranges, each in a prefix with its gateway. Checked over all of the network's ranges."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TypedDict

from vxloom.errors import RequestError
from vxloom.server.parameters import Arguments
from vxloom.store import ReadTransaction, records

_NO_PUBLIC = "networks have no virtual router, so no public addresses; ranges are for Shared networks"


class Span(TypedDict):
    """The addressing columns of a range."""

    start_ip: str
    end_ip: str
    gateway: str
    netmask: str


@dataclass(frozen=True, slots=True)
class _Wanted:
    prefix: ipaddress.IPv4Network
    gateway: ipaddress.IPv4Address
    start: ipaddress.IPv4Address
    end: ipaddress.IPv4Address


def network_of(rx: ReadTransaction, given: Arguments) -> records.Network:
    """Return the network a new range is for; raises :class:`RequestError` 431 where there is none that could have one."""
    wanted = given.filled("networkid")
    if wanted is None:
        raise RequestError(f"A range of public addresses cannot be made: {_NO_PUBLIC}", remedy="give networkid of a Shared network")
    network = rx.get(records.Network, wanted)
    if network is None:
        raise RequestError(f"Invalid parameter networkid value={wanted} due to incorrect long value format, or entity does not exist")
    if network.guest_type != "Shared":
        raise RequestError(
            f"Network {network.name} is {network.guest_type}: ranges are for Shared networks", remedy="see createNetwork startip="
        )
    for name, own in (("zoneid", network.zone), ("physicalnetworkid", network.physical_network)):
        if given.filled(name) not in {None, own}:
            raise RequestError(f"Network {network.name} is not in {name}={given.filled(name)}", remedy=f"leave {name} out")
    vlan = given.filled("vlan")
    if vlan is not None and vlan.lower() not in {str(network.vni), f"{network.broadcast_scheme}://{network.vni}"}:
        raise RequestError(
            f"The vlan tag {vlan[:80]} does not match with vlan {network.vni} of network {network.name}", remedy="leave vlan out"
        )
    return network


def checked(rx: ReadTransaction, network: records.Network, given: Arguments, old: records.IpRange | None = None) -> Span:
    """Return a range as it is to be: what was given, else what it has (``old``), else its network's gateway and mask.

    Raises :class:`RequestError` 431: malformed, overlapping another range, or a prefix that overlaps another one of the network.
    """
    wanted = _parsed(network, given, old)
    for other in rx.all(records.IpRange, network=network.id):
        if (old is None or other.id != old.id) and other.start_ip:
            _refuse_clash(wanted, other)
    return Span(start_ip=str(wanted.start), end_ip=str(wanted.end), gateway=str(wanted.gateway), netmask=str(wanted.prefix.netmask))


def _parsed(network: records.Network, given: Arguments, old: records.IpRange | None) -> _Wanted:
    gateway = given.filled("gateway") or (old.gateway if old else network.gateway)
    netmask = given.filled("netmask") or (old.netmask if old else network.netmask)
    start = given.filled("startip") or (old.start_ip if old else None)
    end = given.filled("endip") or (old.end_ip if old else start)
    if not (gateway and netmask):
        raise RequestError(f"Network {network.name} has no IPv4 prefix", remedy="give gateway and netmask, too")
    if not start or not end:
        raise RequestError("startip is required", remedy="give the first address of the range, and endip unless it is the only one")
    try:
        found = _Wanted(
            ipaddress.IPv4Network(f"{gateway}/{netmask}", strict=False),
            ipaddress.IPv4Address(gateway),
            ipaddress.IPv4Address(start),
            ipaddress.IPv4Address(end),
        )
    except ValueError:
        shown = f"gateway={gateway[:40]} netmask={netmask[:40]} startip={start[:40]} endip={end[:40]}"
        raise RequestError(f"Invalid range: {shown}", remedy="write IPv4 addresses: 10.2.0.10") from None
    prefix = found.prefix
    if not 8 <= prefix.prefixlen <= 30 or found.gateway in {prefix.network_address, prefix.broadcast_address}:
        raise RequestError(f"The gateway {found.gateway} is no host address of {prefix}, or the prefix is not between /8 and /30")
    if found.start not in prefix or found.end not in prefix or found.start > found.end:
        raise RequestError(f"The addresses {found.start} to {found.end} are not a range inside {prefix}")
    return found


def _refuse_clash(wanted: _Wanted, other: records.IpRange) -> None:
    first, last = ipaddress.IPv4Address(other.start_ip), ipaddress.IPv4Address(other.end_ip or other.start_ip)
    if wanted.start <= last and wanted.end >= first:
        raise RequestError(f"The addresses {wanted.start} to {wanted.end} overlap {first} to {last}, another range of the network")
    if not (other.gateway and other.netmask):
        return
    prefix = ipaddress.IPv4Network(f"{other.gateway}/{other.netmask}", strict=False)
    if prefix == wanted.prefix and str(wanted.gateway) != other.gateway:
        raise RequestError(f"The gateway of {prefix} is {other.gateway}, not {wanted.gateway}", remedy="a prefix has one gateway")
    if prefix != wanted.prefix and prefix.overlaps(wanted.prefix):
        raise RequestError(f"The prefix {wanted.prefix} overlaps {prefix}, another one of the network", remedy="choose one beside it")


def in_use(rx: ReadTransaction, row: records.IpRange) -> list[str]:
    """Return the addresses of a range that NICs have, ascending."""
    if row.network is None or row.start_ip is None:
        return []
    first, last = ipaddress.IPv4Address(row.start_ip), ipaddress.IPv4Address(row.end_ip or row.start_ip)
    taken = rx.all(records.IpAllocation, network=row.network, family=4, state=records.AllocationState.USED)
    numbers = sorted(ipaddress.IPv4Address(one.address) for one in taken)
    return [str(number) for number in numbers if first <= number <= last]


def refuse_loss(rx: ReadTransaction, row: records.IpRange, span: Span | None) -> None:
    """Raise 536 when a change of a range (None: its end) takes away addresses that NICs have, or their gateway."""
    used = in_use(rx, row)
    if span is not None and (row.gateway, row.netmask) == (span["gateway"], span["netmask"]):
        first, last = ipaddress.IPv4Address(span["start_ip"]), ipaddress.IPv4Address(span["end_ip"])
        used = [text for text in used if not first <= ipaddress.IPv4Address(text) <= last]
    if used:
        raise RequestError(
            f"{len(used)} addresses of the range {row.start_ip} to {row.end_ip} are in use, such as {used[0]}",
            code=536,
            cs_code=4375,
            remedy="remove those NICs, or give them other addresses, first",
        )
