"""Which prefixes and VNI a new network gets: from what the caller stated, checked before anything is written. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from vxloom.errors import RequestError
from vxloom.model.addresses import VNI_MAX, VNI_MIN
from vxloom.server.parameters import Arguments

_ISOLATED_DEFAULT = "10.1.1.0/24"
_URI = re.compile(r"^(?:([a-zA-Z][a-zA-Z0-9+.-]*)://)?(.*)$")

V4 = ("gateway", "netmask", "startip", "endip", "cidr")
V6 = ("ip6cidr", "ip6gateway", "startipv6", "endipv6")


@dataclass(frozen=True, slots=True)
class Prefixes:
    """The addressing columns of a network; None: not given."""

    cidr: str | None = None
    gateway: str | None = None
    netmask: str | None = None
    start_ip: str | None = None
    end_ip: str | None = None
    ip6_cidr: str | None = None
    ip6_gateway: str | None = None
    start_ip6: str | None = None
    end_ip6: str | None = None


def prefixes_of(given: Arguments, default: str | None) -> Prefixes:
    """Return the prefixes of an isolated network; ``default``: the zone's guest prefix. Raises :class:`RequestError` 431."""
    four = _four(given, default)
    start, end = _span(given.filled("startip"), given.filled("endip"), four, "ip")
    gateway = given.filled("gateway") or str(four.network_address + 1)
    six = _six(given.filled("ip6cidr"))
    gateway6 = _gateway6(given.filled("ip6gateway"), six)
    start6, end6 = _span(given.filled("startipv6"), given.filled("endipv6"), six, "ipv6") if six else (None, None)
    return Prefixes(str(four), gateway, str(four.netmask), start, end, str(six) if six else None, gateway6, start6, end6)


def refuse_addresses(given: Arguments) -> None:
    """Raise 431 for addresses stated for an L2 network."""
    stated = [name for name in (*V4, *V6) if given.filled(name)]
    if stated:
        raise RequestError(f"L2 networks have no addresses of the cloud's, so {', '.join(stated)} cannot be given", remedy="leave them out")


def shared_prefixes(given: Arguments, *, all_of_it: bool) -> Prefixes:
    """Return the prefixes of a shared network, and the IPv4 addresses it gives: from startip to endip.

    ``all_of_it``: where startip was not given, all of the prefix. Raises :class:`RequestError` 431.
    """
    six = _six(given.filled("ip6cidr"))
    gateway6 = _gateway6(given.filled("ip6gateway"), six)
    start6, end6 = _span(given.filled("startipv6"), given.filled("endipv6"), six, "ipv6") if six else (None, None)
    if not any(given.filled(name) for name in V4):
        if six is None:
            raise RequestError(
                "Gateway and netmask are required for shared networks", remedy="give gateway=10.2.0.1 netmask=255.255.0.0, or ip6cidr="
            )
        return Prefixes(ip6_cidr=str(six), ip6_gateway=gateway6, start_ip6=start6, end_ip6=end6)
    if not (given.filled("gateway") and given.filled("netmask")):
        raise RequestError("Shared networks need gateway and netmask", remedy="give gateway=10.2.0.1 netmask=255.255.0.0")
    four = _four(given, None)
    start, end = _span(given.filled("startip"), given.filled("endip"), four, "ip")
    if start is None:
        if not all_of_it:
            raise RequestError("StartIp and endIp are required for shared networks", remedy="or set allow.empty.start.end.ipaddress")
        start, end = str(four.network_address + 1), str(four.broadcast_address - 1)
    six_text = str(six) if six else None
    return Prefixes(str(four), given.filled("gateway"), str(four.netmask), start, end, six_text, gateway6, start6, end6)


def stated_vni(text: str | None, *, allowed: bool, isolation: str) -> int | None:
    """Return the VNI of ``vlan=``: a number or ``vxlan://N``. None: not stated. Raises :class:`RequestError` 431.

    ``allowed``: the offering's ``specifyvlan``. ``isolation``: VXLAN or VLAN, what a number without a scheme means on the physical
    network; a scheme goes before it (NetworkOrchestrator). A VLAN is refused: hosts have no data plane for it, and one that is not there
    isolates nobody.
    """
    if text is None:
        if allowed:
            raise RequestError("VlanId must be specified for a network of this offering", remedy="give vlan=5001")
        _refuse_vlan(isolation)
        return None
    if not allowed:
        raise RequestError("Can't specify vlan for a network of this offering: its specifyvlan is false", remedy="leave vlan out")
    scheme, number = _URI.match(text).groups()  # type: ignore[union-attr] # the pattern takes every text
    method = (scheme or isolation).upper()
    if method not in {"VXLAN", "VLAN"}:
        raise RequestError(f"Requested URI '{text[:80]}' is not supported. Expected URI Scheme as 'vlan://VID' or 'vxlan://VID'")
    _refuse_vlan(method)
    if not (number.isascii() and number.isdigit() and len(number) <= 9) or not VNI_MIN <= int(number) <= VNI_MAX:
        raise RequestError(f"Invalid VNI {text[:80]}", remedy=f"give {VNI_MIN} to {VNI_MAX}")
    return int(number)


def _refuse_vlan(method: str) -> None:
    if method.upper() != "VXLAN":
        raise RequestError(
            f"Networks isolated by {method.upper()} cannot be delivered yet: hosts have a data plane for VXLAN only",
            remedy="use a physical network with isolationmethods=VXLAN, or state vlan=vxlan://5001",
        )


def _four(given: Arguments, default: str | None) -> ipaddress.IPv4Network:
    gateway, netmask, cidr = given.filled("gateway"), given.filled("netmask"), given.filled("cidr")
    if gateway is None and netmask is not None:
        raise RequestError("netmask needs gateway, too", remedy="give gateway=10.1.1.1")
    text = cidr or (f"{gateway}/{netmask or '255.255.255.0'}" if gateway else default or _ISOLATED_DEFAULT)
    address = _four_address(gateway, "gateway") if gateway else None
    try:
        prefix = ipaddress.IPv4Network(text, strict=cidr is not None)
    except ValueError:
        wrong = f"cidr {cidr}" if cidr else f"netmask {netmask}"
        raise RequestError(f"Invalid {wrong[:80]}", remedy="write it as 10.1.1.0/24, or gateway=10.1.1.1 netmask=255.255.255.0") from None
    if not 8 <= prefix.prefixlen <= 30:
        raise RequestError(f"The prefix {prefix} is not between /8 and /30")
    if address is not None and (address not in prefix or address in {prefix.network_address, prefix.broadcast_address}):
        raise RequestError(f"The gateway {address} is no host address of {prefix}", remedy="give one in between")
    return prefix


def _six(text: str | None) -> ipaddress.IPv6Network | None:
    if text is None:
        return None
    try:
        prefix = ipaddress.IPv6Network(text)
    except ValueError:
        raise RequestError(f"Invalid ip6cidr {text[:80]}", remedy="write it as fd00:1::/64") from None
    if not 48 <= prefix.prefixlen <= 126 or prefix.is_multicast or prefix.is_link_local:
        raise RequestError(f"The prefix {prefix} is not a unicast prefix between /48 and /126", remedy="a /64 suits guests best")
    return prefix


def _gateway6(text: str | None, prefix: ipaddress.IPv6Network | None) -> str | None:
    if prefix is None:
        if text is not None:
            raise RequestError("ip6gateway needs ip6cidr, too", remedy="give ip6cidr=fd00:1::/64")
        return None
    if text is None:
        return str(prefix.network_address + 1)
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        raise RequestError(f"Invalid ip6gateway {text[:80]}", remedy="write it as fd00:1::1") from None
    if address not in prefix or address == prefix.network_address:
        raise RequestError(f"The gateway {address} is no host address of {prefix}")
    return str(address)


def _span(
    first: str | None, last: str | None, prefix: ipaddress.IPv4Network | ipaddress.IPv6Network, what: str
) -> tuple[str | None, str | None]:
    """Return start and end of the guests' addresses; end defaults to start, as clients expect."""
    if first is None:
        if last is not None:
            raise RequestError(f"end{what} needs start{what}, too")
        return None, None
    parse = _four_address if prefix.version == 4 else _six_address
    start, end = parse(first, f"start{what}"), parse(last or first, f"end{what}")
    if start not in prefix or end not in prefix or int(start) > int(end):
        raise RequestError(f"The addresses {start} to {end} are not a range inside {prefix}")
    return str(start), str(end)


def _four_address(text: str, name: str) -> ipaddress.IPv4Address:
    try:
        return ipaddress.IPv4Address(text)
    except ValueError:
        raise RequestError(f"Invalid {name} {text[:80]}", remedy="write it as 10.1.1.1") from None


def _six_address(text: str, name: str) -> ipaddress.IPv6Address:
    try:
        return ipaddress.IPv6Address(text)
    except ValueError:
        raise RequestError(f"Invalid {name} {text[:80]}", remedy="write it as fd00:1::10") from None
