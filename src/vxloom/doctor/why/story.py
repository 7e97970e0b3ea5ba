"""What ``why`` tells: steps, ways of steps, and one sentence. Pure, and quick to load: a person waits for it."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Standing(StrEnum):
    """How it stands at a place."""

    OK = "ok"
    IMPAIRED = "impaired"
    """Frames of some kind do not pass, but the two can talk; or nothing guards them."""
    BROKEN = "broken"
    UNKNOWN = "unknown"
    UNSEEN = "not looked at"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One place of the way of one direction."""

    host: str
    place: str
    standing: Standing
    seen: str
    """What the kernel holds, for a person."""
    remedy: str = ""
    code: str = ""
    """The doctor's finding of it, where there is one."""


class Reach(StrEnum):
    """Whether one reaches the other."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """One direction."""

    source: str
    """The sending machine's name."""
    target: str
    steps: tuple[Step, ...]
    arrived: int | None = None
    """How many packets that were really sent went out to the target; None: none was sent, or it is not known."""

    @property
    def reach(self) -> Reach:
        """Whether a frame arrives: by packets that did or did not, else by all that was looked at."""
        if self.arrived is not None:
            return Reach.YES if self.arrived else Reach.NO
        standings = {step.standing for step in self.steps}
        if Standing.BROKEN in standings:
            return Reach.NO
        return Reach.UNKNOWN if Standing.UNKNOWN in standings else Reach.YES


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """Both directions, and what they come to."""

    reach: Reach
    sentence: str
    ways: tuple[Way, ...] = ()
