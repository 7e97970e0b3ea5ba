"""How packets fare from one VTEP to another, as the sender's agent measured it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

OVERHEAD: Final[Mapping[int, int]] = {4: 50, 6: 70}
"""IP version of the underlay → bytes VXLAN adds (RFC 7348 section 5): outer IP 20 or 40, UDP 8, VXLAN 8, the inner Ethernet header 14."""


@dataclass(frozen=True, slots=True)
class Path:
    """One direction between two VTEPs. Sizes are bytes of the outer IP packet."""

    remote: str
    needed: int
    """What the largest network that both have needs."""
    reached: bool
    limit: int
    """The largest size that passes, ``needed`` at most; 0 when nothing does."""
    sent: int = 0
    lost: int = 0
    """Small probes, and those without an answer."""
    round_trip: float = 0.0
    """Milliseconds, the median."""
    legs_lost: tuple[int, ...] = ()
    """UDP source ports with which packets of ``needed`` bytes never pass, though they do with others."""
    frames_sent: int = 0
    frames_lost: int = 0
    """Frames as large as guests may send, through the kernel's own VXLAN device; none where packets of that size do not pass anyway."""
    segments_sent: int = 0
    segments_lost: int = 0
    """The same of segments that the card cuts into packets of that size (GSO); one is lost when any piece is, or has a wrong checksum."""


@dataclass(frozen=True, slots=True)
class Measuring:
    """What a host is to measure."""

    remotes: tuple[str, ...] | None = None
    """VTEPs; None: all of its segments. One that has no segment with it is left out."""
    rate: float = 0.0
    """Probes a second; 0: as many as the agent thinks fit."""
