"""What systemd is told: datagrams as sd_notify(3) describes them."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from vxloom import notify
from vxloom.agent.main import standing
from vxloom.model.wire import Report


@pytest.fixture
def ear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listening


def test_ready_and_alive_are_said_with_how_it_stands_on_one_line(ear: socket.socket) -> None:
    notify.ready(notify.HEALTHY)
    notify.alive("no server:\nit is not there")
    notify.ready()
    assert [ear.recv(1000) for _ in range(3)] == [
        b"READY=1\nSTATUS=healthy",
        b"WATCHDOG=1\nSTATUS=no server: it is not there",
        b"READY=1",
    ]


def test_a_socket_without_a_file_is_spoken_to(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("")  # the kernel chooses a name
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + listening.getsockname()[1:].decode())
        listening.settimeout(5)
        notify.ready()
        assert listening.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "vsock:2:1", "/nowhere/notify"])
def test_where_nobody_listens_nothing_happens(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify.ready()


@pytest.mark.parametrize(
    ("report", "unconnected", "said"),
    [
        (Report(True), "", notify.HEALTHY),
        (Report(True), "it does not answer", "no server: it does not answer"),
        (Report(False, holding="another history", findings=("one",)), "", "holding: another history"),
        (Report(False, findings=("one",)), "", "one"),
        (Report(False, findings=("one", "two")), "", "one (2 findings)"),
        (Report(False), "", "no work gets done"),
    ],
)
def test_an_agent_says_what_is_wrong_the_most_important_first(report: Report, unconnected: str, said: str) -> None:
    assert standing(report, unconnected) == said
