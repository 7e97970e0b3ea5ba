"""The thread that looks at the hardware. Whatever it hangs in, the agent goes on, and says what it is waiting for."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from vxloom.agent.hardware import links, optics, sensors
from vxloom.agent.hardware.memory import Memory
from vxloom.agent.hardware.rates import Rates
from vxloom.dataplane import ethtool
from vxloom.model.hardware import Hardware, Link, Sensor

_log = logging.getLogger(__name__)
EVERY = 10.0
"""Seconds between two looks."""
SLOWLY = 60.0
"""Seconds between two looks at what costs more: what the underlay stands on, offloads (the kernel's link lock), optics."""
STALE = 45.0
"""Seconds after which a look that has not ended is said."""


@dataclass(frozen=True, slots=True)
class _Slow:
    """What is looked at seldom."""

    at: float = float("-inf")
    below: links.Below = links.Below()  # noqa: RUF009 - frozen
    optics: Mapping[str, optics.Optics] = field(default_factory=dict)
    offloads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class HardwareWatch:
    """``underlay`` returns the devices that carry the tunnel end point. ``keep``: where the :class:`Memory` is."""

    def __init__(
        self,
        underlay: Callable[[], tuple[str, ...]],
        keep: Path,
        *,
        sys: Path = Path("/sys"),
        proc: Path = Path("/proc"),
        reader: optics.OpticsReader | None = None,
        every: float = EVERY,
    ) -> None:
        self._underlay = underlay
        self._memory = Memory(keep, proc)
        self._sys, self._proc = sys, proc
        self._reader = reader or optics.OpticsReader()
        self._every = every
        self._rates = Rates()
        self._slow = _Slow()
        self._doing = ""
        self._looked = time.monotonic()
        self._latest: Hardware | None = None
        self._told: Hardware | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vxloom-hardware", daemon=True)

    # --- the agent's loop

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the present look; nobody waits for it."""
        self._stop.set()

    def news(self, now: float | None = None) -> Hardware | None:
        """Return what is not yet told, None when there is nothing new."""
        known = self._latest
        if (now or time.monotonic()) - self._looked > STALE:
            known = msgspec.structs.replace(known or Hardware(), unread=f"{self._doing or 'nothing'} has not ended for {STALE:g} s")
        return known if known != self._told else None

    def told(self, hardware: Hardware | None) -> None:
        """Take note of what the server was told; None: it knows nothing (a new stream)."""
        self._told = hardware

    # --- the thread

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except Exception:  # noqa: BLE001 - a defect of ours must not end the watch
                _log.exception("looking at the hardware failed")
            self._stop.wait(self._every)

    def look(self, now: float | None = None) -> Hardware:
        """Look at everything that is due, once."""
        at = time.monotonic() if now is None else now
        self._doing = "reading sensors"
        hot = sensors.sensors(self._sys)
        if at - self._slow.at >= SLOWLY:
            self._slow = self._look_slowly(at)
        self._doing = "reading counters of links"
        below = self._slow.below
        self._rates.add(at, links.totals(self._sys, self._proc, below.links))
        found = Hardware(
            (*hot, *self._optical_sensors())[: sensors.MOST],
            tuple(link for name in below.links if (link := self._link(name)) is not None),
            tuple(bond for name in below.bonds if (bond := links.bond(self._sys, name)) is not None),
            self._rates.of("ip/fragments"),
            self._rates.of("ip/failures"),
        )
        self._memory.save()
        self._doing, self._looked, self._latest = "", time.monotonic(), found
        return found

    def _look_slowly(self, at: float) -> _Slow:
        self._doing = "finding the underlay's devices"
        below = links.below(self._sys, self._underlay())
        seen: dict[str, optics.Optics] = {}
        offloads: dict[str, tuple[str, ...]] = {}
        for name in below.links:
            if links.is_physical(self._sys, name):
                self._doing = f"ethtool -m {name}"
                seen[name] = self._reader.read(name)
            self._doing = f"reading offloads of {name}"
            offloads[name] = self._memory.changed(links.identity(self._sys, name), ethtool.features(name))
        return _Slow(at, below, seen, offloads)

    def _optical_sensors(self) -> tuple[Sensor, ...]:
        return tuple(each.sensor for each in self._slow.optics.values() if each.sensor is not None)

    def _link(self, name: str) -> Link | None:
        link = links.link(self._sys, name)
        if link is None:
            return None
        seen = self._slow.optics.get(name, optics.Optics())
        return msgspec.structs.replace(
            link,
            best=self._memory.best(links.identity(self._sys, name), link.speed),
            errors=self._rates.of(f"{name}/errors"),
            drops=self._rates.of(f"{name}/drops"),
            offloads=self._slow.offloads.get(name, ())[:16],
            power=seen.power if link.up else None,
            dim=seen.dim and link.up,
        )
