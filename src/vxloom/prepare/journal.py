"""What was changed on this machine and what stood there before: written before each change, read by undo.

One file of JSON lines under ``/var/lib/vxloom/host``; a line is on disk before its change is made. A last line that is torn (the machine
lost power while writing it) belongs to a change that was never begun, and is passed over.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import msgspec

from vxloom.errors import PrepareError, StateError
from vxloom.prepare.change import Before
from vxloom.prepare.changes import AnyChange
from vxloom.prepare.machine import Machine, sync_folder

FILE = "/var/lib/vxloom/host/journal"
LOCK = "/var/lib/vxloom/host/lock"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one step."""

    step: str
    change: AnyChange
    before: Before


class _Holder(msgspec.Struct, frozen=True):
    """Who holds the lock."""

    pid: int
    since: str


class Journal:
    """The journal of one machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._path = machine.path(FILE)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other runs out, and mend what a run that was killed left behind. Raises :class:`StateError`.

        That is: while another run holds it (the words say which), and when the journal cannot be read: nothing is changed then that could
        not be put back.
        """
        handle = self._lock()
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise _taken(os.read(handle, 1000)) from None
            os.ftruncate(handle, 0)
            os.write(handle, msgspec.json.encode(_Holder(os.getpid(), _now())))
            self._machine.sweep(FILE)
            entries, torn = self._read()
            if torn:  # only who holds the lock may tell a torn line from one that is being written
                self._rewrite(entries)
            for entry in entries:
                entry.change.sweep(self._machine)
            yield
        finally:
            os.close(handle)

    def _lock(self) -> int:
        lock = self._machine.path(LOCK)
        try:
            lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            return os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            remedy = "run as root: sudo vxloom host …" if os.geteuid() else f"make {lock.parent} writable: what is changed is noted there"
            raise StateError(f"cannot open {lock}: {error.strerror}", remedy=remedy) from error

    def entries(self) -> list[Entry]:
        """Return what was changed, oldest first. A torn last line belongs to a change that was never begun, and is passed over.

        Raises :class:`StateError` for a line that cannot be read, :class:`PrepareError` when that is not this user's to read.
        """
        return self._read()[0]

    def _read(self) -> tuple[list[Entry], bool]:
        """Return the entries, and whether the last line is torn."""
        try:
            lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return [], False
        except OSError as error:
            raise PrepareError(f"cannot read {self._path}: {error.strerror}", remedy="run as root") from error
        found = []
        for number, line in enumerate(lines[:-1], 1):
            try:
                found.append(msgspec.json.decode(line, type=Entry))
            except msgspec.DecodeError as error:
                raise StateError(
                    f"{self._path}, line {number}, cannot be read: {error}",
                    remedy="a newer vxloom wrote it, or it is damaged; nothing was changed. Use that version, or move the file away: what "
                    "its lines tell must then be put back by hand",
                ) from error
        return found, bool(lines[-1])

    def add(self, entry: Entry) -> None:
        """Write down a change that is about to be made; it is on disk when this returns."""
        new = not self._path.exists()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._path.open("ab") as file:
                os.fchmod(file.fileno(), 0o600)  # a file's old text may hold secrets
                file.write(msgspec.json.encode(entry) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            if new:
                sync_folder(self._path.parent)
        except OSError as error:
            raise StateError(f"cannot write {self._path}: {error.strerror}", remedy="make room there; this change was not begun") from error

    def drop(self, entries: list[Entry]) -> None:
        """Forget entries that were put back."""
        kept = [entry for entry in self.entries() if entry not in entries]
        if kept:
            self._rewrite(kept)
        else:
            self._path.unlink(missing_ok=True)

    def _rewrite(self, entries: list[Entry]) -> None:
        self._machine.write(FILE, "".join(msgspec.json.encode(entry).decode() + "\n" for entry in entries), 0o600)


def _now() -> str:
    return datetime.now(UTC).strftime("%H:%M:%S UTC")


def _taken(text: bytes) -> StateError:
    """Say who holds the lock: a run, or, when that was killed, the process that takes its MTUs back (:mod:`vxloom.prepare.guard`)."""
    try:
        holder = msgspec.json.decode(text, type=_Holder)
    except msgspec.DecodeError:  # it holds the lock and has not said so yet
        return StateError("this host is being prepared by another run, which began this moment", remedy="wait for it to end")
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return StateError(
            f"a run that was killed (process {holder.pid}, since {holder.since}) is being taken back by its guard",
            remedy="try again in a minute",
        )
    return StateError(
        f"this host is being prepared by another run: process {holder.pid}, since {holder.since}", remedy="wait for it to end"
    )
