"""The lab's one directory: whose it is, and that nobody sweeps a living one."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from tests.waiting import wait_until
from vxloom.errors import ConfigError
from vxloom.lab import state


def test_a_living_labs_directory_is_neither_taken_nor_swept(tmp_path: Path) -> None:
    lock = state.take(tmp_path / "lab")
    with pytest.raises(ConfigError, match="already up"):
        state.take(tmp_path / "lab")
    assert not state.sweep(tmp_path / "lab")
    assert (tmp_path / "lab").exists()
    os.close(lock)


def test_a_lock_whose_file_was_swept_meanwhile_is_not_taken_for_the_labs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, sweeps = fcntl.flock, iter([True])

    def sweep_first(fd: int, how: int) -> None:
        if next(sweeps, False):
            (tmp_path / "lab" / "lock").unlink()
        lock(fd, how)

    monkeypatch.setattr(fcntl, "flock", sweep_first)
    fd = state.take(tmp_path / "lab")
    assert os.fstat(fd).st_ino == (tmp_path / "lab" / "lock").stat().st_ino
    os.close(fd)


def test_a_dead_labs_directory_is_wiped_when_taken(tmp_path: Path) -> None:
    old = tmp_path / "lab"
    (old / "logs").mkdir(parents=True)
    (old / "logs" / "h1-agent.log").write_text("old")
    (old / "control.sock").write_text("")
    lock = state.take(old)
    assert [entry.name for entry in old.iterdir()] == ["lock"]
    os.close(lock)


def test_sweeping_removes_a_dead_lab_and_is_content_with_none(tmp_path: Path) -> None:
    os.close(state.take(tmp_path / "lab"))
    assert state.sweep(tmp_path / "lab")
    assert not (tmp_path / "lab").exists()
    assert state.sweep(tmp_path / "lab")


def test_empty_directories_above_go_too_but_not_those_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = tmp_path / "vxloom" / "lab"
    monkeypatch.setenv(state.BASE_VARIABLE, str(base))
    one, other = state.take(base / "one"), state.take(base / "other")
    os.close(one)
    assert state.sweep(base / "one")
    assert state.names() == ("other",)
    os.close(other)
    assert state.sweep(base / "other")
    assert list(tmp_path.iterdir()) == []


def test_the_sweeper_removes_the_directory_once_its_owner_is_gone(tmp_path: Path) -> None:
    owner = os.fork()
    if owner == 0:
        state.take(tmp_path / "lab")
        state.start_sweeper(tmp_path / "lab")
        os._exit(0)
    os.waitpid(owner, 0)
    wait_until(lambda: not (tmp_path / "lab").exists(), "the directory goes with its owner")


def test_a_directory_too_long_for_a_socket_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(state.BASE_VARIABLE, "/tmp/" + "x" * 100)
    with pytest.raises(ConfigError, match="too long") as caught:
        state.directory("lab")
    assert state.BASE_VARIABLE in caught.value.remedy
