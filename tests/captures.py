"""Tunnel packets and pcap files made byte by byte."""

from __future__ import annotations

import ipaddress
import socket
import struct

from tests.kernel import frames

HOST, PEER, ROUTER = "192.0.2.1", "192.0.2.2", "192.0.2.254"
HOST6, PEER6 = "2001:db8::1", "2001:db8::2"
MINE, THEIRS = "02:aa:00:00:00:01", "02:aa:00:00:00:02"
GUEST, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02"
VNI = 5001
PING = frames.ethernet(
    OTHER,
    GUEST,
    frames.IPV4,
    bytes.fromhex("4500002800010000400164b5")
    + socket.inet_aton("10.1.1.11")
    + socket.inet_aton("10.1.1.12")
    + bytes.fromhex("0800f7fd00010001")
    + bytes(12),
)
"""From GUEST to OTHER, an echo request."""


def inner(port: int = 1000, size: int = 40) -> bytes:
    """A datagram between two guests."""
    return frames.udp4(GUEST, OTHER, "10.1.1.11", "10.1.1.12", (port, 2000), bytes(size))


def tunnel(
    inside: bytes = PING,
    *,
    vni: int = VNI,
    source: str = HOST,
    target: str = PEER,
    ports: tuple[int, int] = (50000, 4789),
    df: bool = False,
) -> bytes:
    """A frame on the underlay; IPv4 without a checksum of UDP's, as VXLAN has it."""
    frame = bytearray(frames.udp4(MINE, THEIRS, source, target, ports, frames.vxlan(vni, inside)))
    frame[20] |= 0x40 if df else 0
    return bytes(frame)


def tunnel6(inside: bytes = PING, *, checksum: int = 0) -> bytes:
    payload = frames.vxlan(VNI, inside)
    return frames.ip6(MINE, THEIRS, HOST6, PEER6, 17, struct.pack(">HHHH", 50000, 4789, 8 + len(payload), checksum) + payload)


def fragments(frame: bytes, size: int, ident: int = 7) -> tuple[bytes, bytes]:
    """The frame's IPv4 packet in two pieces, the first with ``size`` bytes (of eight)."""
    body = frame[34:]
    return _piece(frame, body[:size], ident, 0x2000), _piece(frame, body[size:], ident, size // 8)


def _piece(frame: bytes, body: bytes, ident: int, place: int) -> bytes:
    return frame[:16] + struct.pack(">HHH", 20 + len(body), ident, place) + frame[22:34] + body


def refusal(frame: bytes, *, mtu: int | None = None, teller: str = ROUTER, quoted: int = 200) -> bytes:
    """What ICMP says of an IPv4 frame: too big for ``mtu``, or its port is closed."""
    kind = (3, 4, 0, 0, mtu) if mtu else (3, 3, 0, 0, 0)
    body = struct.pack(">BBHHH", *kind) + frame[14 : 14 + quoted]
    sender = frame[26:30]
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, 1, 0, socket.inet_aton(teller), sender)
    return frames.ethernet(MINE, THEIRS, frames.IPV4, head + body)


def too_big6(frame: bytes, mtu: int, teller: str = "2001:db8::fe") -> bytes:
    """ICMPv6 "packet too big" of an IPv6 frame."""
    return frames.icmp6(THEIRS, MINE, teller, str(ipaddress.IPv6Address(frame[22:38])), 2, struct.pack(">I", mtu) + frame[14:214])


def pcap(*packets: bytes, snap: int = 262_144) -> bytes:
    """A file of these, a second apart (pcap-savefile(5))."""
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, snap, 1)
    cut = (packet[:snap] for packet in packets)
    return head + b"".join(
        struct.pack("<IIII", 1_700_000_000 + number, 0, len(piece), len(packet)) + piece
        for number, (packet, piece) in enumerate(zip(packets, cut, strict=True))
    )
