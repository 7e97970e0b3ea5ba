"""What is to be captured on a host, within which bounds, and what comes of it. Travels as JSON."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from vxloom.errors import ConfigError, IntentError
from vxloom.model.addresses import format_mac, parse_mac

PORT = 4789
"""VXLAN's UDP port (RFC 7348 section 8)."""
LINUX_PORT = 8472
"""What Linux, and so CloudStack's multicast mode, took before there was a number."""
_SELECTED = 16


class CaptureOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to capture. The first bound that is reached ends it, but for ``size``: there the oldest packets make room."""

    seconds: float = 10.0
    packets: int = 10_000
    size: int = 4 << 20
    """Bytes kept at most: a ring."""
    snap: int = 256
    """Bytes kept of a packet: all headers of a tunnel packet and those inside it."""
    device: str = ""
    """Empty: the one that carries the tunnels."""
    vnis: tuple[int, ...] = ()
    """Only these; empty: all."""
    macs: tuple[str, ...] = ()
    """Only inner frames from or to one of these, and those to all."""


class Bounds(msgspec.Struct, frozen=True):
    """The most that an order may ask for."""

    seconds: float
    packets: int
    size: int


HERE = Bounds(3600.0, 200_000, 256 << 20)
"""On this host: what is decoded is held in memory."""
FAR = Bounds(60.0, 50_000, 8 << 20)
"""On another host: it comes over the agent's stream in one message."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What a host is told of its tunnels, to hold packets against."""

    vtep: str = ""
    port: int = PORT
    vteps: tuple[str, ...] = ()
    segments: dict[int, tuple[int, ...]] | None = None
    """VNI → places in ``vteps`` of its members, this host's among them; None: nothing is known of VNIs."""
    members: bool = True
    """Whether the members are known, not only the VNIs."""


class Captured(msgspec.Struct, frozen=True, kw_only=True):
    """What was captured."""

    pcap: bytes
    packets: int
    """In ``pcap``."""
    pushed_out: int
    """Packets that made room for later ones."""
    dropped: int
    """Packets the kernel could not keep for us."""
    seconds: float
    ended: str
    """What ended it: ``seconds``, ``packets``, ``interrupted``, or what tcpdump said."""
    device: str
    order: CaptureOrder = CaptureOrder()
    known: Known = Known()


def checked(order: CaptureOrder, bounds: Bounds) -> CaptureOrder:
    """Return the order, MACs in one form; raises ``ConfigError`` naming what is out of bounds."""
    for name, value, least, most in (
        ("seconds", order.seconds, 0.1, bounds.seconds),
        ("packets", order.packets, 1, bounds.packets),
        ("size", order.size, 4096, bounds.size),
        ("snap", order.snap, 96, 262_144),
    ):
        if not least <= value <= most:
            raise ConfigError(f"{name} is {value:g}", remedy=f"from {least:g} to {most:g}")
    if len(order.vnis) > _SELECTED or len(order.macs) > _SELECTED:
        raise ConfigError("too many VNIs or MACs at once", remedy=f"{_SELECTED} at the most")
    if not all(0 <= vni < 1 << 24 for vni in order.vnis):
        raise ConfigError("a VNI has 24 bits", remedy="from 0 to 16777215")
    if not _device_name(order.device):
        raise ConfigError(f"{order.device!r} is no device's name", remedy="see: ip link")
    try:
        return msgspec.structs.replace(order, macs=tuple(format_mac(parse_mac(mac)) for mac in order.macs))
    except IntentError as error:
        raise ConfigError(error.message, remedy=error.remedy) from error


def member_table(segments: Mapping[int, frozenset[str]], most: int) -> tuple[tuple[str, ...], dict[int, tuple[int, ...]], bool]:
    """Return VTEPs, VNI → places in them, and whether members are told: not where they are more than ``most`` in all."""
    if sum(map(len, segments.values())) > most:
        return (), dict.fromkeys(segments, ()), False
    vteps = tuple(sorted(frozenset().union(*segments.values())))
    places = {vtep: place for place, vtep in enumerate(vteps)}
    return vteps, {vni: tuple(sorted(places[vtep] for vtep in members)) for vni, members in segments.items()}, True


def _device_name(name: str) -> bool:
    """A name the kernel would take (dev_valid_name), so that no program reads it as an option."""
    return len(name) < 16 and not name.startswith("-") and not any(letter in "/:" or letter.isspace() for letter in name)
