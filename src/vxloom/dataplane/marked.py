"""Packets with a mark, sent for a guest and looked for where they must come by. They are harmless to guests.

Unicast: an ICMP echo request, which the other guest may answer. Broadcast: UDP to the discard port (RFC 863), which no host answers
(RFC 1122, section 3.2.2: no ICMP error about a broadcast). Both with the sender's own MAC and address, so that filters admit them.
"""

from __future__ import annotations

import ctypes
import errno
import ipaddress
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from vxloom.dataplane.probe_frames import checksum
from vxloom.errors import DataplaneError
from vxloom.model.addresses import IpAddress
from vxloom.model.packet import COUNT, Kind
from vxloom.model.pair import End

_ALL: Final = 0x0003
_OUTGOING: Final = 4
"""PACKET_OUTGOING, linux/if_packet.h."""
_SO_ATTACH_FILTER: Final = 26
_NEWNET: Final = 0x4000_0000
_DISCARD: Final = 9
_REQUESTS: Final = {4: 8, 6: 128}
"""IP version → ICMP type of an echo request (RFC 792, RFC 4443)."""
_ANSWERS: Final = {4: 0, 6: 129}
_TAIL: Final = struct.Struct(">8sBBB")
"""Mark, place of the sender, kind, number."""
_KINDS: Final = (Kind.UNICAST, Kind.BROADCAST)
_HEAD: Final = {4: 28, 6: 48}
"""IP version → bytes of IP and ICMP or UDP before the mark."""
_TUNNELS: Final = (20 + 30, 40 + 30)
"""Bytes of an outer IP header, UDP, VXLAN and Ethernet (RFC 7348, section 5)."""
_LOAD_W, _JUMP_EQ, _RETURN = 0x20, 0x15, 0x06


class Passing(NamedTuple):
    """A marked packet that came by."""

    device: str
    outward: bool
    """It was sent by the device."""
    tunnelled: bool
    source: int
    kind: Kind
    number: int


def frames(mark: bytes, sender: End, receiver: End, place: int) -> Iterator[bytes]:
    """Yield the packets of one direction."""
    mine, its = _addresses(sender, receiver)
    for number in range(COUNT):
        for kind in _KINDS:
            body = _TAIL.pack(mark, place, _KINDS.index(kind), number).ljust(56, b"\0")
            target, to = (receiver.mac, its) if kind is Kind.UNICAST else _everybody(mine.version)
            macs = bytes.fromhex((target + sender.mac).replace(":", ""))
            yield macs + (b"\x08\0" if mine.version == 4 else b"\x86\xdd") + _ip(mine, to, kind, number, body)


def _everybody(version: int) -> tuple[str, IpAddress]:
    if version == 4:
        return "ff:ff:ff:ff:ff:ff", ipaddress.IPv4Address("255.255.255.255")
    return "33:33:00:00:00:01", ipaddress.IPv6Address("ff02::1")


def _addresses(sender: End, receiver: End) -> tuple[IpAddress, IpAddress]:
    """Return an address of each, IPv4 before IPv6; the unspecified one, which no guest takes for its own, where the cloud gives none."""
    mine, its = ({ip.version: ip for ip in map(ipaddress.ip_address, reversed(end.ips))} for end in (sender, receiver))
    both = sorted(mine.keys() & its.keys())
    return (mine[both[0]], its[both[0]]) if both else (ipaddress.IPv4Address(0), ipaddress.IPv4Address(0))


def _ip(
    source: IpAddress,
    target: IpAddress,
    kind: Kind,
    number: int,
    body: bytes,
) -> bytes:
    version, echo = source.version, kind is Kind.UNICAST
    protocol = (1 if version == 4 else 58) if echo else socket.IPPROTO_UDP
    length = 8 + len(body)
    head = struct.pack(">BBHHH", _REQUESTS[version], 0, 0, 0x7678, number) if echo else struct.pack(">HHHH", _DISCARD, _DISCARD, length, 0)
    pseudo = b"" if echo and version == 4 else source.packed + target.packed + struct.pack(">II", length, protocol)
    at = 2 if echo else 6
    head = head[:at] + struct.pack(">H", checksum([pseudo, head, body])) + head[at + 2 :]
    if version == 6:
        return struct.pack(">IHBB", 6 << 28, length, protocol, 64) + source.packed + target.packed + head + body
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + length, 0, 0, 64, protocol, 0, source.packed, target.packed)
    return ip[:10] + struct.pack(">H", checksum([ip])) + ip[12:] + head + body


class Outlook:
    """Hears marked packets on all devices of this network namespace; the kernel filters, so other traffic costs next to nothing."""

    def __init__(self, mark: bytes) -> None:
        """Begin to listen. Raises ``DataplaneError``."""
        self._mark = mark
        try:
            # Of all devices, to which no address binds; what comes in before the filter stands is passed over when it is read.
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, socket.htons(_ALL))
            self._attach()
        except OSError as error:
            raise DataplaneError("packets", "listen for", error.errno or errno.EIO, error.strerror or str(error)) from error

    def _attach(self) -> None:
        """Accept a packet with the mark's first half where IP in Ethernet or in a tunnel has it. A load beyond its end refuses it."""
        places = sorted({head + tunnel for head in _HEAD.values() for tunnel in (0, *_TUNNELS)})
        word, left = int.from_bytes(self._mark[:4], "big"), 2 * len(places)
        steps: list[tuple[int, int, int, int]] = []
        for place in places:
            left -= 2
            steps += [(_LOAD_W, 0, 0, place), (_JUMP_EQ, left + 1, 0, word)]
        steps += [(_RETURN, 0, 0, 0), (_RETURN, 0, 0, 0xFFFF)]
        buffer = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(steps), ctypes.addressof(buffer)))

    def next(self, deadline: float) -> Passing | None:
        """Return the next packet that came by; None: none has come by at a time of the monotonic clock."""
        while select.select([self._socket], [], [], max(0.0, deadline - time.monotonic()))[0]:
            packet, origin = self._socket.recvfrom(2048)
            found = read(packet, self._mark)
            if found is not None:
                return Passing(origin[0], origin[2] == _OUTGOING, *found)
        return None

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()


def read(packet: bytes, mark: bytes) -> tuple[bool, int, Kind, int] | None:
    """Return of an IP packet whether it is in a tunnel, whom it was sent for, its kind and number; None without the mark."""
    for tunnel in (0, *_TUNNELS):
        inner = packet[tunnel:]
        head = _HEAD.get(inner[0] >> 4) if inner else None
        if head is None or len(inner) < head + _TAIL.size or inner[head : head + 8] != mark:
            continue
        _, source, kind, number = _TAIL.unpack_from(inner, head)
        if kind >= len(_KINDS):
            return None
        answered = _KINDS[kind] is Kind.UNICAST and inner[head - 8] == _ANSWERS[inner[0] >> 4]
        return tunnel > 0, source, Kind.ANSWER if answered else _KINDS[kind], number
    return None


def send(device: str, packets: Iterator[bytes], netns: Path | None = None) -> None:
    """Put frames on a device, of another network namespace if one is named. Raises ``DataplaneError``."""
    try:
        with _opened(netns) as out:
            for packet in packets:
                out.sendto(packet, (device, 0))
    except OSError as error:
        raise DataplaneError(device, "send a packet on", error.errno or errno.EIO, error.strerror or str(error)) from error


def _opened(netns: Path | None) -> socket.socket:
    """Return a packet socket; a thread of its own enters the namespace for it, and ends with that."""
    if netns is None:
        return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    made: list[socket.socket | OSError] = []

    def enter() -> None:
        try:
            made.append(_socket_in(netns))
        except OSError as error:
            made.append(error)

    thread = threading.Thread(target=enter, name="vxloom-packet")
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]


def _socket_in(netns: Path) -> socket.socket:
    libc = ctypes.CDLL(None, use_errno=True)
    with netns.open("rb") as handle:
        if libc.setns(handle.fileno(), _NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(netns))
    return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
