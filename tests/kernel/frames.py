"""Frames written and read byte by byte, and the end of a guest's cable to put them on."""

from __future__ import annotations

import ipaddress
import select
import socket
import struct
import time
from types import TracebackType
from typing import Self

BROADCAST = "ff:ff:ff:ff:ff:ff"
IPV4, ARP, RARP, IPV6, VLAN = 0x0800, 0x0806, 0x8035, 0x86DD, 0x8100
_ETH_P_ALL = 3
_PACKET_OUTGOING = 4


def mac_bytes(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def ethernet(target: str, source: str, kind: int, payload: bytes) -> bytes:
    """An Ethernet II frame, padded to 60 bytes."""
    return (mac_bytes(target) + mac_bytes(source) + kind.to_bytes(2, "big") + payload).ljust(60, b"\0")


def arp(
    source: str,
    sender_mac: str,
    sender_ip: str,
    target_ip: str,
    *,
    operation: int = 1,
    target: str = BROADCAST,
    target_mac: str = "00:00:00:00:00:00",
    kind: int = ARP,
    head: tuple[int, int, int, int] = (1, IPV4, 6, 4),
) -> bytes:
    """ARP (RFC 826), or with `kind` RARP and operation 3. `head`: hardware and protocol types, their address sizes."""
    fixed = struct.pack(">HHBBH", *head, operation)
    body = mac_bytes(sender_mac) + socket.inet_aton(sender_ip) + mac_bytes(target_mac) + socket.inet_aton(target_ip)
    return ethernet(target, source, kind, fixed + body)


def rarp(source: str, announced: str) -> bytes:
    """What a hypervisor sends for a guest that has just moved in."""
    return arp(source, announced, "0.0.0.0", "0.0.0.0", operation=3, target_mac=announced, kind=RARP)


def udp4(
    source: str,
    target: str,
    ip: str,
    to: str,
    ports: tuple[int, int] = (1000, 2000),
    payload: bytes = b"hello",
    *,
    options: bytes = b"",
    offset: int = 0,
) -> bytes:
    """UDP in IPv4, with options (whole words) in its header; or as much as a last fragment, its offset in eights of bytes."""
    datagram = struct.pack(">HHHH", *ports, 8 + len(payload), 0) + payload
    size = 20 + len(options)
    fixed = 0x40 | size // 4, 0, size + len(datagram), 7, offset, 64, 17, 0
    head = struct.pack(">BBHHHBBH4s4s", *fixed, socket.inet_aton(ip), socket.inet_aton(to)) + options
    head = head[:10] + _checksum(head).to_bytes(2, "big") + head[12:]
    return ethernet(target, source, IPV4, head + datagram)


def vxlan(vni: int, inner: bytes) -> bytes:
    """A frame as VXLAN carries it in UDP (RFC 7348, section 5)."""
    return struct.pack(">BxxxI", 8, vni << 8) + inner


def ip6(source: str, target: str, ip: str, to: str, next_header: int, payload: bytes) -> bytes:
    """IPv6 with hop limit 255."""
    head = struct.pack(">IHBB", 6 << 28, len(payload), next_header, 255)
    return ethernet(target, source, IPV6, head + ipaddress.IPv6Address(ip).packed + ipaddress.IPv6Address(to).packed + payload)


def udp6(source: str, target: str, ip: str, to: str, ports: tuple[int, int] = (1000, 2000)) -> bytes:
    """UDP in IPv6."""
    return ip6(source, target, ip, to, 17, struct.pack(">HHHH", *ports, 8, 0))


def icmp6(source: str, target: str, ip: str, to: str, kind: int, body: bytes, *, hop_by_hop: bool = False) -> bytes:
    """ICMPv6; `body` follows type, code and checksum."""
    message = bytes([kind, 0, 0, 0]) + body
    pseudo = ipaddress.IPv6Address(ip).packed + ipaddress.IPv6Address(to).packed + struct.pack(">II", len(message), 58)
    message = message[:2] + _checksum(pseudo + message).to_bytes(2, "big") + message[4:]
    if hop_by_hop:  # router alert, as MLD carries it (RFC 3810)
        return ip6(source, target, ip, to, 0, bytes([58, 0, 5, 2, 0, 0, 1, 0]) + message)
    return ip6(source, target, ip, to, 58, message)


def solicit(source: str, ip: str, wanted: str, *, option: str = "") -> bytes:
    """ND neighbour solicitation; `option`: source link-layer address."""
    body = bytes(4) + ipaddress.IPv6Address(wanted).packed + (b"\1\1" + mac_bytes(option) if option else b"")
    group = ipaddress.IPv6Address(int(ipaddress.IPv6Address("ff02::1:ff00:0")) | int(ipaddress.IPv6Address(wanted)) & 0xFFFFFF)
    return icmp6(source, "33:33:" + ":".join(f"{b:02x}" for b in group.packed[12:]), ip, str(group), 135, body)


def advertise(source: str, ip: str, claimed: str, *, option: str = "", target: str = "33:33:00:00:00:01") -> bytes:
    """ND neighbour advertisement; `option`: target link-layer address."""
    body = bytes([0x20, 0, 0, 0]) + ipaddress.IPv6Address(claimed).packed + (b"\2\1" + mac_bytes(option) if option else b"")
    return icmp6(source, target, ip, "ff02::1", 136, body)


def _checksum(data: bytes) -> int:
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Cable:
    """One end of a wire: puts frames on it, reads those that come from the other end. Opened in the current namespace."""

    def __init__(self, link: str) -> None:
        self.link = link
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.htons(_ETH_P_ALL))
        self._socket.bind((link, _ETH_P_ALL))

    def send(self, *frames: bytes) -> None:
        for frame in frames:
            self._socket.send(frame)

    def until(self, last: bytes, seconds: float = 5.0) -> list[bytes]:
        """Everything that comes before the frame `last`, which must come: frames do not overtake one another here."""
        got: list[bytes] = []
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._socket], [], [], left)[0]:
                raise AssertionError(f"on {self.link}: the last frame did not come; before: {[frame.hex() for frame in got]}")
            frame, address = self._socket.recvfrom(65536)
            if address[2] == _PACKET_OUTGOING:
                continue
            if frame.ljust(60, b"\0") == last:
                return got
            got.append(frame.ljust(60, b"\0"))

    def waiting(self) -> list[bytes]:
        """What has come from the other end and was not read yet."""
        got: list[bytes] = []
        while select.select([self._socket], [], [], 0)[0]:
            frame, address = self._socket.recvfrom(65536)
            if address[2] != _PACKET_OUTGOING:
                got.append(frame)
        return got

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
