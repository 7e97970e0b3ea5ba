"""How packets fare from one VTEP to another, as the sender's agent measured it."""

from __future__ import annotations

from dataclasses import dataclass


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
