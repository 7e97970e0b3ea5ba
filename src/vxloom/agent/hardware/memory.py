"""What was before: the best speed of each card, and its offloads at the first look since the boot. Kept in a file over restarts."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import msgspec

from vxloom.agent.hardware.files import text

_log = logging.getLogger(__name__)
_MOST = 64


class _Known(msgspec.Struct):
    boot: str = ""
    best: dict[str, int] = {}
    """Card (name and slot) → Mbit/s."""
    offloads: dict[str, dict[str, bool]] = {}
    """Card → feature → on, as they were at the first look since the boot."""


class Memory:
    """``file`` is read once and written when something new is known. One that is torn or cannot be written is said in the log."""

    def __init__(self, file: Path, proc: Path) -> None:
        self._file = file
        self._known = _loaded(file)
        boot = text(proc / "sys" / "kernel" / "random" / "boot_id") or ""
        if boot != self._known.boot:
            self._known.boot, self._known.offloads = boot, {}
        self._saved = msgspec.json.encode(self._known)

    def best(self, card: str, speed: int) -> int:
        """Return the best speed a card was ever seen with, this one counted; Mbit/s."""
        best = max(speed, self._known.best.get(card, 0))
        if best > 0:
            self._known.best[card] = best
        return best

    def changed(self, card: str, features: Mapping[str, bool]) -> tuple[str, ...]:
        """Return which offloads are not as they were at the first look: ``name off``. None told: nothing is known to have changed."""
        if not features:
            return ()
        before = self._known.offloads.setdefault(card, dict(features))
        return tuple(f"{name} {'on' if on else 'off'}" for name, on in sorted(features.items()) if before.get(name, on) != on)

    def save(self) -> None:
        """Write what is new, if anything is."""
        for table in (self._known.best, self._known.offloads):
            for card in list(table)[:-_MOST]:
                del table[card]
        encoded = msgspec.json.encode(self._known)
        if encoded == self._saved:
            return
        draft = self._file.with_name(f".{self._file.name}.draft")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft.write_bytes(encoded)
            draft.replace(self._file)
        except OSError as error:
            _log.warning("what the hardware was before cannot be kept in %s: %s", self._file, error)
        self._saved = encoded


def _loaded(file: Path) -> _Known:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Known)
    except FileNotFoundError:
        return _Known()
    except (OSError, msgspec.DecodeError) as error:
        _log.warning("what the hardware was before cannot be read from %s: %s", file, error)
        return _Known()
