"""The hosts of one gateway: what their hardware said last, and what stands against them. In the loop, but for what says otherwise."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from vxloom.doctor.judgement import Condition, Health, Key, Standing, Thresholds, judge, settle, strain, texts
from vxloom.model.hardware import Hardware
from vxloom.store import Store, records
from vxloom.store.settings_catalogue import CATALOGUE

_log = logging.getLogger(__name__)
_SETTINGS = {
    "vxloom.health.temperature.warning": "warning",
    "vxloom.health.temperature.critical": "critical",
    "vxloom.health.errors.rate": "errors",
    "vxloom.health.drops.rate": "drops",
    "vxloom.health.fragments.rate": "fragments",
    "vxloom.health.optics.dbm": "power",
    "vxloom.health.cured.seconds": "patience",
}
"""Setting → field of :class:`Thresholds`."""


@dataclass(slots=True)
class _Host:
    zone: str
    hardware: Hardware
    judged: tuple[Hardware, Thresholds] | None = None
    standing: dict[Key, Standing] = field(default_factory=dict)


class Watch:
    """``tell`` is given a host's condition when it may have changed."""

    def __init__(self, tell: Callable[[str, Condition], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._clock = clock
        self._hosts: dict[str, _Host] = {}
        self._values: Mapping[tuple[str, str | None], float] = {}
        """(setting, zone or None) → value, where one was given."""
        self._strained: Mapping[str, str] = {}

    # --- from any thread

    def strained(self) -> Mapping[str, str]:
        """Return host id → why it is the last choice for a machine."""
        return self._strained

    def health(self, host: str) -> Health | None:
        """Return a host's hardware, None when it has told nothing on its present stream."""
        known = self._hosts.get(host)
        if known is None:
            return None
        return Health(known.hardware, texts(known.standing), self._strained.get(host, ""))

    def read(self, store: Store) -> None:
        """Read the thresholds of all zones."""
        with store.read() as rx:
            rows = rx.all(records.Configuration, name=list(_SETTINGS))
        self._values = {(row.name, row.zone): float(row.value) for row in rows}

    # --- in the loop

    async def run(self, read: Callable[[], Awaitable[None]], seconds: float) -> None:
        """Read the thresholds again and again, for ever."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await read()
            except Exception as error:  # noqa: BLE001 - the old thresholds stay
                _log.warning("thresholds of hosts' health cannot be read: %s", error)

    def reported(self, host: str, zone: str, hardware: Hardware | None) -> None:
        """Take a host's word (None: nothing new), and judge what is known of it."""
        known = self._hosts.get(host)
        if hardware is not None:
            known = self._hosts[host] = _Host(zone, hardware) if known is None else known
            known.hardware = hardware
        if known is None:
            return
        limits = self._limits(known.zone)
        if known.judged == (known.hardware, limits) and not known.standing:
            return
        known.judged = (known.hardware, limits)
        found = judge(known.hardware, limits, known.standing)
        known.standing = settle(known.standing, found, self._clock(), limits.patience)
        self._tell(host, texts(known.standing))
        self._note(host, strain(known.hardware, known.standing))

    def forget(self, host: str) -> None:
        """Drop what is known of a host whose stream has ended. Its alerts stay until it speaks again."""
        self._hosts.pop(host, None)
        self._note(host, "")

    def _note(self, host: str, why: str) -> None:
        if self._strained.get(host, "") != why:
            others = {other: reason for other, reason in self._strained.items() if other != host}
            self._strained = others | ({host: why} if why else {})

    def _limits(self, zone: str) -> Thresholds:
        values = self._values
        return Thresholds(
            **{
                name: values.get((setting, zone), values.get((setting, None), float(CATALOGUE[setting].default)))
                for setting, name in _SETTINGS.items()
            }
        )
