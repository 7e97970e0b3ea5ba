"""Features (offloads) of a link, by the ioctl of ethtool (include/uapi/linux/ethtool.h). No process is started."""

from __future__ import annotations

import fcntl
import socket
import struct
from array import array

_SIOCETHTOOL = 0x8946
_SSET_INFO, _STRINGS, _FEATURES = 0x37, 0x1B, 0x3A
_FEATURE_NAMES = 4
"""ETH_SS_FEATURES."""
_NAME = 32
_IFNAMSIZ = 16


def features(device: str) -> dict[str, bool]:
    """Return feature → whether it is on, of those that can be switched. Empty for a link that is gone or tells nothing."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            count = _count(sock, device)
            return _switchable(sock, device, _names(sock, device, count)) if count else {}
    except (OSError, struct.error):
        return {}


def _count(sock: socket.socket, device: str) -> int:
    answer = _ask(sock, device, struct.pack("=IIQI", _SSET_INFO, 0, 1 << _FEATURE_NAMES, 0))
    _, _, mask, count = struct.unpack_from("=IIQI", answer)
    return int(count) if mask and count <= 1024 else 0


def _names(sock: socket.socket, device: str, count: int) -> list[str]:
    answer = _ask(sock, device, struct.pack("=III", _STRINGS, _FEATURE_NAMES, count) + bytes(_NAME * count))
    parts = (answer[12 + _NAME * n : 12 + _NAME * (n + 1)] for n in range(count))
    return [part.split(b"\0")[0].decode("ascii", "replace") for part in parts]


def _switchable(sock: socket.socket, device: str, names: list[str]) -> dict[str, bool]:
    """Ask for blocks of 32 features each: available, requested, active, never changed."""
    blocks = (len(names) + 31) // 32
    answer = _ask(sock, device, struct.pack("=II", _FEATURES, blocks) + bytes(16 * blocks))
    found: dict[str, bool] = {}
    for number, name in enumerate(names):
        available, _, active, never = struct.unpack_from("=4I", answer, 8 + 16 * (number // 32))
        bit = 1 << number % 32
        if name and available & ~never & bit:
            found[name] = bool(active & bit)
    return found


def _ask(sock: socket.socket, device: str, question: bytes) -> bytes:
    name = device.encode()
    if not 0 < len(name) < _IFNAMSIZ:
        raise OSError(f"{device!r} is no name of a link")
    buffer = array("B", question)
    address, _ = buffer.buffer_info()
    fcntl.ioctl(sock.fileno(), _SIOCETHTOOL, struct.pack("=16sQ16x", name, address))
    return buffer.tobytes()
