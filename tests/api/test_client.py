"""vxloom's own client, as `vxloom host` and `vxloom plan` use it: whole lists, and one line when something is wrong."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.api.world import SCRIPTS, Server
from vxloom.cli import client, main
from vxloom.errors import RequestError, TransportError


def test_a_list_is_read_to_its_last_page(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.exports.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(client, "_PAGE", 7)
    ours = client.Client()
    whole = ours.call("listConfigurations", pagesize="-1")
    rows = ours.rows("listConfigurations", "configuration")
    assert [row["name"] for row in rows] == [row["name"] for row in whole["configuration"]]  # type: ignore[attr-defined]
    assert len(rows) == whole["count"] > 14
    assert ours.rows("listConfigurations", "configuration", name="none") == []
    with pytest.raises(RequestError):
        ours.rows("listHosts", "host", id="7")


@pytest.mark.parametrize("endpoint", ["nonsense", "http://127.0.0.1:1/client/api", "http://[", "ftp://127.0.0.1/client/api"])
def test_an_endpoint_that_does_not_answer_is_one_line(server: Server, endpoint: str) -> None:
    environment = os.environ | server.exports | {"CLOUDSTACK_ENDPOINT": endpoint}
    done = subprocess.run(
        [str(SCRIPTS / "vxloom"), "host", "list"], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("vxloom: ")
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_a_host_nobody_knows_is_refused_with_where_hosts_are_listed(server: Server) -> None:
    for words in (("plan", "nobody"), ("host", "confirm", "nobody")):
        done = subprocess.run(
            [str(SCRIPTS / "vxloom"), *words], env=os.environ | server.exports, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 1
        assert "vxloom host list" in done.stderr


@pytest.mark.parametrize(("arrives", "status"), [(True, 0), (False, 1)])
def test_trace_ends_with_whether_it_arrives(arrives: bool, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    class Answering:
        def call(self, _: str, **__: str) -> client.Answer:
            return {"trace": {"arrives": arrives, "text": "a hop\n"}}

    monkeypatch.setattr(client, "Client", Answering)
    monkeypatch.setattr(sys, "argv", ["vxloom", "trace", "--from", "a", "--to", "b"])
    with pytest.raises(SystemExit) as end:
        main.main()
    assert (end.value.code or 0) == status


def test_what_answers_but_is_no_cloud_is_a_transport_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TransportError):
        client._unwrap(b"[1]")
