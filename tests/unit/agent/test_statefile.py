"""Law 11's memory: what is written is read back, and a torn file is never trusted."""

from __future__ import annotations

import contextlib
import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.agent.words import document, port, segment
from vxloom.agent import held as rules
from vxloom.agent.held import Held
from vxloom.agent.statefile import StateFile
from vxloom.errors import StateError


def belief() -> Held:
    held = rules.documented(rules.welcomed(Held(), "e1", lineage=True), document(port(1), revision=5))
    return rules.reached(rules.tabled(held, segment(5001, {1: 1, 3: 2}, 5)), 5, "n5")


def test_what_is_saved_is_loaded(tmp_path):
    held = belief()
    StateFile(tmp_path).save(held)
    loaded, trouble = StateFile(tmp_path).load()
    assert trouble == ""
    assert (loaded.epoch, loaded.revision, loaded.nonce) == ("e1", 5, "n5")
    assert loaded.said.document == held.said.document
    assert loaded.said.tables == held.said.tables


def test_holding_survives_a_restart(tmp_path):
    wrong = rules.documented(rules.welcomed(belief(), "e2", lineage=False), document(revision=1, epoch="e2"))
    StateFile(tmp_path).save(wrong)
    loaded, _ = StateFile(tmp_path).load()
    assert loaded.holding == wrong.holding
    assert loaded.effective().tables == wrong.effective().tables
    assert loaded.effective().document == wrong.effective().document


@pytest.mark.parametrize("cut", [0, 1, 20, 60, -1])
def test_a_torn_file_is_set_aside_and_not_trusted(tmp_path, cut):
    StateFile(tmp_path).save(belief())
    path = tmp_path / "held.bin"
    path.write_bytes(path.read_bytes()[:cut])
    left = path.read_bytes()
    state = StateFile(tmp_path)
    loaded, trouble = state.load()
    assert loaded == Held()
    assert "torn" in trouble
    assert path.read_bytes() == left, "looking changes nothing"
    state.save(belief())
    assert (tmp_path / "held.torn").read_bytes() == left
    assert StateFile(tmp_path).load()[1] == ""


def test_a_flipped_bit_is_found(tmp_path):
    StateFile(tmp_path).save(belief())
    path = tmp_path / "held.bin"
    blob = bytearray(path.read_bytes())
    blob[-10] ^= 1
    path.write_bytes(blob)
    assert "torn" in StateFile(tmp_path).load()[1]


@pytest.mark.parametrize("damage", [b"", b"x"])
def test_a_torn_table_costs_only_that_table(tmp_path, damage):
    StateFile(tmp_path).save(belief())
    (tmp_path / "segment-said-5001.bin").write_bytes(damage)
    loaded, trouble = StateFile(tmp_path).load()
    assert trouble == ""
    assert loaded.said.tables == {}
    assert loaded.said.document is not None


def test_a_missing_file_is_told(tmp_path):
    assert StateFile(tmp_path).load() == (Held(), "no state file")


def test_tables_of_left_segments_are_swept(tmp_path):
    state = StateFile(tmp_path)
    held = belief()
    state.save(held)
    state.save(replace(held, said=replace(held.said, tables={})))
    assert list(tmp_path.glob("segment-*")) == []


def test_files_a_crash_left_behind_are_swept(tmp_path):
    StateFile(tmp_path).save(belief())
    (tmp_path / "segment-said-7777.bin").write_bytes(b"of a segment left long ago")
    (tmp_path / ".segment-said-5001.bin.draft").write_bytes(b"half")
    state = StateFile(tmp_path)
    held, _ = state.load()
    state.save(held)
    assert {path.name for path in tmp_path.iterdir()} == {"held.bin", "segment-said-5001.bin"}


def test_a_table_that_a_power_failure_took_back_is_not_used(tmp_path):
    """What was acknowledged must not come back: addresses it still has may be another's by now."""
    state, held = StateFile(tmp_path), belief()
    state.save(held)
    path = tmp_path / "segment-said-5001.bin"
    old = path.read_bytes()
    state.save(rules.reached(rules.tabled(held, segment(5001, {1: 1}, 6)), 6, "n6"))
    path.write_bytes(old)
    loaded, trouble = StateFile(tmp_path).load()
    assert (loaded.said.tables, trouble) == ({}, "")


def test_doubt_survives_a_restart(tmp_path):
    StateFile(tmp_path).save(replace(belief(), doubt="no state file"))
    assert StateFile(tmp_path).load()[0].doubt == "no state file"


class Crashed(BaseException):
    """SIGKILL."""


@pytest.mark.parametrize("call", ["replace", "open", "unlink", "fsync"])
@pytest.mark.parametrize("count", range(6))
def test_after_a_crash_at_any_point_the_old_or_the_new_belief_is_there(tmp_path, monkeypatch, call, count):
    state, old = StateFile(tmp_path), belief()
    old = rules.tabled(old, segment(5002, {1: 1}, 5))
    state.save(old)
    new = rules.documented(old, document(port(1), port(2), revision=6))
    new = rules.reached(rules.tabled(new, segment(5001, {1: 1, 2: 1, 3: 2}, 6)), 6, "n6")
    owner = os if call == "fsync" else Path
    real, left = getattr(owner, call), [count]

    def dying(*arguments, **named):
        if left[0] == 0:
            raise Crashed
        left[0] -= 1
        return real(*arguments, **named)

    monkeypatch.setattr(owner, call, dying)
    with contextlib.suppress(Crashed):
        state.save(new)
    monkeypatch.undo()
    loaded, trouble = StateFile(tmp_path).load()
    assert trouble == ""
    assert loaded.revision in {5, 6}
    assert loaded.said.document == (old if loaded.revision == 5 else new).said.document
    assert loaded.said.tables[5001].revision >= loaded.revision
    again = StateFile(tmp_path)
    again.load()
    again.save(new)
    assert StateFile(tmp_path).load()[0].said.tables == new.said.tables


def test_a_full_disk_is_told_and_tried_again(tmp_path, monkeypatch):
    state = StateFile(tmp_path)
    state.save(belief())

    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    new = rules.reached(belief(), 6, "n6")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StateError, match="No space left on device"):
        state.save(new)
    monkeypatch.undo()
    assert StateFile(tmp_path).load()[0].revision == 5
    state.save(new)
    assert StateFile(tmp_path).load()[0].revision == 6


def test_a_file_that_cannot_be_read_is_a_reason_to_doubt(tmp_path):
    (tmp_path / "held.bin").mkdir()
    assert "cannot be read" in StateFile(tmp_path).load()[1]
