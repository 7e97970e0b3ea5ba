"""Single values of /sys and /proc. A file that is missing, unreadable or nonsense is None: devices lie, hang and vanish."""

from __future__ import annotations

from pathlib import Path

_LONGEST = 64 * 1024


def text(file: Path) -> str | None:
    """Return a file's text, without blanks around it. EIO, EINVAL (a link that is down), ENODEV and the like are None."""
    try:
        with file.open("rb") as opened:
            return opened.read(_LONGEST).decode("ascii", "replace").strip()
    except (OSError, ValueError):
        return None


def number(file: Path) -> int | None:
    """Return a file's whole number."""
    said = text(file)
    digits = said[1:] if said and said[0] == "-" else said
    return int(said) if said and digits and digits.isascii() and digits.isdigit() and len(said) <= 20 else None


def names(folder: Path) -> list[str]:
    """Return the names in a folder, sorted; empty when there is none."""
    try:
        return sorted(entry.name for entry in folder.iterdir())
    except OSError:
        return []


def target(link: Path) -> str:
    """Return the last part of what a symbolic link leads to, "" when it is none."""
    try:
        return link.readlink().name
    except OSError:
        return ""
