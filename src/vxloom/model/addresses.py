"""VNIs, MAC addresses and IP addresses, as values and as packed integers.

Rows in bulk are integer columns, so every address has an integer form: a MAC is its 48-bit value; an IP
address is the pair ``(hi, lo)`` of the 16-byte IPv6 form, IPv4 being v4-mapped (``::ffff:a.b.c.d``, RFC 4291
section 2.5.5.2), so that one pair of columns holds both families and sorts stably.
"""

from __future__ import annotations

import ipaddress
import re
from typing import NewType

from vxloom.errors import IntentError

Vni = NewType("Vni", int)
MacAddress = NewType("MacAddress", int)
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpPair = tuple[int, int]

VNI_MIN = 0
VNI_MAX = 16_777_214
"""CloudStack's cap (2^24 - 2); the kernel takes 16777215 too (measured), but clients do not."""

V4_MAPPED = 0xFFFF_0000_0000
LOW64 = 0xFFFF_FFFF_FFFF_FFFF
_MAC = re.compile(r"^[0-9a-f]{2}(:[0-9a-f]{2}){5}$")
_MULTICAST_BIT = 1 << 40


def parse_vni(value: int | str) -> Vni:
    """Return a checked VNI; raises :class:`IntentError` outside 0…16777214."""
    try:
        number = int(value)
    except ValueError:
        raise IntentError(f"VNI {value!r} is not a number", remedy=f"give {VNI_MIN} to {VNI_MAX}") from None
    if not VNI_MIN <= number <= VNI_MAX:
        raise IntentError(f"VNI {number} is out of range", remedy=f"give {VNI_MIN} to {VNI_MAX}")
    return Vni(number)


def parse_mac(text: str) -> MacAddress:
    """Return the 48-bit value of ``aa:bb:cc:dd:ee:ff``; raises :class:`IntentError` on anything but a unicast MAC."""
    lower = text.strip().lower().replace("-", ":")
    if not _MAC.match(lower):
        raise IntentError(f"{text!r} is not a MAC address", remedy="write it as 02:00:00:00:00:01")
    value = int(lower.replace(":", ""), 16)
    if value & _MULTICAST_BIT or value == 0:
        raise IntentError(f"{text!r} is not a unicast MAC address", remedy="the lowest bit of the first byte must be 0")
    return MacAddress(value)


def format_mac(value: int) -> str:
    """Return ``aa:bb:cc:dd:ee:ff``, lower case."""
    digits = f"{value:012x}"
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def parse_ip(text: str) -> IpAddress:
    """Return an address object; raises :class:`IntentError` on anything else."""
    try:
        return ipaddress.ip_address(text.strip())
    except ValueError:
        raise IntentError(f"{text!r} is not an IP address", remedy="write it as 10.1.1.5 or fd00:1::5") from None


def pack_ip(address: IpAddress | str) -> IpPair:
    """Return ``(hi, lo)``; IPv4 as v4-mapped."""
    parsed = parse_ip(address) if isinstance(address, str) else address
    if isinstance(parsed, ipaddress.IPv4Address):
        return 0, V4_MAPPED | int(parsed)
    number = int(parsed)
    return number >> 64, number & LOW64


def unpack_ip(high: int, low: int) -> IpAddress:
    """Return the address of a pair made by :func:`pack_ip`."""
    high, low = int(high), int(low)
    if is_v4(high, low):
        return ipaddress.IPv4Address(low & 0xFFFF_FFFF)
    return ipaddress.IPv6Address((high << 64) | low)


def is_v4(high: int, low: int) -> bool:
    """Tell whether a pair is an IPv4 address in v4-mapped form."""
    return high == 0 and low >> 32 == V4_MAPPED >> 32
