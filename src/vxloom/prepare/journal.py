"""What was changed on this machine and what stood there before: written before each change, read by undo.

One file of JSON lines under ``/var/lib/vxloom/host``; a line is on disk before its change is made. A last line that is torn (the machine
lost power while writing it) belongs to a change that was never begun, and is passed over.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from vxloom.errors import StateError
from vxloom.prepare.change import Before
from vxloom.prepare.changes import AnyChange
from vxloom.prepare.machine import Machine

FILE = "/var/lib/vxloom/host/journal"
LOCK = "/var/lib/vxloom/host/lock"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one step."""

    step: str
    change: AnyChange
    before: Before


class Journal:
    """The journal of one machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._path = machine.path(FILE)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other runs out. Raises :class:`StateError` while there is one."""
        lock = self._machine.path(LOCK)
        lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StateError("this host is being prepared by another run", remedy="wait for it to end") from None
            yield
        finally:
            os.close(handle)

    def entries(self) -> list[Entry]:
        """Return what was changed, oldest first. Raises :class:`StateError` for a line in the middle that cannot be read."""
        try:
            lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        whole, torn = lines[:-1], lines[-1]
        found = []
        for number, line in enumerate(whole, 1):
            try:
                found.append(msgspec.json.decode(line, type=Entry))
            except msgspec.DecodeError as error:
                raise StateError(
                    f"{self._path}, line {number}, cannot be read: {error}", remedy="it was made by a newer vxloom, or is damaged; keep it"
                ) from error
        if torn:
            self._rewrite(found)
        return found

    def add(self, entry: Entry) -> None:
        """Write down a change that is about to be made; it is on disk when this returns."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._path.open("ab") as file:
            os.fchmod(file.fileno(), 0o600)  # a file's old text may hold secrets
            file.write(msgspec.json.encode(entry) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def drop(self, entries: list[Entry]) -> None:
        """Forget entries that were put back."""
        kept = [entry for entry in self.entries() if entry not in entries]
        if kept:
            self._rewrite(kept)
        else:
            self._path.unlink(missing_ok=True)

    def _rewrite(self, entries: list[Entry]) -> None:
        self._machine.write(FILE, "".join(msgspec.json.encode(entry).decode() + "\n" for entry in entries), 0o600)
