from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things may take, in seconds. Tests shorten them; operators have no reason to."""

    beat: float = 5.0
    """Longest pause between two messages, both ways."""
    silent_beats: ClassVar[int] = 3
    """A host that missed this many is Disconnected."""
    greeting: float = 10.0
    """From the TCP connection to Hello or Join, TLS handshake included."""
    poll: float = 0.5
    """How often the store is looked at although nobody called: another server may have written to it."""
    again: float = 1.0
    """Pause before a segment's snapshot is sent a second time on request, and before a failed store access is tried again."""
    reap: float = 2.0
    """Pause between two attempts to return drained VNIs, MACs and IPs to their pools."""

    @property
    def silence(self) -> float:
        """Seconds without a sign of life after which a stream is dead."""
        return self.beat * self.silent_beats
