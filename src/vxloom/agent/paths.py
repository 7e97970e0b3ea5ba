"""How this host reaches the other tunnel end points of its segments, measured when the server asks.

A measurement needs somebody who answers at the other end: the server first has every host *listen*, then asks for *paths*, then once more
to *listen*, which tells whose probes arrived where no answer came back. Who listens answers for a minute and a half and then takes its
device away.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

import msgspec

from vxloom.agent.held import Word
from vxloom.dataplane.probe import RATE, Probe, sweep
from vxloom.errors import StateError
from vxloom.model.addresses import is_v4, unpack_ip
from vxloom.model.path import OVERHEAD, Measuring, Path

LEASE = 90.0
"""Seconds a host answers probes after it was last asked to."""


class Paths:
    """The probes of one agent. Any thread; one measurement at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._probe: Probe | None = None
        self._place = ("", 0)
        self._until = 0.0
        sweep()

    def listen(self, word: Word) -> bytes:
        """Answer probes from now on, and tell whose have arrived since this was last asked. Raises ``DataplaneError``."""
        with self._lock:
            probe = self._opened(word)
            return msgspec.json.encode({"listening": probe is not None, "heard": [] if probe is None else probe.senders()})

    def measure(self, word: Word, about: bytes) -> bytes:
        """Return the paths to VTEPs of this host's segments, those ``about`` names (:class:`Measuring`; empty: all), as JSON.

        Raises ``DataplaneError``.
        """
        asked = _asked(about)
        with self._lock:
            probe = self._opened(word)
            found: list[Path] = []
            if probe is not None:
                for remote, needed in sorted(wanted(word).items()):
                    if asked.remotes is None or remote in asked.remotes:
                        self._until = time.monotonic() + LEASE
                        found.append(probe.measure(remote, needed, asked.rate or RATE))
            return msgspec.json.encode({"paths": found})

    def tidy(self) -> None:
        """Take the device away when nobody has asked for a while."""
        if self._probe is not None and time.monotonic() > self._until and self._lock.acquire(blocking=False):
            try:
                self._close()
            finally:
                self._lock.release()

    def close(self) -> None:
        """Take the device away."""
        with self._lock:
            self._close()

    def _opened(self, word: Word) -> Probe | None:
        document = word.document
        if document is None or not document.vtep:
            return None
        place = (document.vtep, document.udp_port)
        if self._probe is not None and self._place != place:
            self._close()
        if self._probe is None:
            self._probe, self._place = Probe(*place), place
        self._until = time.monotonic() + LEASE
        return self._probe

    def _close(self) -> None:
        probe, self._probe = self._probe, None
        if probe is not None:
            probe.close()


def _asked(about: bytes) -> Measuring:
    try:
        return msgspec.json.decode(about, type=Measuring) if about else Measuring()
    except msgspec.DecodeError as error:
        raise StateError(f"what is to be measured is not understood: {error}", remedy="upgrade the older side") from error


def wanted(word: Word) -> Mapping[str, int]:
    """Return VTEP → bytes of an outer IP packet that the largest network shared with it needs."""
    document, found = word.document, dict[str, int]()
    if document is None:
        return found
    for need in document.segments:
        table = word.tables.get(need.vni)
        if table is None:
            continue
        for row in table.members[table.members["host"] != document.number]:
            high, low = int(row["hi"]), int(row["lo"])
            remote = str(unpack_ip(high, low))
            found[remote] = max(found.get(remote, 0), table.head.mtu + OVERHEAD[4 if is_v4(high, low) else 6])
    return found
