"""Files that are not as they should be: what can be decoded is, the rest is told, and nothing takes long."""

from __future__ import annotations

import os
import stat
import subprocess
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests import captures as made
from vxloom.capture import decode as decoding
from vxloom.capture.decode import decode
from vxloom.cli import capture
from vxloom.errors import ConfigError, StateError

PORTS = frozenset({4789})
WHOLE = made.pcap(*[made.tunnel()] * 3)


def test_a_file_that_ends_within_a_packet_gives_those_before(tmp_path: Path) -> None:
    file = tmp_path / "cut.pcap"
    file.write_bytes(WHOLE[:-10])
    found = decode(file, PORTS, 100)
    assert (len(found.packets), found.problem) == (2, "it ends within a packet")


def test_a_length_that_cannot_be_is_told(tmp_path: Path) -> None:
    record = 24 + 16 + len(made.tunnel())
    broken = bytearray(WHOLE)
    broken[record + 8 : record + 16] = b"\xff\xff\xff\x7f" * 2
    file = tmp_path / "broken.pcap"
    file.write_bytes(broken)
    found = decode(file, PORTS, 100)
    assert len(found.packets) == 1
    assert found.problem


@pytest.mark.parametrize("text", [b"", b"hello" * 1000, b"\0" + os.urandom(5000)], ids=["empty", "text", "random"])
def test_what_is_no_capture_is_refused(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(text)
    with pytest.raises(StateError, match="no capture"):
        decode(file, PORTS, 100)


def test_every_cut_and_many_broken_bytes_end_in_words(tmp_path: Path) -> None:
    """Never a traceback: what comes is packets, or an error for a person."""
    file = tmp_path / "file"
    for place in range(0, 24 + 16 + 40, 8):
        broken = bytearray(WHOLE)
        broken[place : place + 4] = b"\xff\xff\xff\xff"
        file.write_bytes(broken)
        try:
            assert len(decode(file, PORTS, 100).packets) <= 3
        except StateError:
            continue


def test_a_pcapng_is_read_too(tmp_path: Path) -> None:
    old, new = tmp_path / "old.pcap", tmp_path / "new.pcapng"
    old.write_bytes(WHOLE)
    subprocess.run(["tshark", "-Q", "-r", old, "-F", "pcapng", "-w", new], check=True, capture_output=True)
    assert new.read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"
    assert [packet.vni for packet in decode(new, PORTS, 100).packets] == [made.VNI] * 3


def test_a_file_that_is_larger_than_anybody_reads_is_begun_only(tmp_path: Path) -> None:
    file = tmp_path / "large.pcap"
    with file.open("wb") as out:
        out.write(WHOLE * 1)
        out.truncate(1 << 30)  # a gigabyte, sparse
    start = time.monotonic()
    assert len(decode(file, PORTS, 2).packets) == 2
    assert time.monotonic() - start < 20


def test_a_decoder_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "tshark"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(decoding, "_PATIENCE", 0.3)
    found = decode(WHOLE, PORTS, 100)
    assert (found.packets, found.problem) == ((), "it takes more time or memory than it is given")


def test_without_tshark_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prlimit = tmp_path / "prlimit"
    prlimit.symlink_to("/usr/bin/prlimit")
    monkeypatch.setattr(decoding, "_ELSEWHERE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="install tshark"):
        decode(WHOLE, PORTS, 100)


def test_the_command_shows_what_it_can_of_a_cut_file_and_fails(tmp_path: Path) -> None:
    file = tmp_path / "cut.pcap"
    file.write_bytes(WHOLE[:-10])
    result = CliRunner().invoke(capture.command, ["--read", str(file)])
    assert result.stdout.count("vni 5001 ") == 2
    assert isinstance(result.exception, StateError)
    assert "it ends within a packet" in str(result.exception)


@pytest.mark.parametrize(
    "words", [[], ["h1", "--host"], ["--host", "--read", "x"], ["--read", "x", "--write", "y"], ["--host", "--size", "4G"]]
)
def test_what_cannot_be_meant_is_refused(words: list[str]) -> None:
    assert CliRunner().invoke(capture.command, words).exit_code == 2


def test_a_file_that_cannot_be_written_is_said_before_anything_is_captured(tmp_path: Path) -> None:
    result = CliRunner().invoke(capture.command, ["--host", "--write", str(tmp_path / "none" / "x.pcap")])
    assert isinstance(result.exception, ConfigError)
    assert "cannot be written" in str(result.exception)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    result = CliRunner().invoke(capture.command, ["--read", str(tmp_path / "none")])
    assert isinstance(result.exception, ConfigError)
