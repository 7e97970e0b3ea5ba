"""`vxloom show` as people read it: readable with many rows, honest about what is left off and who did not answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from vxloom.cli import client
from vxloom.cli.main import cli

ROW = {"host": "h1", "vni": 5001, "device": "vxlan5001", "mac": "02:00:00:00:00:03", "kind": "static", "network": "net1", "vm": "web1"}


class Server:
    """What the server answers, and what it was asked."""

    def __init__(self) -> None:
        self.content: dict[str, Any] = {"view": "fdb", "hosts": 1, "total": 0}
        self.asked: list[dict[str, str]] = []

    def show(self, *words: str) -> Result:
        environment = {"CLOUDSTACK_ENDPOINT": "http://192.0.2.1/client/api", "CLOUDSTACK_KEY": "k", "CLOUDSTACK_SECRET": "s"}
        return CliRunner().invoke(cli, ["show", *words], env=environment)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()

    def call(_: client.Client, command: str, **given: str) -> dict[str, object]:
        assert command == "vxloomShow"
        made.asked.append(given)
        return {"show": made.content}

    monkeypatch.setattr(client.Client, "call", call)
    return made


def test_ten_thousand_rows_are_limited_and_what_is_left_off_is_counted(server: Server) -> None:
    server.content |= {"hosts": 3, "total": 10_000, "row": [ROW] * 1000, "drift": [{"drift": "missing", "count": 12}]}
    done = server.show("fdb")
    lines = done.stdout.splitlines()
    assert len(lines) == 1002
    assert {len(line) for line in lines[1:-1]} == {len(lines[1])}
    assert lines[-1].startswith("3 hosts: 10,000 rows, 12 missing; 9,000 left off")
    assert server.asked == [{"view": "fdb", "limit": "1000"}]


def test_columns_in_which_nothing_stands_are_left_out(server: Server) -> None:
    server.content |= {"total": 2, "row": [ROW, ROW | {"drift": "wrong", "detail": "wanted at 192.0.2.2", "up": False}]}
    head, first, second, last = server.show("fdb").stdout.splitlines()
    assert head.split() == ["host", "vni", "device", "mac", "kind", "network", "vm", "drift", "detail"]
    assert first.split() == ["h1", "5001", "vxlan5001", "02:00:00:00:00:03", "static", "net1", "web1"]
    assert second.endswith("web1  wrong  wanted at 192.0.2.2")
    assert last == "1 host: 2 rows"


def test_numbers_that_are_nought_and_links_that_are_down_are_told(server: Server) -> None:
    server.content |= {
        "total": 1,
        "row": [{"host": "h1", "vni": 0, "device": "vxlan0", "up": False, "macs": 0, "flags": ["df", "learning"]}],
    }
    head, row, _ = server.show("vnis").stdout.splitlines()
    assert dict(zip(head.split(), row.split(), strict=False)) == {
        "host": "h1",
        "vni": "0",
        "device": "vxlan0",
        "up": "down",
        "macs": "0",
        "flags": "df",
    }


def test_the_id_of_a_card_is_shown_where_its_machine_is_not_known(server: Server) -> None:
    port = {"host": "h1", "device": "vt1", "nic": "nic-1"}
    server.content |= {"total": 1, "row": [port]}
    assert "nic-1" in server.show("ports").stdout
    server.content |= {"row": [port | {"vm": "web1"}]}
    assert "nic-1" not in server.show("ports").stdout
    assert "nic-1" in server.show("ports", "--output", "json").stdout


def test_a_host_that_did_not_answer_is_named_and_the_exit_code_says_so(server: Server) -> None:
    server.content |= {
        "total": 1,
        "row": [ROW],
        "silent": [{"host": "h2", "why": "no stream"}],
        "note": [{"host": "h1", "note": "it holds"}],
    }
    done = server.show("fdb")
    assert done.exit_code == 1
    assert done.stderr.splitlines() == ["h1: it holds", "not shown: h2 (no stream)"]
    assert "02:00:00:00:00:03" in done.stdout
    program = server.show("fdb", "--output", "json")
    assert program.exit_code == 1
    assert json.loads(program.stdout)["silent"] == [{"host": "h2", "why": "no stream"}]


def test_what_narrows_a_view_is_passed_on(server: Server) -> None:
    server.show("bum", "--on", "h1", "--vni", "0", "--network", "net1", "--zone", "east", "--limit", "5", "--vm", "web1", "--mac", "x")
    narrowed = {"host": "h1", "vni": "0", "network": "net1", "zone": "east", "vm": "web1", "mac": "x"}
    assert server.asked == [{"view": "bum", "limit": "5"} | narrowed]


@pytest.mark.parametrize("words", [("--on", "h1"), ("--vm", "web1"), ("--network", "n"), ("--zone", "z")])
def test_a_host_alone_knows_no_names(server: Server, words: tuple[str, str]) -> None:
    done = server.show("fdb", "--host", *words)
    assert done.exit_code == 2
    assert f"leave {words[0]} out" in done.stderr
    assert server.asked == []
