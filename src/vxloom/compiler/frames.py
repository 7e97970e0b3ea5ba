"""Frames as `trace` follows them: only what filters and bridges look at."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum

from vxloom.model.addresses import parse_ip, parse_mac

BROADCAST = "ff:ff:ff:ff:ff:ff"


class Kind(StrEnum):
    """What a frame carries."""

    IP = "IP"
    ARP_REQUEST = "ARP request"
    ND_SOLICITATION = "ND solicitation"
    RARP = "RARP announcement"
    OTHER = "frame of an unknown ethertype"


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame as a guest sends it. MACs as ``aa:bb:cc:dd:ee:ff``, IPs as text; empty: the frame carries none."""

    source: str
    destination: str
    kind: Kind = Kind.IP
    sender: str = ""
    """IP source, or the sender address of ARP and ND."""
    target: str = ""
    """IP destination, or the address asked for."""

    @property
    def group(self) -> bool:
        """True for broadcast and multicast (the lowest bit of the first octet)."""
        return bool(int(self.destination[:2], 16) & 1)

    @property
    def asks(self) -> bool:
        """True for an ARP request or ND solicitation."""
        return self.kind in {Kind.ARP_REQUEST, Kind.ND_SOLICITATION}

    def __str__(self) -> str:
        """Return the frame in words."""
        what = str(self.kind)
        if self.asks:
            what += f" for {self.target}"
        elif self.sender or self.target:
            what += f" {self.sender or '?'} → {self.target or '?'}"
        return f"{what}, {self.source} → {self.destination}"


def question(mac: str, sender: str, target: str) -> Frame:
    """Return the ARP request or ND solicitation a guest sends before it can talk to ``target``."""
    address = parse_ip(target)
    if isinstance(address, ipaddress.IPv4Address):
        return Frame(mac, BROADCAST, Kind.ARP_REQUEST, sender, target)
    return Frame(mac, solicited_node(address), Kind.ND_SOLICITATION, sender, target)


def packet(source: str, destination: str, sender: str = "", target: str = "") -> Frame:
    """Return a unicast IP frame; raises :class:`IntentError` where a MAC is none."""
    parse_mac(source)
    parse_mac(destination)
    return Frame(source.lower(), destination.lower(), Kind.IP, sender, target)


def solicited_node(address: ipaddress.IPv6Address) -> str:
    """Return the multicast MAC of an address's solicited-node group (RFC 4291 section 2.7.1, RFC 2464 section 7)."""
    low = int(address) & 0xFFFFFF
    return f"33:33:ff:{low >> 16:02x}:{low >> 8 & 0xFF:02x}:{low & 0xFF:02x}"


def link_local(mac: str) -> str:
    """Return the IPv6 link-local address that a guest makes of its MAC (modified EUI-64, RFC 4291 appendix A)."""
    value = parse_mac(mac) ^ (1 << 41)
    low = (value >> 24) << 40 | 0xFFFE << 24 | value & 0xFFFFFF
    return str(ipaddress.IPv6Address(0xFE80 << 112 | low))
