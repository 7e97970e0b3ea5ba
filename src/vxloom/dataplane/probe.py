"""Probes of the underlay, shaped as tunnel packets are: UDP to the VXLAN port, DF set, on a VNI that no network is ever given.

A probe takes the way a tunnel packet of its size and source port takes, through every firewall on it, into the peer's kernel and out of a
VXLAN device there; whoever listens on that device answers with a small one. So an answer proves one direction at the probe's size, and
silence is evidence whether or not a router says why (RFC 8899, section 5.2, asks for just such probes).

Three kinds: tunnel packets made here, whole, so that the source port is ours to choose; frames as large as guests may send, given to the
VXLAN device, so that this kernel wraps them as it wraps guests' (its DF bit, its route's MTU); and segments four times as large, as guests
send them in bulk, which the card cuts into packets after the kernel has wrapped them.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import select
import socket
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Self

import numpy as np

from vxloom.dataplane.netlink import NetlinkSocket, add_altnames, create_vxlan, delete_link, encode_fdb, set_link
from vxloom.dataplane.probe_frames import (
    BODY,
    ETHERTYPE,
    FAR_MAC,
    MAGIC,
    SEGMENTS,
    VNI,
    bodies_of,
    inner_frame,
    packed,
    segment,
    tunnel_packet,
    unpacked,
)
from vxloom.errors import DataplaneError
from vxloom.model.addresses import pack_ip
from vxloom.model.path import OVERHEAD, Path
from vxloom.model.rows import FDB

DEVICE: Final = "vxlprobe"
_MARK: Final = "vxloom.probe"
"""Altname of our device."""
SMALL: Final = 150
"""Bytes of an outer IP packet that passes wherever anything passes (RFC 791 and 8200 ask for more)."""
LEGS: Final = 32
"""Source ports, so that equal-cost ways are all gone: routers choose among them by a hash of the five-tuple (RFC 7348 section 4)."""
FRAMES: Final = 8
"""Frames that the VXLAN device wraps, and half as many segments that the card cuts, each of its own flow."""
RATE: Final = 1000.0
"""Probes a second that a host sends: at 1,550 bytes 12 Mbit/s, at 9,000 bytes 72."""
_FIRST_PORT: Final = 49_152
_STRIDE: Final = 97
_PATIENCE: Final = 0.25
"""Seconds an answer may take; a fabric's round trip is below a hundredth of it."""
_TRIES: Final = 3
_SOL_PACKET, _PACKET_VNET_HDR = 263, 15
_ETH_P_IP = 0x0800


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
        self._pace = _Pace()
        self._mtu = 0
        self._nonce = os.urandom(8)
        self._number = 0
        self._answered: dict[int, float] = {}
        self._senders: set[str] = set()
        self._heard = threading.Condition()
        try:
            self._open_device()
            family = socket.AF_INET if self._vtep.version == 4 else socket.AF_INET6
            self._raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
            self._frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE))
            self._frames.bind((DEVICE, ETHERTYPE))
            self._segments = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_IP))
            self._segments.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
            self._segments.bind((DEVICE, _ETH_P_IP))
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
        self._segments.close()
        sweep()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    # --- measuring; one thread at a time

    def measure(self, remote: str, needed: int, rate: float = RATE) -> Path:
        """Return how packets of up to ``needed`` bytes fare towards a VTEP that answers probes, sending at most ``rate`` a second, after
        bursts of 32. Takes a tenth of a second at the usual rate where all is well, three seconds where nothing passes.
        """
        self._pace.rate = rate
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
        path = Path(remote, needed, reached=True, limit=needed, sent=LEGS, lost=len(silent), round_trip=trip)
        large = legs
        for _ in range(_TRIES):
            _, large = self._volley(remote, needed, large)
            if not large:
                return self._inside(path)
        return replace(path, legs_lost=tuple(large)) if len(large) < LEGS else replace(path, limit=self._limit(remote, needed))

    def _inside(self, path: Path) -> Path:
        """Return a path that carries what is needed with how frames and segments fare on it that go through the VXLAN device."""
        mtu = path.needed - OVERHEAD[self._vtep.version]
        try:
            self._lead(path.remote, mtu)
        except (DataplaneError, OSError):
            return path  # the device was taken away by hand: not measured
        frames, segments = list(range(FRAMES)), list(range(FRAMES // 2))
        for _ in range(_TRIES):
            frames = self._given(frames, 1, lambda flow, bodies: self._frames.send(inner_frame(mtu, flow, bodies[0])))
        for _ in range(_TRIES):
            segments = self._given(segments, SEGMENTS, lambda flow, bodies: self._segments.send(segment(mtu, flow, bodies)))
        return replace(path, frames_sent=FRAMES, frames_lost=len(frames), segments_sent=FRAMES // 2, segments_lost=len(segments))

    def _lead(self, remote: str, mtu: int) -> None:
        """Have the VXLAN device take frames of the size, and send those of ours to a VTEP."""
        high, low = pack_ip(ipaddress.ip_address(remote))
        row = np.array([(FAR_MAC, high, low)], FDB)
        with NetlinkSocket(receive_buffer=1 << 18) as sock:
            if mtu > self._mtu:
                sock.batch([set_link(name=DEVICE, mtu=mtu)])
                self._mtu = mtu
            sock.batch(encode_fdb(row, socket.if_nametoindex(DEVICE), half="self"))

    def _given(self, flows: Sequence[int], pieces: int, send: Callable[[int, Sequence[bytes]], object]) -> list[int]:
        """Send one frame or segment of each flow; return the flows of which not all came through."""
        sent: dict[int, list[int]] = {}
        for flow in flows:
            self._pace.take(pieces)
            bodies = [self._body() for _ in range(pieces)]
            sent[flow] = list(range(self._number - pieces + 1, self._number + 1))
            with contextlib.suppress(OSError):
                send(flow, bodies)
        answered = self._answers({number for numbers in sent.values() for number in numbers})
        return [flow for flow, numbers in sent.items() if not answered.keys() >= set(numbers)]

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
            self._pace.take()
            body = self._body()
            sent[self._number] = (port, time.monotonic())
            self._send(remote, size, port, body)
        answered = self._answers(set(sent))
        times = [at - sent[number][1] for number, at in answered.items()]
        return times, [port for number, (port, _) in sent.items() if number not in answered]

    def _body(self) -> bytes:
        self._number += 1
        return BODY.pack(MAGIC, self._nonce, self._number, 0, packed(self._vtep))

    def _answers(self, numbers: set[int]) -> dict[int, float]:
        """Wait for answers, and return when each came; in vain for a quarter of a second."""
        deadline = time.monotonic() + _PATIENCE
        with self._heard:
            while numbers - self._answered.keys() and (left := deadline - time.monotonic()) > 0:
                self._heard.wait(left)
            found = {number: self._answered[number] for number in numbers if number in self._answered}
            self._answered.clear()
        return found

    def _send(self, remote: str, size: int, port: int, body: bytes) -> None:
        packet = tunnel_packet(self._vtep, ipaddress.ip_address(remote), size, (port, self._port), body)
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
        sockets = [self._frames.fileno(), self._segments.fileno()]
        while True:
            ready, _, _ = select.select([*sockets, self._wake], [], [])
            if self._wake in ready:
                return
            with contextlib.suppress(OSError):  # the device was taken away by hand: nothing comes any more, and nothing is lost
                if self._frames.fileno() in ready:
                    self._take(self._frames.recv(65535)[14 : 14 + BODY.size])
                if self._segments.fileno() in ready:
                    for body in bodies_of(self._segments.recv(1 << 17)):
                        self._take(body)

    def _take(self, body: bytes) -> None:
        if len(body) < BODY.size:
            return
        magic, nonce, number, kind, sender = BODY.unpack(body)
        if magic != MAGIC:
            return
        if kind == 0 and nonce != self._nonce:  # what we send through the device is seen here, too
            with self._heard:
                self._senders.add(str(unpacked(sender)))
            self._send(str(unpacked(sender)), SMALL, _FIRST_PORT, BODY.pack(MAGIC, nonce, number, 1, packed(self._vtep)))
        elif kind == 1 and nonce == self._nonce:
            with self._heard:
                self._answered[number] = time.monotonic()
                self._heard.notify()


class _Pace:
    """So many a second, in bursts of one volley; over all that is measured, so that many short measurements are no more than a long one."""

    def __init__(self) -> None:
        self.rate = RATE
        self._next = 0.0

    def take(self, count: int = 1) -> None:
        """Wait until so many may be sent."""
        now, each = time.monotonic(), 1 / self.rate
        self._next = max(self._next, now - LEGS * each) + count * each
        if self._next > now:
            time.sleep(self._next - now)
