"""What namespace guests were given: their taps, addresses and ways out. Only what stands here is ever taken back from a guest.

One JSON file per guest, NIC id → what its card got. A file of an older agent says only the taps' names.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from vxloom.errors import DataplaneError
from vxloom.model.host import PortDocument


@dataclass(frozen=True, slots=True)
class Given:
    """What one card got."""

    tap: str
    ips: tuple[str, ...] = ()
    """``address/length``; one of them may not have arrived yet, or not have left yet."""
    gateways: tuple[str, ...] = ()
    """Ways out, likewise."""

    @classmethod
    def of(cls, port: PortDocument) -> Given:
        """Return what a port is to have."""
        return cls(port.tap, port.ips, (port.gateway,) if port.gateway else ())

    def beside(self, other: Given) -> Given:
        """Return both: while one is being exchanged for the other nobody knows which of them a crash leaves behind."""
        return Given(other.tap, _union(self.ips, other.ips), _union(self.gateways, other.gateways))


class Registry:
    """The files of one directory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> Iterator[str]:
        """Yield the guests' names, sorted."""
        if self._folder.is_dir():
            yield from sorted(record.name for record in self._folder.iterdir())

    def read(self, name: str) -> dict[str, Given]:
        """Return what a guest's cards got, by NIC id. Raises ``DataplaneError`` for a torn file."""
        record = self._folder / name
        try:
            return {nic: _given(entry) for nic, entry in json.loads(record.read_text()).items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            text = f"{error}; remove this guest by hand, then the file"
            raise DataplaneError(str(record), "read", errno.EIO, text) from error

    def write(self, name: str, nics: Mapping[str, Given]) -> None:
        """Keep what a guest's cards get: whole, or not at all. Raises ``DataplaneError``."""
        entries = {nic: {"tap": one.tap, "ips": list(one.ips), "gateways": list(one.gateways)} for nic, one in nics.items()}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = self._folder.parent / f".{name}.draft"
            draft.write_text(json.dumps(entries))
            draft.replace(self._folder / name)
        except OSError as error:
            raise DataplaneError(str(self._folder / name), "write", error.errno or errno.EIO) from error

    def forget(self, name: str) -> None:
        """Remove a guest's file."""
        (self._folder / name).unlink()


def _given(entry: object) -> Given:
    if isinstance(entry, str):
        return Given(entry)
    if not isinstance(entry, dict):
        raise TypeError(f"{entry!r} is no entry of a guest's card")
    return Given(str(entry["tap"]), tuple(map(str, entry["ips"])), tuple(map(str, entry["gateways"])))


def _union(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))
