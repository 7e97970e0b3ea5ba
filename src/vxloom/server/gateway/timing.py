from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things may take, in seconds. Tests shorten them; operators have no reason to."""

    beat: float = 5.0
    """Longest pause between two messages, both ways."""
    silence: float = 15.0
    """Without a sign of life for so long, a stream is dead, and a host without a stream is Disconnected: three beats."""
    greeting: float = 10.0
    """From the TCP connection to Hello or Join, TLS handshake included."""
    poll: float = 0.5
    """How often the store is looked at although nobody called: another server may have written to it."""
    again: float = 1.0
    """Pause before a segment's snapshot is sent a second time on request, and before a failed store access is tried again."""
    reap: float = 2.0
    """Pause between two attempts to return drained VNIs, MACs and IPs to their pools."""
