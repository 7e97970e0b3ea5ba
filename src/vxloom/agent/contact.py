"""What an agent last knew of its server, left where whoever examines the host finds it. It need not survive a boot."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

import msgspec

_FILE: Final = "contact.json"


class Contact(msgspec.Struct, frozen=True):
    """``problem``: why there is no stream; "": there is one, or none was tried yet."""

    problem: str = ""


def leave(run_dir: Path, contact: Contact) -> None:
    """Write it down. A folder that cannot be written to is no reason to stop: then nobody knows."""
    with contextlib.suppress(OSError):
        run_dir.mkdir(parents=True, exist_ok=True)
        draft = run_dir / f"{_FILE}.new"
        draft.write_bytes(msgspec.json.encode(contact))
        draft.replace(run_dir / _FILE)


def found(run_dir: Path) -> Contact:
    """Return what an agent left; nothing where there is none, or something else."""
    try:
        return msgspec.json.decode((run_dir / _FILE).read_bytes(), type=Contact)
    except (OSError, msgspec.DecodeError):
        return Contact()
