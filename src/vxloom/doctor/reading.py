"""The ends of this host's logs, within bounds of time and memory whatever their size."""

from __future__ import annotations

import stat
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Final

from vxloom.errors import ConfigError

LARGEST: Final = 4 << 20
"""Bytes read of a log's end."""
FILES: Final = ("/var/log/cloudstack/agent/agent.log", "/var/log/kern.log", "/var/log/syslog")
JOURNAL: Final = ("journalctl", "--no-pager", "--quiet", "--boot", "--lines=20000", "--output=short-iso")
_PATIENCE: Final = 10.0
_BLOCK: Final = 1 << 16


def tail(path: Path) -> Iterator[str]:
    """Yield the lines of a file's last 4 MiB. Raises :class:`ConfigError` for one that cannot be read, or is no file."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would keep us waiting, a device never ends
            raise ConfigError(f"{path} is no file", remedy="name a log, or copy what you have into one")
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - LARGEST))
            data = file.read(LARGEST)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", remedy="run as root, or name another file") from error
    yield from _lines(data, cut=size > LARGEST)


def journal(command: Sequence[str] = JOURNAL, patience: float = _PATIENCE) -> Iterator[str]:
    """Yield the last lines of the journal since this boot: 4 MiB at most, what came within ``patience`` seconds; nothing without one."""
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    except OSError:
        return
    with process:
        end = threading.Timer(patience, process.kill)
        end.start()
        try:
            data, cut = _end_of(process.stdout) if process.stdout else (b"", False)
        finally:
            end.cancel()
            process.kill()
    yield from _lines(data, cut=cut)


def _end_of(pipe: IO[bytes]) -> tuple[bytes, bool]:
    """Read to the end and return the last 4 MiB, and whether there was more."""
    kept, cut = bytearray(), False
    while block := pipe.read(_BLOCK):
        kept += block
        if len(kept) > 2 * LARGEST:
            del kept[:-LARGEST]
            cut = True
    return bytes(kept[-LARGEST:]), cut or len(kept) > LARGEST


def _lines(data: bytes, *, cut: bool) -> list[str]:
    lines = data.decode(errors="replace").splitlines()
    return lines[1:] if cut else lines
