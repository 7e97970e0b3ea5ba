"""What zones, pods, clusters and hosts have in common: states, servers, prefixes, as clients write them. Pure."""

from __future__ import annotations

import ipaddress
from typing import TypedDict

from vxloom.errors import RequestError
from vxloom.server.parameters import Arguments


def allocation_state(given: Arguments) -> str | None:
    """Return Enabled or Disabled, None when not given; clients write Enable and Disable for hosts."""
    text = given.filled("allocationstate")
    if text is None:
        return None
    states = {"enabled": "Enabled", "enable": "Enabled", "disabled": "Disabled", "disable": "Disabled"}
    if text.lower() not in states:
        raise RequestError(f"Invalid allocationstate {text[:80]}", remedy="give Enabled or Disabled")
    return states[text.lower()]


def server(given: Arguments, name: str) -> str | None:
    """Return a name server's address, None when not given; raises :class:`RequestError` 431 when it is none."""
    text = given.filled(name)
    if text is None:
        return None
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise RequestError(f"Invalid {name} {text[:80]}", remedy="give an IP address") from None


def guest_prefix(given: Arguments) -> str | None:
    """Return the zone's default prefix of isolated networks, None when not given."""
    text = given.filled("guestcidraddress")
    if text is None:
        return None
    try:
        prefix = ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        raise RequestError(f"Invalid guestcidraddress {text[:80]}", remedy="write it as 10.1.1.0/24") from None
    if not 8 <= prefix.prefixlen <= 30:
        raise RequestError(f"The guestcidraddress {prefix} is not between /8 and /30")
    return str(prefix)


def cluster_type(given: Arguments) -> str:
    """Return the type of a cluster, CloudManaged; raises :class:`RequestError` 431 for any other."""
    text = given.filled("clustertype") or "CloudManaged"
    if text.lower() != "cloudmanaged":
        raise RequestError(f"Unable to resolve {text[:80]} to a supported cluster type", remedy="give CloudManaged")
    return "CloudManaged"


class Subnet(TypedDict, total=False):
    """The addressing columns of a pod."""

    gateway: str | None
    netmask: str | None
    start_ip: str | None
    end_ip: str | None


def management_subnet(given: Arguments) -> Subnet:
    """Return a pod's management subnet, empty when nothing was given; the end defaults to the subnet's last usable address."""
    texts = {name: given.filled(name) for name in ("gateway", "netmask", "startip", "endip")}
    if not any(texts.values()):
        return {}
    try:
        subnet = ipaddress.IPv4Network(f"{texts['gateway']}/{texts['netmask']}", strict=False)
        start = ipaddress.IPv4Address(texts["startip"]) if texts["startip"] else None
        end = ipaddress.IPv4Address(texts["endip"]) if texts["endip"] else None
    except ValueError:
        shown = " ".join(f"{name}={text[:40]}" for name, text in texts.items() if text)
        raise RequestError(
            f"Invalid management subnet: {shown}", remedy="write gateway=192.0.2.1 netmask=255.255.255.0 startip=192.0.2.10"
        ) from None
    if start is not None and end is None:
        end = subnet.broadcast_address - 1
    if any(address is not None and address not in subnet for address in (start, end)) or (start and end and start > end):
        raise RequestError(f"The addresses {start} to {end} are not a range inside {subnet}")
    gateway = ipaddress.IPv4Address(str(texts["gateway"]))
    if start is not None and end is not None and start <= gateway <= end:
        raise RequestError(f"The gateway {gateway} shouldn't overlap start/end ip addresses {start} to {end}")
    return {
        "gateway": texts["gateway"],
        "netmask": str(subnet.netmask),
        "start_ip": str(start) if start else None,
        "end_ip": str(end) if end else None,
    }
