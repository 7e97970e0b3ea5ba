"""Probes of the underlay, shaped as tunnel packets are: UDP to the VXLAN port, DF set, on a VNI that no network is ever given.

A probe takes the way a tunnel packet of its size and source port takes, through every firewall on it, into the peer's kernel and out of a
VXLAN device there; whoever listens on that device answers with a small one. So an answer proves one direction at the probe's size, and
silence is evidence whether or not a router says why (RFC 8899, section 5.2, asks for just such probes).
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import select
import socket
import statistics
import struct
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Final, Self

from vxloom.dataplane.netlink import NetlinkSocket, add_altnames, create_vxlan, delete_link, set_link
from vxloom.errors import DataplaneError
from vxloom.model.addresses import pack_ip
from vxloom.model.path import Path

VNI: Final = 0xFF_FFFF
"""CloudStack gives no network more than 16,777,214."""
DEVICE: Final = "vxlprobe"
_MARK: Final = "vxloom.probe"
"""Altname of our device."""
SMALL: Final = 150
"""Bytes of an outer IP packet that passes wherever anything passes (RFC 791 and 8200 ask for more)."""
LEGS: Final = 32
"""Source ports, so that equal-cost ways are all gone: routers choose among them by a hash of the five-tuple (RFC 7348 section 4)."""
_FIRST_PORT: Final = 49_152
_STRIDE: Final = 97
_ETHERTYPE: Final = 0x88B5
"""For experiments inside a network (IEEE 802, clause 9.2.4)."""
_MAGIC: Final = b"vxlprobe"
_BODY: Final = struct.Struct("=8s8sIB16s")
"""Magic, whose measurement it is, its number, 0 probe or 1 answer, the sender's VTEP."""
_MAC: Final = bytes.fromhex("027678707262")
_PATIENCE: Final = 0.25
"""Seconds an answer may take; a fabric's round trip is below a hundredth of it."""
_TRIES: Final = 3


def sweep() -> None:
    """Take away the device of probes in this network namespace, if there is one. Raises ``DataplaneError`` without netlink."""
    with NetlinkSocket(receive_buffer=1 << 18) as sock:
        sock.batch([delete_link(name=_MARK)])


class Probe:
    """Sends probes, and answers those of others while it is open. The device it makes is its own and goes with it."""

    def __init__(self, vtep: str, port: int) -> None:
        """Make the device and start to answer. Raises ``DataplaneError``."""
        self._vtep = ipaddress.ip_address(vtep)
        self._port = port
        self._nonce = os.urandom(8)
        self._number = 0
        self._answered: dict[int, float] = {}
        self._senders: set[str] = set()
        self._heard = threading.Condition()
        try:
            self._open_device()
            family = socket.AF_INET if self._vtep.version == 4 else socket.AF_INET6
            self._raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
            self._frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETHERTYPE))
            self._frames.bind((DEVICE, _ETHERTYPE))
        except OSError as error:
            raise DataplaneError("probes", "open", error.errno or errno.EIO, error.strerror or str(error)) from error
        self._wake, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._answer, name="vxloom-probe", daemon=True)
        self._thread.start()

    def _open_device(self) -> None:
        sweep()  # a killed process left it
        with NetlinkSocket(receive_buffer=1 << 18) as sock:
            made = create_vxlan(DEVICE, vni=VNI, local=pack_ip(self._vtep), port=self._port)
            refused = sock.batch([made])
            if refused:
                raise DataplaneError(f"link {DEVICE}", "create", refused[0].errno, refused[0].text or os.strerror(refused[0].errno))
            sock.batch([add_altnames(name=DEVICE, altnames=[_MARK]), set_link(name=DEVICE, addr_gen_mode_none=True)])
            sock.batch([set_link(name=DEVICE, up=True)])

    def close(self) -> None:
        """Stop answering and take the device away."""
        os.close(self._stop)
        self._thread.join()
        os.close(self._wake)
        self._raw.close()
        self._frames.close()
        sweep()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    # --- measuring; one thread at a time

    def measure(self, remote: str, needed: int) -> Path:
        """Return how packets of up to ``needed`` bytes fare towards a VTEP that answers probes. Takes some milliseconds where all is
        well, three seconds where nothing passes.
        """
        legs = [_FIRST_PORT + _STRIDE * number for number in range(LEGS)]
        times: list[float] = []
        silent = legs
        for _ in range(_TRIES):  # the first may only have woken neighbour discovery
            times, silent = self._volley(remote, SMALL, legs)
            if times:
                break
        else:
            return Path(remote, needed, reached=False, limit=0, sent=LEGS, lost=LEGS)
        trip = round(statistics.median(times) * 1000, 3)

        def path(limit: int, legs_lost: tuple[int, ...] = ()) -> Path:
            return Path(remote, needed, reached=True, limit=limit, sent=LEGS, lost=len(silent), round_trip=trip, legs_lost=legs_lost)

        large = legs
        for _ in range(_TRIES):
            _, large = self._volley(remote, needed, large)
            if not large:
                return path(needed)
        if len(large) < LEGS:
            return path(needed, tuple(large))
        return path(self._limit(remote, needed))

    def _limit(self, remote: str, needed: int) -> int:
        """Return the largest size that passes by any leg, by halving."""
        legs = [_FIRST_PORT + _STRIDE * number for number in range(0, LEGS, LEGS // 4)]
        passes, fails = SMALL, needed
        while fails - passes > 1:
            size = (passes + fails) // 2
            if self._volley(remote, size, legs)[0]:
                passes = size
            else:
                fails = size
        return passes

    def _volley(self, remote: str, size: int, ports: Sequence[int]) -> tuple[list[float], list[int]]:
        """Send a probe of a size from each source port; return the round trips (seconds) and the ports that got no answer."""
        sent: dict[int, tuple[int, float]] = {}
        for port in ports:
            self._number += 1
            sent[self._number] = (port, time.monotonic())
            self._send(remote, size, port, _BODY.pack(_MAGIC, self._nonce, self._number, 0, _packed(self._vtep)))
        deadline = time.monotonic() + _PATIENCE
        with self._heard:
            while sent.keys() - self._answered.keys() and (left := deadline - time.monotonic()) > 0:
                self._heard.wait(left)
            answered = {number: self._answered.pop(number) for number in sent if number in self._answered}
        times = [at - sent[number][1] for number, at in answered.items()]
        return times, [port for number, (port, _) in sent.items() if number not in answered]

    def _send(self, remote: str, size: int, port: int, body: bytes) -> None:
        packet = _packet(self._vtep, ipaddress.ip_address(remote), size, (port, self._port), body)
        # Too large for this host's own device (EMSGSIZE), no route, refused by a filter: silence, like everywhere on the way.
        with contextlib.suppress(OSError):
            self._raw.sendto(packet, (remote, 0))

    # --- answering

    def senders(self) -> list[str]:
        """Return the VTEPs whose probes have arrived since this was last asked: whether or not they got an answer."""
        with self._heard:
            heard, self._senders = sorted(self._senders), set()
        return heard

    def _answer(self) -> None:
        while True:
            ready, _, _ = select.select([self._frames.fileno(), self._wake], [], [])
            if self._wake in ready:
                return
            with contextlib.suppress(OSError):  # the device was taken away by hand: nothing comes any more, and nothing is lost
                self._take(self._frames.recv(65535))

    def _take(self, frame: bytes) -> None:
        if len(frame) < 14 + _BODY.size:
            return
        magic, nonce, number, kind, sender = _BODY.unpack_from(frame, 14)
        if magic != _MAGIC:
            return
        if kind == 0:
            with self._heard:
                self._senders.add(str(_unpacked(sender)))
            self._send(str(_unpacked(sender)), SMALL, _FIRST_PORT, _BODY.pack(_MAGIC, nonce, number, 1, _packed(self._vtep)))
        elif nonce == self._nonce:
            with self._heard:
                self._answered[number] = time.monotonic()
                self._heard.notify()


def _packed(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bytes:
    return address.packed if address.version == 6 else b"\0" * 10 + b"\xff\xff" + address.packed


def _unpacked(packed: bytes) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.IPv6Address(packed)
    return address.ipv4_mapped or address


def _packet(
    source: ipaddress.IPv4Address | ipaddress.IPv6Address,
    target: ipaddress.IPv4Address | ipaddress.IPv6Address,
    size: int,
    ports: tuple[int, int],
    body: bytes,
) -> bytes:
    """Return an outer IP packet of ``size`` bytes: IP with DF, UDP, VXLAN (RFC 7348 section 5), Ethernet, the body and zeros."""
    head = 20 if target.version == 4 else 40
    frame = (b"\xff" * 6 + _MAC + struct.pack(">H", _ETHERTYPE) + body).ljust(size - head - 16, b"\0")
    vxlan = struct.pack(">BxxxI", 0x08, VNI << 8) + frame
    length = 8 + len(vxlan)
    if target.version == 4:  # the kernel writes length and checksum (raw(7)); UDP's own checksum may be left out
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, head + length, 0, 0x4000, 64, socket.IPPROTO_UDP, 0, source.packed, target.packed)
        return ip + struct.pack(">HHHH", *ports, length, 0) + vxlan
    ip = struct.pack(">IHBB16s16s", 6 << 28, length, socket.IPPROTO_UDP, 64, source.packed, target.packed)
    pseudo = source.packed + target.packed + struct.pack(">II", length, socket.IPPROTO_UDP)
    checksum = _checksum([pseudo, struct.pack(">HHHH", *ports, length, 0), vxlan])
    return ip + struct.pack(">HHHH", *ports, length, checksum) + vxlan


def _checksum(parts: Iterable[bytes]) -> int:
    """Return the internet checksum (RFC 1071), never 0, which would mean that there is none."""
    data = b"".join(parts)
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return (~total & 0xFFFF) or 0xFFFF
