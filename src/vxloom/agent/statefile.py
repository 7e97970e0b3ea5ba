"""The last good state on disk, so that a host works headless and restores at boot (law 11).

``held.bin`` holds the belief without tables and is written durably before anything is acknowledged;
``segment-<set>-<VNI>.bin`` hold tables, whose loss only costs a snapshot. Every file carries a digest: a torn one is set
aside as ``*.torn``, never trusted and never deleted.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import msgspec

from vxloom.agent.held import Held, Word
from vxloom.errors import StateError
from vxloom.model.host import HostDocument
from vxloom.model.segment import SegmentTable
from vxloom.model.wire import Table, table_message, table_of

_MAGIC = b"vxloom-state-1\n"
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
    tables: dict[str, list[int]]
    """Set name → VNIs with a file of their own."""


class StateFile:
    """The state directory of one agent (mode 0700)."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._written: dict[str, SegmentTable] = {}

    def load(self) -> tuple[Held, str]:
        """Return the belief and, if nothing could be trusted although something should be there, why."""
        path = self._directory / "held.bin"
        if not path.exists():
            return Held(), "no state file"
        try:
            record = msgspec.msgpack.decode(_unseal(path), type=_Record)
        except (StateError, msgspec.DecodeError) as error:
            path.replace(path.with_suffix(".torn"))
            return Held(), f"state file torn: {error}"
        words = {name: self._word(name, record) for name in record.documents}
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
            {name: sorted(word.tables) for name, word in words.items()},
        )
        try:
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

    def _word(self, name: str, record: _Record) -> Word:
        tables: dict[int, SegmentTable] = {}
        for vni in record.tables.get(name, []):
            path = self._directory / f"segment-{name}-{vni}.bin"
            try:
                table = table_of(msgspec.msgpack.decode(_unseal(path), type=Table), "disk")
            except (StateError, msgspec.DecodeError, OSError):
                continue  # a snapshot will be asked for; until then this segment's rows are not pruned
            tables[vni] = self._written[path.name] = table
        return Word(record.documents[name], tables)

    def _sweep(self, wanted: set[str]) -> None:
        for name in self._written.keys() - wanted:
            (self._directory / name).unlink(missing_ok=True)
            del self._written[name]


def _seal(path: Path, payload: bytes, *, durable: bool) -> None:
    """Write a file so that a reader sees the old one, the new one, or knows that it is torn."""
    draft = path.with_name(f".{path.name}.draft")
    with draft.open("wb") as file:
        file.write(_MAGIC + hashlib.blake2b(payload, digest_size=32).digest() + payload)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    draft.replace(path)


def _unseal(path: Path) -> bytes:
    blob = path.read_bytes()
    start = len(_MAGIC) + 32
    if not blob.startswith(_MAGIC) or hashlib.blake2b(blob[start:], digest_size=32).digest() != blob[len(_MAGIC) : start]:
        raise StateError(f"{path} is torn or not ours", remedy="it is set aside; the server sends its content again")
    return blob[start:]
