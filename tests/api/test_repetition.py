"""Retries against a real server: the client dies between sending and reading, the server between commit and answer."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.api.world import Hosts, Server, make_zone, offering, sizes
from tests.unit.api.desk import signed
from tests.waiting import wait_until
from vxloom.store import Store, records

# The server as it is, but that it kills itself once, when a file says so: after a command was carried out, before its answer is put.
DIES_BEFORE_ITS_ANSWER = """
import os, signal, sys
from pathlib import Path
from vxloom.cli.main import cli
from vxloom.server import dispatch

run, order = dispatch._run, Path(sys.argv.pop(1))

def and_die(*given):
    content = run(*given)
    if order.exists():
        order.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return content

dispatch._run = and_die
cli()
"""
# A client of its own process, which sends its request and then waits for the answer until it is killed.
SENDS_AND_WAITS = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
    connection.sendall(sys.argv[2].encode())
    print("sent", flush=True)
    sys.stdin.read()
"""


class Mortal(Server):
    """A server that dies between commit and answer when told to."""

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self.order = data.parent / "die"
        script = data.parent / "server.py"
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(DIES_BEFORE_ITS_ANSWER)
        self.program = [sys.executable, str(script), str(self.order)]

    def wait_dead(self) -> None:
        assert self._process is not None
        wait_until(lambda: self._process is not None and self._process.poll() is not None, "the server is dead", seconds=20)


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Mortal]:
    server = Mortal(tmp_path / "mortal" / "data")
    server.start()
    yield server
    server.kill()


def query(server: Server, command: str, **given: str) -> str:
    exports = server.exports
    pairs = {"command": command, "apiKey": exports["CLOUDSTACK_KEY"], "response": "json", **given}
    return urlencode(pairs | {"signature": signed(pairs, exports["CLOUDSTACK_SECRET"])})


def test_a_client_killed_before_it_read_the_answer_sends_again(server: Server, api: object, hosts: Hosts) -> None:
    client = server.client()
    zone = make_zone(client, "retried")
    hosts.join(client, zone, "r1")
    network = client.createNetwork(name="n1", zoneid=zone, networkofferingid=offering(client, "Isolated"))["network"]["id"]
    given = {"name": "vm1", "zoneid": zone, "networkids": network, "idempotencykey": "order-1", **sizes(client)}
    request = f"GET /client/api?{query(server, 'deployVirtualMachine', **given)} HTTP/1.1\r\nHost: x\r\n\r\n"
    command = [sys.executable, "-c", SENDS_AND_WAITS, str(server.port), request]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as sender:
        assert sender.stdout is not None
        assert sender.stdout.readline() == b"sent\n"
        sender.kill()
    wait_until(lambda: client.listVirtualMachines(listall=True) != {}, "the lost request was carried out", seconds=15)
    [made] = client.listVirtualMachines(listall=True, fetch_list=True)
    again = client.deployVirtualMachine(**given)
    assert again["id"] == made["id"]
    [begun] = [job for job in client.listAsyncJobs(listall=True, fetch_list=True) if job["cmd"] == "deployVirtualMachine"]
    assert again["jobid"] == begun["jobid"]
    wait_until(lambda: client.queryAsyncJobResult(jobid=again["jobid"])["jobstatus"] == 1, "the job ends", seconds=30)
    assert client.deployVirtualMachine(**given) == again
    assert len(client.listVirtualMachines(listall=True, fetch_list=True)) == 1


def test_many_at_once_under_one_key_make_one(server: Server) -> None:
    client = server.client()
    zone = make_zone(client, "crowded")
    request = query(server, "createNetwork", name="n1", zoneid=zone, networkofferingid=offering(client, "L2"), idempotencykey="crowd")
    sent = f"GET /client/api?{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    connections = [socket.create_connection(("127.0.0.1", server.port), 10) for _ in range(8)]
    for connection in connections:
        connection.sendall(sent)
    bodies = {_body(connection) for connection in connections}
    assert len(bodies) == 1, bodies
    assert client.listNetworks(zoneid=zone)["count"] == 1


def test_a_server_killed_between_commit_and_answer_answers_the_repetition(mortal: Mortal) -> None:
    client = mortal.client()
    zone = make_zone(client)
    given = {"name": "n1", "zoneid": zone, "networkofferingid": offering(client, "Isolated"), "idempotencykey": "k1"}
    mortal.order.touch()
    with pytest.raises(Exception, match=r"[Cc]onnection|RemoteDisconnected"):
        client.createNetwork(**given)
    mortal.wait_dead()
    store = Store(f"sqlite:///{mortal.data / 'store.db'}")
    with store.read() as rx:
        [network] = rx.all(records.Network)
    store.close()
    mortal.start()
    client = mortal.client()
    assert client.createNetwork(**given)["network"]["id"] == network.id
    assert client.listNetworks(listall=True)["count"] == 1


def _body(connection: socket.socket) -> bytes:
    said = b""
    end = time.monotonic() + 20
    with connection:
        while (part := connection.recv(65536)) and time.monotonic() < end:
            said += part
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    return body
