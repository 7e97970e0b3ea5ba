"""Sending the smallest frames as fast as one process can, and counting those that reach the other guest's card.

A frame of 64 bytes is 18 bytes of UDP payload (14 Ethernet, 20 IPv4, 8 UDP, 4 checksum). ``sendmmsg`` hands the kernel a
thousand at a time: what is measured is the path, not Python.
"""

from __future__ import annotations

import ctypes
import os
import socket
import time
from pathlib import Path

PAYLOAD = bytes(18)
BATCH = 1024
PORT = 9  # discard

_libc = ctypes.CDLL(None, use_errno=True)


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """struct msghdr, padding at its end included."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint),
        ("vectors", ctypes.POINTER(_Vector)),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    """struct mmsghdr."""

    _fields_ = (("header", _Header), ("sent", ctypes.c_uint))


def blast(address: str, seconds: float) -> float:
    """Send to a guest for so long; return the seconds it really took. Raises ``OSError``."""
    payload = ctypes.create_string_buffer(PAYLOAD, len(PAYLOAD))
    vector = _Vector(ctypes.cast(payload, ctypes.c_void_p), len(PAYLOAD))
    messages = (_Message * BATCH)(*(_Message(_Header(vectors=ctypes.pointer(vector), vector_count=1)) for _ in range(BATCH)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect((address, PORT))
        start = now = time.perf_counter()
        while now < start + seconds:
            if _libc.sendmmsg(ctypes.c_int(sender.fileno()), messages, ctypes.c_uint(BATCH), ctypes.c_int(0)) < 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            now = time.perf_counter()
    return now - start


def received(card: str) -> int:
    """Return how many frames a card of this namespace has received. A card that is itself slow drops before it counts."""
    return int(Path(f"/sys/class/net/{card}/statistics/rx_packets").read_text(encoding="ascii"))
