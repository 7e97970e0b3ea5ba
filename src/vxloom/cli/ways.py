"""Measured ways between hosts, for people: a matrix, or those that are not well; and how many were measured. Pure."""

from __future__ import annotations

import msgspec

FEW = 12
"""Hosts of which a matrix is shown unasked."""


class Way(msgspec.Struct, frozen=True):
    """One direction, as the server tells it."""

    host: str
    remote: str
    needed: int
    reached: bool
    limit: int
    remotehost: str = ""
    sent: int = 0
    lost: int = 0
    round_trip: float = 0.0
    legs_lost: tuple[int, ...] = ()
    frames_lost: int = 0
    segments_lost: int = 0

    @property
    def to(self) -> str:
        """Whom it leads to."""
        return self.remotehost or self.remote

    @property
    def well(self) -> bool:
        """Whether there is nothing to tell of it."""
        return self.reached and self.limit >= self.needed and not (self.lost or self.legs_lost or self.frames_lost or self.segments_lost)


class Coverage(msgspec.Struct, frozen=True):
    """How many directions were measured."""

    measured: int = 0
    total: int = 0
    hosts: int = 0
    sent: int = 0
    heard: int = 0
    seed: int = 0


def cell(way: Way) -> str:
    """Return a way in a few words: latency, what passes where that is too little, loss."""
    if not way.reached:
        return "nothing passes"
    parts = [f"{way.round_trip:.3g} ms"]
    if way.limit < way.needed:
        parts.append(f"{way.limit} of {way.needed} bytes")
    if way.lost:
        parts.append(f"{way.lost} of {way.sent} lost")
    if way.legs_lost:
        parts.append(f"{len(way.legs_lost)} legs lost")
    if way.frames_lost or way.segments_lost:
        parts.append("frames lost" if way.frames_lost else "segments lost")
    return ", ".join(parts)


def matrix(ways: list[Way]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return headings and rows: a row for who sends, a column for whom it sends to; "-" where nothing was measured."""
    cells = {(way.host, way.to): cell(way) for way in ways}
    names = sorted({name for pair in cells for name in pair})
    return ("from \\ to", *names), [(one, *(cells.get((one, other), "" if one == other else "-") for other in names)) for one in names]


def coverage_text(coverage: Coverage) -> str:
    """Return how many directions were measured, of how many, and whether every host took part."""
    share = coverage.measured / coverage.total if coverage.total else 1.0
    text = f"measured {coverage.measured:,} of {coverage.total:,} directions ({_percent(share)})"
    if not coverage.hosts:
        return f"{text}: no two hosts share a network"
    if coverage.sent >= coverage.hosts and coverage.heard >= coverage.hosts:
        text += "; every host sent and was sent to"
    else:
        text += f"; of {coverage.hosts:,} hosts {coverage.sent:,} sent and {coverage.heard:,} were sent to"
    return f"{text}; the same again: --seed {coverage.seed}" if coverage.measured < coverage.total else text


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %") if share >= 0.1 else f"{100 * share:.2g} %"
