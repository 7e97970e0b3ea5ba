"""The last good state on disk, so that a host works headless and restores at boot (law 11).

``held.bin`` holds the belief without tables and is written durably before anything is acknowledged;
``segment-<set>-<VNI>.bin`` hold tables, whose loss only costs a snapshot. Every file carries a digest: a torn one is set
aside as ``*.torn``, never trusted and never deleted. Tables are not flushed one by one, so ``held.bin`` says of which
revision each must be: one that a power failure took back is not trusted either.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import msgspec
import structlog

from vxloom.agent.held import Held, Word
from vxloom.errors import StateError
from vxloom.model.host import HostDocument
from vxloom.model.segment import SegmentTable
from vxloom.model.wire import Table, table_message, table_of

_log = structlog.get_logger("vxloom.agent.statefile")
_MAGIC = b"vxloom-state-1\n"
NOTHING_SAVED = "no state file"
_SETS = ("said", "base", "first")


class _Record(msgspec.Struct, frozen=True):
    """``Held`` as written."""

    epoch: str
    revision: int
    nonce: str
    holding: str
    loss: bool
    session_epoch: str
    doubt: str
    documents: dict[str, HostDocument | None]
    """Set name → document; a set that does not exist is absent."""
    tables: dict[str, dict[int, int]]
    """Set name → VNI with a file of its own → revision that file has at least."""


class StateFile:
    """The state directory of one agent (mode 0700)."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._written: dict[str, SegmentTable] = {}
        self._swept = False
        self._torn = False

    def load(self, only: frozenset[int] | None = None) -> tuple[Held, str]:
        """Return the belief and, if nothing could be trusted although something should be there, why. Changes nothing on disk.

        ``only``: VNIs whose tables are read, None for all; to look at one segment of a thousand takes a hundredth of the time.
        """
        path = self._directory / "held.bin"
        try:
            record = msgspec.msgpack.decode(_unseal(path), type=_Record)
        except FileNotFoundError:
            return Held(), NOTHING_SAVED
        except (StateError, msgspec.DecodeError) as error:
            self._torn = True
            return Held(), f"state file torn: {error}"
        except OSError as error:
            return Held(), f"state file cannot be read: {error.strerror}"
        words = {name: self._word(name, record, only) for name in record.documents}
        held = Held(
            epoch=record.epoch,
            revision=record.revision,
            nonce=record.nonce,
            holding=record.holding,
            loss=record.loss,
            session_epoch=record.session_epoch,
            doubt=record.doubt,
        )
        return replace(held, said=words.get("said", Word()), base=words.get("base"), first=words.get("first")), ""

    def save(self, held: Held) -> None:
        """Write what changed; returns when it is durable. Raises :class:`StateError` (disk full, read-only)."""
        words = {name: word for name in _SETS if (word := getattr(held, name)) is not None}
        record = _Record(
            held.epoch,
            held.revision,
            held.nonce,
            held.holding,
            held.loss,
            held.session_epoch,
            held.doubt,
            {name: word.document for name, word in words.items()},
            {name: {vni: table.revision for vni, table in word.tables.items()} for name, word in words.items()},
        )
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            if self._torn:  # kept for whoever wants to know what was in it
                (self._directory / "held.bin").replace(self._directory / "held.torn")
                self._torn = False
            for name, word in words.items():
                for vni, table in word.tables.items():
                    self._save_table(f"segment-{name}-{vni}.bin", table)
            _seal(self._directory / "held.bin", msgspec.msgpack.encode(record), durable=True)
            self._sweep({f"segment-{name}-{vni}.bin" for name, word in words.items() for vni in word.tables})
        except OSError as error:
            raise StateError(
                f"cannot write state to {self._directory}: {error.strerror}", remedy="free space or mend the file system"
            ) from error

    def _save_table(self, name: str, table: SegmentTable) -> None:
        if self._written.get(name) is table:
            return
        _seal(self._directory / name, msgspec.msgpack.encode(table_message(table, "disk")), durable=False)
        self._written[name] = table

    def _word(self, name: str, record: _Record, only: frozenset[int] | None) -> Word:
        tables: dict[int, SegmentTable] = {}
        for vni, revision in record.tables.get(name, {}).items():
            if only is not None and vni not in only:
                continue
            path = self._directory / f"segment-{name}-{vni}.bin"
            try:
                table = table_of(msgspec.msgpack.decode(_unseal(path), type=Table), "disk")
            except (StateError, msgspec.DecodeError, OSError) as error:
                # A snapshot will be asked for; until then this segment's rows are left alone.
                _log.warning("a table on disk cannot be used; the server is asked for it", file=str(path), reason=str(error))
                continue
            if table.revision < revision:
                _log.warning("a table is older than it should be and not used", file=str(path), held=table.revision, wanted=revision)
                continue
            tables[vni] = self._written[path.name] = table
        return Word(record.documents[name], tables)

    def _sweep(self, wanted: set[str]) -> None:
        known = set(self._written)
        if not self._swept:  # a crash may have left files nobody remembers
            known |= {path.name for pattern in ("segment-*.bin", ".*.draft") for path in self._directory.glob(pattern)}
        for name in known - wanted:
            (self._directory / name).unlink(missing_ok=True)
            self._written.pop(name, None)
        self._swept = True


def _seal(path: Path, payload: bytes, *, durable: bool) -> None:
    """Write a file so that a reader sees the old one, the new one, or knows that it is torn."""
    draft = path.with_name(f".{path.name}.draft")
    with draft.open("wb") as file:
        file.write(_MAGIC + hashlib.blake2b(payload, digest_size=32).digest() + payload)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    draft.replace(path)
    if durable:  # the name, too: else a power failure brings the old file back, and with it what was acknowledged as gone
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _unseal(path: Path) -> bytes:
    blob = path.read_bytes()
    start = len(_MAGIC) + 32
    if not blob.startswith(_MAGIC) or hashlib.blake2b(blob[start:], digest_size=32).digest() != blob[len(_MAGIC) : start]:
        raise StateError(f"{path} is torn or not ours", remedy="it is set aside; the server sends its content again")
    return blob[start:]
