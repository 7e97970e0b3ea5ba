"""The ends of this host's logs, within bounds of time and memory whatever their size."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from vxloom.errors import ConfigError

LARGEST: Final = 4 << 20
"""Bytes read of a log's end."""
FILES: Final = ("/var/log/cloudstack/agent/agent.log", "/var/log/kern.log", "/var/log/syslog")
_JOURNAL: Final = ("journalctl", "--no-pager", "--quiet", "--boot", "--lines=20000", "--output=short-iso")
_PATIENCE: Final = 10.0


def tail(path: Path) -> Iterator[str]:
    """Yield the lines of a file's last 4 MiB. Raises :class:`ConfigError` for one that cannot be read."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - LARGEST))
            data = file.read(LARGEST)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", remedy="run as root, or name another file") from error
    lines = data.decode(errors="replace").splitlines()
    yield from lines[1:] if size > LARGEST else lines  # the first is cut


def journal() -> Iterator[str]:
    """Yield the last lines of the journal since this boot; nothing where there is no journal, or it does not answer in time."""
    try:
        done = subprocess.run(_JOURNAL, capture_output=True, check=False, timeout=_PATIENCE, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return
    yield from done.stdout[-LARGEST:].decode(errors="replace").splitlines()
