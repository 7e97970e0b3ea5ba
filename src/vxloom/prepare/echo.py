"""The two ends of a trial of offloads: each a process in a network namespace of its own, which holds one end of a tunnel and nothing else.

``python -m vxloom.prepare.echo far|near ADDRESS MTU`` says *ready*, and waits on its input for the word that its device is there. The near
end sends to the far one, by TCP in segments as large as the kernel makes them and by UDP in bursts and in single odd lengths, is sent the
same, and compares every byte. Its last line is what went wrong, nothing if nothing did. The far end serves until its input ends.

Only the standard library, and no import of ours: it starts in a tenth of a second.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import select
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

DEVICE, FAR, PORT = "vxloom-trial", "198.18.0.1", 7
"""198.18.0.0/15 is for tests of network devices (RFC 2544, RFC 6890)."""
_UDP_SEGMENT, _SO_RCVBUFFORCE = 103, 33  # linux/udp.h, asm-generic/socket.h
_FLOWS, _BYTES = 4, 1 << 19
"""Connections, one after another: a bond gives them to several cards. Bytes of each, each way."""
_BURSTS, _SINGLES = 4, 64
_LIMIT, _TURN = 3.0, 15.0
"""Seconds for a connection's frames; seconds to wait while the far end serves somebody else."""


def _exactly(stream: socket.socket, length: int) -> bytes:
    got = b""
    while len(got) < length:
        piece = stream.recv(length - len(got))
        if not piece:
            raise ConnectionError
        got += piece
    return got


def _pattern(name: bytes, number: int, length: int) -> bytes:
    return hashlib.shake_128(name + struct.pack("!I", number)).digest(length)


def _sums() -> int:
    """Return how many packets came with a wrong checksum; in a namespace of its own that is only the trial's."""
    rows = [line.split() for line in Path("/proc/self/net/snmp").read_text().splitlines()]
    told = [dict(zip(names[1:], values[1:], strict=True)) for names, values in zip(rows[::2], rows[1::2], strict=True)]
    return sum(int(row.get("InCsumErrors", 0)) for row in told)


class _Flow:
    """One connection and the datagrams beside it, at either end."""

    def __init__(self, stream: socket.socket, datagrams: socket.socket, name: bytes, mtu: int) -> None:
        self._stream, self._datagrams, self._name, self._mtu = stream, datagrams, name, mtu
        self._until = time.monotonic() + _LIMIT

    def send(self, to: str, number: int) -> None:
        """Send a stream's bytes, then bursts that the card cuts, then datagrams of odd lengths."""
        self._stream.settimeout(_LIMIT)
        self._stream.sendall(_pattern(self._name, number, _BYTES))
        size = self._mtu - 28
        with contextlib.suppress(OSError):  # a kernel, or a card without checksums, that cuts no datagrams
            for burst in range(_BURSTS):
                whole = b"".join(self._datagram(number, burst * 1000 + part, size) for part in range(60_000 // size))
                self._datagrams.sendmsg([whole], [(socket.IPPROTO_UDP, _UDP_SEGMENT, struct.pack("=H", size))], 0, (to, PORT))
        for single in range(_SINGLES):
            self._datagrams.sendto(self._datagram(number, 100_000 + single, 25 + (single * 22) % (size - 25)), (to, PORT))
        self._stream.sendall(b"!")

    def _datagram(self, number: int, part: int, length: int) -> bytes:
        return self._name + struct.pack("!II", number, part) + _pattern(self._name, number + part, length - 16)

    def receive(self, number: int) -> Counter[str]:
        """Return what is wrong with what comes. Raises :class:`OSError` when it does not come in time."""
        got, sums = bytearray(), _sums()
        while len(got) <= _BYTES:
            self._stream.settimeout(max(self._until - time.monotonic(), 0.01))
            piece = self._stream.recv(1 << 18)
            if not piece:
                raise ConnectionError
            got += piece
        wanted = _pattern(self._name, number, _BYTES)
        wrong = 0 if got[:_BYTES] == wanted else sum(a != b for a, b in zip(got, wanted, strict=False))
        for datagram in self._drain():
            if datagram[:8] == self._name:
                _, part = struct.unpack("!II", datagram[8:16])
                wrong += sum(a != b for a, b in zip(datagram, self._datagram(number, part, len(datagram)), strict=True))
        return Counter({"bytes": wrong, "checksums": _sums() - sums})

    def _drain(self) -> Iterator[bytes]:
        while select.select([self._datagrams], [], [], 0.02)[0]:
            yield self._datagrams.recv(1 << 16)


def _far(mtu: int) -> None:
    with socket.create_server((FAR, PORT), backlog=64) as listener, _udp(FAR) as datagrams:
        _say("serving")
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            stream, (near, _) = listener.accept()
            with stream, contextlib.suppress(OSError):
                stream.settimeout(_LIMIT)
                name = _exactly(stream, 8)
                stream.sendall(b"!")
                flow = _Flow(stream, datagrams, name, mtu)
                found = flow.receive(0)
                stream.sendall(struct.pack("!II", found["bytes"], found["checksums"]))
                flow.send(near, 1)


def _near(address: str, mtu: int) -> str:
    """Return what went wrong, "" if nothing did."""
    with _udp(address) as datagrams:
        for _ in range(_FLOWS):
            with socket.socket() as stream:
                stream.settimeout(_LIMIT / 2)
                words = ""
                try:
                    stream.connect((FAR, PORT))
                    name = os.urandom(8)
                    stream.sendall(name)
                    stream.settimeout(_TURN)
                    _exactly(stream, 1)
                    flow = _Flow(stream, datagrams, name, mtu)
                    flow.send(FAR, 0)
                    wrong, sums = struct.unpack("!II", _exactly(stream, 8))
                    words = _words("sent", Counter({"bytes": wrong, "checksums": sums}))
                    words = words or _words("received", flow.receive(1))
                except OSError:
                    words = words or "a stream stood still"
                if words:
                    return words
    return ""


def _words(way: str, found: Counter[str]) -> str:
    wrong = ", ".join(f"{count} wrong {what}" for what, count in found.items() if count)
    return f"{wrong} {way}" if wrong else ""


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _udp(address: str) -> socket.socket:
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 8 << 20)
    datagrams.bind((address, PORT))
    return datagrams


def main(end: str, address: str, mtu: str) -> None:
    """Be one end."""
    _say("ready")
    if not sys.stdin.readline():
        return
    for command in (f"address add {address}/15 dev {DEVICE}", f"link set {DEVICE} mtu {mtu} up"):
        subprocess.run(["ip", *command.split()], check=True)
    if end == "far":
        _far(int(mtu))
    else:
        words = _near(address, int(mtu))
        subprocess.run(["ip", "link", "delete", DEVICE], check=True)  # at once; a namespace is taken down some time after its process
        _say(words)


if __name__ == "__main__":
    main(*sys.argv[1:])
