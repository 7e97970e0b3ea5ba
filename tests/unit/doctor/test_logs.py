"""Known lines are explained; a log may be of any size and hold anything. Samples are of public threads, each named."""

from __future__ import annotations

import os
import time
import tomllib
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from vxloom.cli.logs import command
from vxloom.doctor import reading
from vxloom.doctor.check import faults
from vxloom.doctor.logs import SIGNATURES, explain
from vxloom.errors import ConfigError

_FILE = tomllib.loads(Path(__file__).with_name("log-samples.toml").read_text(encoding="utf-8"))
SAMPLES = [(each["name"], each["source"], each["line"]) for each in _FILE["known"]]
OF_SOMETHING_ELSE = [(each["source"], each["line"]) for each in _FILE["other"]]


@pytest.mark.parametrize(("name", "source", "line"), SAMPLES, ids=[name for name, _, _ in SAMPLES])
def test_a_line_of_a_public_thread_is_known(name: str, source: str, line: str) -> None:
    assert source.startswith("https://")
    (found,) = explain("agent.log", ["nothing of interest", line, line])
    assert (found.name, found.count) == (name, 2)
    assert found.meaning
    assert found.remedy


def test_every_kind_has_a_line_that_somebody_had() -> None:
    assert {each.name for each in SIGNATURES} == {name for name, _, _ in SAMPLES}


@pytest.mark.parametrize(("source", "line"), OF_SOMETHING_ELSE)
def test_a_line_that_only_looks_alike_is_not_explained(source: str, line: str) -> None:
    assert explain("journal", [line]) == []


def test_the_words_that_this_kernel_uses_for_a_vni_that_is_taken_are_known() -> None:
    (found,) = explain("agent.log", ["Error: A VXLAN device with the specified VNI already exists."])
    assert (found.name, found.code) == ("VNI taken", "foreign-vni")


def test_findings_that_lines_point_at_exist() -> None:
    assert {each.code for each in SIGNATURES} - {""} <= faults().keys()


@contextmanager
def bounded(seconds: float, megabytes: int) -> Iterator[None]:
    """Fail where what is within takes longer, or holds more at once."""
    tracemalloc.start()
    began = time.monotonic()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert time.monotonic() - began < seconds
    assert peak < megabytes << 20


def test_only_the_end_of_a_large_file_is_read_and_binary_is_no_obstacle(tmp_path: Path) -> None:
    log = tmp_path / "agent.log"
    with log.open("wb") as file:
        file.write(b"Neighbour table overflow.\n")
        file.seek(1 << 30)  # a gigabyte, of which nothing is on the disk
        file.write(b"\n" + os.urandom(4096) + b"\xff\xfe\nError: nf_conntrack: table full, dropping packet\n")
    with bounded(10, 64):
        assert [one.name for one in explain("log", reading.tail(log))] == ["connection tracking full"]


def test_a_gigabyte_without_the_end_of_a_line_is_read_as_well(tmp_path: Path) -> None:
    log = tmp_path / "agent.log"
    with log.open("wb") as file:
        file.seek(1 << 30)
        file.write(b"Neighbour table overflow.")
    with bounded(10, 64):
        assert explain("log", reading.tail(log)) == []  # whose beginning is not known is no line


def test_a_log_that_is_cut_within_a_character_or_a_line_is_read_to_its_end(tmp_path: Path) -> None:
    log = tmp_path / "agent.log"
    log.write_bytes("Failed to create vnet 803\n… Neighbour table overflow. … vnet 8…".encode()[:-1])
    assert {one.name for one in explain("log", reading.tail(log))} == {"network device refused", "neighbour table full"}


def test_a_pipe_and_a_device_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(ConfigError, match="is no file"), bounded(2, 8):
            list(reading.tail(path))


def test_a_journal_that_never_ends_is_read_for_a_while_and_its_end_is_explained() -> None:
    endless = 'while :; do echo "x$(printf "%01000d" 7)"; echo "Neighbour table overflow."; done'
    with bounded(10, 64):
        found = explain("journal", reading.journal(("sh", "-c", endless), patience=1.0))
    assert [one.name for one in found] == ["neighbour table full"]


def test_a_journal_that_says_nothing_or_is_not_there_holds_nobody_up() -> None:
    with bounded(5, 8):
        assert list(reading.journal(("sleep", "60"), patience=0.2)) == []
        assert list(reading.journal(("no-such-journalctl",))) == []


def test_a_log_is_explained_on_the_command_line(tmp_path: Path) -> None:
    log = tmp_path / "agent.log"
    log.write_text("Error: 8021q: VLAN device already exists.\n")
    done = CliRunner().invoke(command, [str(log)])
    assert done.exit_code == 1
    assert "VLAN left over: 1 in" in done.output
    log.write_text("all is well\n")
    assert CliRunner().invoke(command, [str(log)]).exit_code == 0


def test_a_log_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, [str(tmp_path / "missing.log")])
    assert "cannot read" in str(done.exception)
