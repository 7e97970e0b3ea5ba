"""vxloom's own client, as `vxloom host` and `vxloom plan` use it: whole lists, and one line when something is wrong."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.api.world import SCRIPTS, Server
from vxloom.cli import client
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


def test_what_answers_but_is_no_cloud_is_a_transport_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TransportError):
        client._unwrap(b"[1]")
