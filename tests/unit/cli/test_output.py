"""What people read: columns under one another and nothing cut; what programs read: every field."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import click
import pytest

from vxloom.cli import client, host, options, prepare
from vxloom.prepare import requirement, run
from vxloom.prepare.changes import WriteFile
from vxloom.prepare.requirement import Requirement, Subject

ROW_ID = "438fbcaa-7e79-4774-b2c2-8f93321a4d49"


def test_columns_stand_under_one_another_and_nothing_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    options.show("table", ("name", "state", "id"), [("h1", "Up", ROW_ID), ("a-long-name", None, ROW_ID)])
    assert capsys.readouterr().out.splitlines() == [
        "name         state  id",
        f"h1           Up     {ROW_ID}",
        f"a-long-name         {ROW_ID}",
    ]


def test_no_rows_are_a_head_and_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    options.show("table", ("name", "state"), [])
    assert capsys.readouterr().out == "name  state\n"
    options.show("json", ("name", "state"), [])
    assert json.loads(capsys.readouterr().out) == []


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Sequence[Requirement]:
    rows = [
        Subject("root", "uid 0", "capabilities(7)", 10).judged(False, "uid 7", "sudo"),
        Subject("jumbo frames", "9000", "Ethernet", 5, required=False).judged(False, "1550", "apply"),
        Subject("clock", "synchronised", "NTP", 6, required=False).not_applicable("no timedatectl"),
        Subject("iproute2", "5 or later", "netlink", 10, floor="4").judged(True, "6.1.0"),
    ]
    monkeypatch.setattr(requirement, "check", lambda *_: rows)
    return rows


def test_a_check_says_below_what_is_not_well_what_to_do_and_at_the_end_what_the_manual_asks_for(
    judged: Sequence[Requirement], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        prepare.check.main([], standalone_mode=False)
    assert end.value.code == 1
    assert capsys.readouterr().out.splitlines() == [
        "impact  verdict         requirement   asked         standard         found",
        "10      failed          root          uid 0         capabilities(7)  uid 7",
        "        required → sudo",
        "5       warning         jumbo frames  9000          Ethernet         1550",
        "        recommended → apply",
        "6       not applicable  clock         synchronised  NTP              –",
        "        because no timedatectl",
        "10      ok              iproute2      5 or later    netlink          6.1.0",
        "iproute2: the manual asks for 4, vxloom for 5 or later",
        "1 ok, 1 failed, 1 warning, 1 not applicable",
        "what can be put right here is shown by: vxloom host plan",
    ]
    with pytest.raises(SystemExit):
        prepare.check.main(["--output", "json"], standalone_mode=False)
    rows = json.loads(capsys.readouterr().out)
    assert [row["requirement"] for row in rows] == [row.name for row in judged]
    assert rows[0]["asked"] == "uid 0"
    assert rows[0]["level"] == "required"


def test_an_apply_that_nobody_answers_changes_nothing_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "made"
    part = run.Part("module", "summary", (WriteFile(path=str(file), text="x\n", reason="a reason"),))
    monkeypatch.setattr(run, "plan", lambda *_: [part])
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(click.Abort):
        prepare.apply.main([], standalone_mode=False)
    assert "nothing was changed" in capsys.readouterr().err
    assert not file.exists()


def test_hosts_are_listed_with_their_health_and_to_programs_with_all_details(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    details = {"vxloom.vtep": "192.0.2.1", "vxloom.health": "well", "vxloom.temperature": "cpu 50 °C"}
    rows = [{"name": "h1", "state": "Up", "details": details}, {"name": "h2", "state": "Up"}]
    monkeypatch.setattr(client.Client, "__init__", lambda _: None)
    monkeypatch.setattr(client.Client, "rows", lambda *_, **__: rows)
    host.list_hosts.main([], standalone_mode=False)
    head, first, _ = capsys.readouterr().out.splitlines()
    assert first[head.index("health") :].split() == ["well"]
    host.list_hosts.main(["--output", "json"], standalone_mode=False)
    one, two = json.loads(capsys.readouterr().out)
    assert (one["health"], one["vtep"], one["details"]) == ("well", "192.0.2.1", details)
    assert (two["health"], two["details"]) == ("", None)
