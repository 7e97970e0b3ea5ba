"""Who answers for an address on a link: an ARP probe as a host sends before it takes an address (RFC 5227 section 2.1.1)."""

from __future__ import annotations

import ipaddress
import socket
import struct
import time
from typing import Final

from vxloom.model.addresses import format_mac

_ETHERTYPE: Final = 0x0806
_ARP: Final = struct.Struct(">HHBBH6s4s6s4s")
"""Hardware and protocol type, their lengths, operation, sender's and target's MAC and address (RFC 826)."""
_ETHERNET: Final = struct.Struct(">6s6sH")
_REQUEST: Final = 1
_PATIENCE: Final = 0.1
"""Seconds: on one link an answer takes less than a hundredth of it."""


def claimants(device: str, address: str) -> frozenset[str]:
    """Return the MACs that say on a device's link that they have an IPv4 address, this host's own left out.

    Takes a tenth of a second. The probe names no sender, so that nobody's ARP table changes. Raises ``OSError`` without CAP_NET_RAW.
    """
    wanted = ipaddress.IPv4Address(address).packed
    found: set[bytes] = set()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETHERTYPE)) as sock:
        sock.bind((device, _ETHERTYPE))
        own = sock.getsockname()[4]
        if len(own) != 6:  # no Ethernet: no ARP
            return frozenset()
        probe = _ARP.pack(1, 0x0800, 6, 4, _REQUEST, own, bytes(4), bytes(6), wanted)
        sock.send((_ETHERNET.pack(b"\xff" * 6, own, _ETHERTYPE) + probe).ljust(60, b"\0"))
        deadline = time.monotonic() + _PATIENCE
        while (left := deadline - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                frame = sock.recv(128)
            except TimeoutError:
                break
            if len(frame) >= _ETHERNET.size + _ARP.size:
                _, _, _, _, _, sender, claimed, _, _ = _ARP.unpack_from(frame, _ETHERNET.size)
                if claimed == wanted and sender != own:
                    found.add(sender)
    return frozenset(format_mac(int.from_bytes(mac, "big")) for mac in found)
