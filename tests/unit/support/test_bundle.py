"""The file: bounds, what is said of what is missing, and that no secret gets in by any door."""

from __future__ import annotations

import os
import tarfile
import threading
from pathlib import Path

import pytest

from tests import planted
from vxloom.errors import TransportError
from vxloom.settings import AgentSettings
from vxloom.support import cloud, host
from vxloom.support.bundle import MANIFEST, PART, Bundle
from vxloom.support.redaction import Redaction


def bundle(*, seconds: float = 60, size: int = 64 << 20) -> Bundle:
    return Bundle(Redaction([planted.SECRET]), seconds=seconds, size=size)


def contents(path: Path) -> dict[str, str]:
    with tarfile.open(path) as archive:
        found = {}
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None
            found[member.name.partition("/")[2]] = file.read().decode()
        return found


def test_what_goes_in_comes_out_without_secrets_for_its_owner_only(tmp_path: Path) -> None:
    made = bundle()
    made.collect("logs/a", lambda: planted.LOG)
    made.collect("kernel/b", lambda: "nothing secret\n")
    path = tmp_path / "x.tar.gz"
    made.write(path, "title")
    inside = contents(path)
    assert list(inside) == [MANIFEST, "logs/a", "kernel/b"]
    assert inside["kernel/b"] == "nothing secret\n"
    assert not [trace for trace in planted.TRACES for text in inside.values() if trace in text]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["x.tar.gz"]
    assert made.parts[0].removed > len(planted.ONE_LINE)


def test_what_cannot_be_had_is_said_without_its_secrets(tmp_path: Path) -> None:
    made = bundle()
    made.collect("one", (tmp_path / "none").read_text)
    made.collect("two", lambda: str(1 // 0))
    made.collect("three", lambda: (_ for _ in ()).throw(TransportError(f"http://h/?apikey={planted.WORD}")))
    assert made.parts == []
    assert set(made.missing) == {"one", "two", "three"}
    assert "ZeroDivisionError" in made.missing["two"]
    assert planted.WORD not in made.manifest("t")


def test_a_look_that_hangs_is_left_and_the_next_ones_go_on() -> None:
    hang = threading.Event()
    made = bundle()
    made.collect("hangs", lambda: str(hang.wait(60)), patience=0.1)
    made.collect("next", lambda: "x")
    hang.set()
    assert "did not end" in made.missing["hangs"]
    assert [part.name for part in made.parts] == ["next"]


def test_time_and_room_end() -> None:
    made = bundle(size=100)
    made.collect("a", lambda: "line\n" * 15)
    made.collect("b", lambda: "line\n" * 15)
    made.collect("c", lambda: "x")
    made.collect("d", lambda: "y" * 30)
    assert sum(part.bytes for part in made.parts) <= 100
    assert made.parts[1].cut
    now = [0.0]
    late = Bundle(Redaction(), seconds=5, size=100, clock=lambda: now[0])
    now[0] = 6
    late.collect("a", lambda: "x")
    assert late.missing == {"a": "no time left"}


def test_of_a_long_part_whole_lines_are_kept_at_the_end_or_the_beginning(tmp_path: Path) -> None:
    long = "".join(f"line {number}\n" for number in range(PART // 8))
    made = bundle()
    made.collect("log", lambda: long, end=True)
    made.collect("dump", lambda: long)
    made.write(tmp_path / "x.tar.gz", "t")
    inside = contents(tmp_path / "x.tar.gz")
    assert inside["log"].startswith("line ")
    assert inside["log"].endswith(long[-20:])
    assert inside["dump"].startswith("line 0\n")
    assert [part.cut for part in made.parts] == [True, True]


def test_no_name_leads_out_of_the_archive(tmp_path: Path) -> None:
    made = bundle()
    made.collect("hosts/../../etc/x/plan", lambda: "x")
    made.write(tmp_path / "x.tar.gz", "t")
    assert all(".." not in name for name in contents(tmp_path / "x.tar.gz"))


class Server:
    """Answers everything with what it should not."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.up = True

    def call(self, command: str, /, **parameters: str) -> dict[str, object]:
        self.asked.append(command)
        if not self.up:
            raise TransportError("no answer from http://x", remedy="is the server running?")
        rows = [{"name": "h1/..", "secretkey": planted.WORD, "description": planted.LOG, "details": {"password": planted.WORD}}]
        return {"host": rows, "configuration": [{"name": "x.password", "value": planted.WORD}]}


def test_what_the_server_tells_is_cleaned_and_every_host_is_asked(tmp_path: Path) -> None:
    server, made = Server(), bundle()
    cloud.collect(made, server)
    made.write(tmp_path / "x.tar.gz", "t")
    inside = contents(tmp_path / "x.tar.gz")
    assert {f"server/{command}" for command in cloud.LISTS} <= set(inside)
    assert made.missing == {}
    assert server.asked[-2:] == ["vxloomDiagnose", "vxloomPlanHost"]
    assert not [trace for trace in planted.TRACES for text in inside.values() if trace in text]
    assert not {"listUsers", "listAccounts", "listSSHKeyPairs"} & set(server.asked)


def test_a_server_that_does_not_answer_is_asked_once() -> None:
    server, made = Server(), bundle()
    server.up = False
    cloud.collect(made, server)
    assert len(server.asked) == 1
    assert list(made.missing) == [f"server/{cloud.LISTS[0]}"]


def test_a_command_that_says_too_much_or_is_not_there_is_no_obstacle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "chatty"
    program.write_text("#!/bin/sh\nseq 1 2000000\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert host.run("chatty").startswith("1\n2\n")
    assert host.run("chatty", last=True).endswith("2000000\n\n(exit 3)\n")
    assert len(host.run("chatty")) < PART + 100
    monkeypatch.setattr(host, "_COMMAND_SECONDS", 0.2)
    assert "not done after" in host.run("sleep 60")
    made = bundle()
    made.collect("x", lambda: host.run("no-such-program"))
    assert "no-such-program" in made.missing["x"]


def test_a_torn_state_is_said(tmp_path: Path) -> None:
    (tmp_path / "held.bin").write_bytes(b"torn")
    made = bundle()
    made.collect("agent/state", lambda: host.believed(AgentSettings(state_dir=tmp_path)))
    assert made.missing["agent/state"]
