"""What a process tells systemd of itself: the datagrams of sd_notify(3), without its library.

Nobody listens unless the process is the main one of a unit of ``Type=notify``; then nothing is sent.
"""

from __future__ import annotations

import contextlib
import os
import socket

HEALTHY = "healthy"
"""How a unit's ``StatusText`` begins while nothing is wrong; else it says what is."""
_READY = "READY=1"
_ALIVE = "WATCHDOG=1"


def ready(status: str = "") -> None:
    """Say that the start is over: units ordered after this one may start."""
    _send(_READY, status)


def alive(status: str) -> None:
    """Say that the process is not stuck, and how it stands."""
    _send(_ALIVE, status)


def _send(state: str, status: str) -> None:
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    lines = [state, f"STATUS={' '.join(status.split())}"] if status else [state]
    name = "\0" + address[1:] if address.startswith("@") else address  # "@": an abstract address, unix(7)
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as talk:
        talk.sendto("\n".join(lines).encode(), name)
