"""Law 11's memory: what is written is read back, and a torn file is never trusted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.agent.words import document, port, segment
from vxloom.agent import held as rules
from vxloom.agent.held import Held
from vxloom.agent.statefile import StateFile


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
    loaded, trouble = StateFile(tmp_path).load()
    assert loaded == Held()
    assert "torn" in trouble
    assert (tmp_path / "held.torn").exists()


def test_a_flipped_bit_is_found(tmp_path):
    StateFile(tmp_path).save(belief())
    path = tmp_path / "held.bin"
    blob = bytearray(path.read_bytes())
    blob[-10] ^= 1
    path.write_bytes(blob)
    assert "torn" in StateFile(tmp_path).load()[1]


def test_a_torn_table_costs_only_that_table(tmp_path):
    StateFile(tmp_path).save(belief())
    (tmp_path / "segment-said-5001.bin").write_bytes(b"x")
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
