"""The bytes of probes: whole tunnel packets, frames for a VXLAN device to wrap, and segments for a card to cut. Pure."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

VNI: Final = 0xFF_FFFF
"""CloudStack gives no network more than 16,777,214."""
ETHERTYPE: Final = 0x88B5
"""For experiments inside a network (IEEE 802, clause 9.2.4)."""
MAGIC: Final = b"vxlprobe"
BODY: Final = struct.Struct("=8s8sIB16s")
"""Magic, whose measurement it is, its number, 0 probe or 1 answer, the sender's VTEP."""
FAR_MAC: Final = 0x02_76_78_70_72_63
"""Whom frames for a VXLAN device are for; whoever listens there takes all."""
SEGMENTS: Final = 4
"""Packets a card makes of one segment."""
_MAC: Final = bytes.fromhex("027678707262")
_ETHERNET, _IP, _TCP = 14, 20, 20
_VNET: Final = struct.Struct("=BBHHHH")
"""virtio_net_hdr (packet(7), PACKET_VNET_HDR): flags, GSO type, length of headers, size of pieces, where the checksum begins and is."""
VNET_SIZE: Final = _VNET.size
_NEEDS_CSUM, _GSO_TCPV4 = 1, 1
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


def tunnel_packet(source: Address, target: Address, size: int, ports: tuple[int, int], body: bytes) -> bytes:
    """Return an outer IP packet of ``size`` bytes: IP with DF, UDP, VXLAN (RFC 7348 section 5), Ethernet, the body and zeros."""
    head = 20 if target.version == 4 else 40
    frame = (b"\xff" * 6 + _MAC + struct.pack(">H", ETHERTYPE) + body).ljust(size - head - 16, b"\0")
    vxlan = struct.pack(">BxxxI", 0x08, VNI << 8) + frame
    length = 8 + len(vxlan)
    if target.version == 4:  # the kernel writes length and checksum (raw(7)); UDP's own checksum may be left out
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, head + length, 0, 0x4000, 64, 17, 0, source.packed, target.packed)
        return ip + struct.pack(">HHHH", *ports, length, 0) + vxlan
    ip = struct.pack(">IHBB16s16s", 6 << 28, length, 17, 64, source.packed, target.packed)
    pseudo = source.packed + target.packed + struct.pack(">II", length, 17)
    return ip + struct.pack(">HHHH", *ports, length, checksum([pseudo, struct.pack(">HHHH", *ports, length, 0), vxlan])) + vxlan


def inner_frame(mtu: int, flow: int, body: bytes) -> bytes:
    """Return an Ethernet frame with ``mtu`` bytes behind its header. ``flow`` (0-255) decides the tunnel's source port."""
    return (FAR_MAC.to_bytes(6, "big") + _MAC[:5] + bytes([flow]) + struct.pack(">H", ETHERTYPE) + body).ljust(14 + mtu, b"\0")


def segment(mtu: int, flow: int, bodies: Sequence[bytes]) -> bytes:
    """Return a TCP segment over IPv4, behind its virtio_net_hdr, to be cut into packets of ``mtu`` bytes, each with one of the bodies."""
    piece = mtu - _IP - _TCP
    data = b"".join(body.ljust(piece, b"\0") for body in bodies)
    source, target = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])  # RFC 5737; the frame's MAC is nobody's, so no stack looks at them
    pseudo = _sum([source, target, struct.pack(">HH", 6, _TCP + len(data))])
    tcp = struct.pack(">HHIIBBHHH", 49_152 + flow, 9, 0, 0, _TCP // 4 << 4, 0x10, 65535, pseudo, 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, _IP + _TCP + len(data), 0, 0x4000, 64, 6, 0, source, target)
    ip = ip[:10] + struct.pack(">H", ~_sum([ip]) & 0xFFFF) + ip[12:]
    head = FAR_MAC.to_bytes(6, "big") + _MAC + b"\x08\x00"
    vnet = _VNET.pack(_NEEDS_CSUM, _GSO_TCPV4, len(head) + _IP + _TCP, piece, len(head) + _IP, 16)
    return vnet + head + ip + tcp + data


def bodies_of(received: bytes) -> Iterable[bytes]:
    """Yield the bodies in what came of segments, behind its virtio_net_hdr: one, or many that the far kernel put together again.

    None where the TCP checksum is wrong, whatever the card says of it. One that is still to be written was not on a wire, or was right
    before the kernel put pieces together.
    """
    if not received[0] & _NEEDS_CSUM and not _intact(received[VNET_SIZE + _ETHERNET :]):
        return
    place = received.find(MAGIC)
    while 0 <= place <= len(received) - BODY.size:
        yield received[place : place + BODY.size]
        place = received.find(MAGIC, place + BODY.size)


def _intact(packet: bytes) -> bool:
    """Tell whether an IPv4 packet's TCP checksum (RFC 9293, section 3.1) is that of what it carries."""
    size = int.from_bytes(packet[2:4], "big")
    tcp = packet[(packet[0] & 0xF) * 4 : size] if len(packet) >= max(size, _IP) else b""
    return len(tcp) >= _TCP and _sum([packet[12:20], struct.pack(">HH", 6, len(tcp)), tcp]) == 0xFFFF


def packed(address: Address) -> bytes:
    """Return an address in 16 bytes, IPv4 mapped."""
    return address.packed if address.version == 6 else b"\0" * 10 + b"\xff\xff" + address.packed


def unpacked(form: bytes) -> Address:
    """Return the address of 16 bytes."""
    address = ipaddress.IPv6Address(form)
    return address.ipv4_mapped or address


def checksum(parts: Iterable[bytes]) -> int:
    """Return the internet checksum (RFC 1071), never 0, which would mean that there is none."""
    return (~_sum(parts) & 0xFFFF) or 0xFFFF


def _sum(parts: Iterable[bytes]) -> int:
    """Return the internet checksum (RFC 1071), not inverted."""
    data = b"".join(parts)
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total
