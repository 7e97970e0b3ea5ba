"""What an agent leaves of its server is read again, and nothing else hurts."""

from __future__ import annotations

from pathlib import Path

import pytest

from vxloom.agent.contact import Contact, found, leave


def test_what_was_left_last_is_found(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    assert found(run_dir) == Contact()
    leave(run_dir, Contact("192.0.2.9:8250 does not answer"))
    assert found(run_dir) == Contact("192.0.2.9:8250 does not answer")
    leave(run_dir, Contact())
    assert found(run_dir) == Contact()
    assert [path.name for path in run_dir.iterdir()] == ["contact.json"]


@pytest.mark.parametrize("left", [b"", b"\x00\xff", b"[]", b'{"problem": 3}', b'{"problem": "cut'])
def test_what_is_no_word_of_an_agent_says_nothing(tmp_path: Path, left: bytes) -> None:
    (tmp_path / "contact.json").write_bytes(left)
    assert found(tmp_path) == Contact()


def test_a_folder_that_cannot_be_written_to_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    leave(tmp_path / "file" / "below", Contact("lost"))
    assert found(tmp_path / "file" / "below") == Contact()
