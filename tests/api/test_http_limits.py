"""What anybody can send to the API's port: a defined answer or the end of the connection, and the others are served meanwhile."""

from __future__ import annotations

import json
import re
import select
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.api.world import Server
from tests.unit.api.desk import signed
from tests.waiting import wait_until

BODY, WHOLE = 1.0, 3.0
"""Deadlines of this server in seconds; the real ones are too long to wait for."""
HASTY = f"""
import sys
from vxloom.cli.main import cli
from vxloom.server import app, protocol

assert app.BODY_SECONDS < protocol.REQUEST_SECONDS
app.BODY_SECONDS, protocol.REQUEST_SECONDS = {BODY}, {WHOLE}
cli()
"""
POST = b"POST /client/api HTTP/1.1\r\nHost: x\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
TEN_MB = 10_000_000


class Hasty(Server):
    def __init__(self, data: Path) -> None:
        super().__init__(data)
        script = data.parent / "server.py"
        script.write_text(HASTY)
        self.program = [sys.executable, str(script)]

    def kilobytes(self, what: str) -> int:
        """Return VmRSS (now) or VmHWM (most there ever was) of the process."""
        assert self._process is not None
        found = re.search(rf"^{what}:\s+(\d+) kB$", Path(f"/proc/{self._process.pid}/status").read_text(), re.MULTILINE)
        assert found
        return int(found[1])

    def files(self) -> int:
        """Return how many files the process holds."""
        assert self._process is not None
        return len(list(Path(f"/proc/{self._process.pid}/fd").iterdir()))


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hasty]:
    folder = tmp_path_factory.mktemp("hasty")
    server = Hasty(folder / "data")
    server.start()
    yield server
    server.kill()


@pytest.fixture(autouse=True)
def _others_are_served(hasty: Hasty) -> Iterator[None]:
    """Ask all the time that something else goes on, how long it takes; afterwards the log holds no traceback."""
    over, slowest, wrong = threading.Event(), [0.0], list[bytes]()

    def ask() -> None:
        while not over.is_set():
            started = time.monotonic()
            said = said_by(hasty, asked(hasty))
            slowest[0] = max(slowest[0], time.monotonic() - started)
            if status(said) != 200:
                wrong.append(said[:300])
            over.wait(0.05)

    other = threading.Thread(target=ask)
    other.start()
    yield
    over.set()
    other.join(20)
    assert wrong == []
    assert 0 < slowest[0] < 3
    assert "Traceback" not in hasty.log.read_text()


def query(server: Server, *more: tuple[str, str], **given: str) -> str:
    exports = server.exports
    pairs = {"command": "listZones", "apiKey": exports["CLOUDSTACK_KEY"], "response": "json", **given}
    return urlencode([*pairs.items(), ("signature", signed(pairs, exports["CLOUDSTACK_SECRET"])), *more])


def asked(server: Server, end: str = "Connection: close\r\n") -> bytes:
    return f"GET /client/api?{query(server)} HTTP/1.1\r\nHost: x\r\n{end}\r\n".encode()


def connected(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), 15)


def said_by(server: Server, sent: bytes, *, close: bool = False) -> bytes:
    """Send, and read until the server hangs up; ``close``: say that there is no more to come."""
    with connected(server) as connection:
        try:
            connection.sendall(sent)
            if close:
                connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it had heard enough; what it said is still there to be read
        return rest_of(connection)


def rest_of(connection: socket.socket) -> bytes:
    said = b""
    try:
        while part := connection.recv(65536):
            said += part
    except ConnectionResetError:
        pass
    return said


def first_of(connection: socket.socket) -> bytes:
    """Read one whole answer of a connection that stays."""
    said = b""
    while b"\r\n\r\n" not in said:
        part = connection.recv(65536)
        assert part, said
        said += part
    head, _, body = said.partition(b"\r\n\r\n")
    length = int(re.findall(rb"content-length: (\d+)", head)[0])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def status(said: bytes) -> int:
    assert said.startswith(b"HTTP/1.1 "), said[:200]
    return int(said[9:12])


def refusal(said: bytes) -> dict[str, object]:
    content: dict[str, object] = json.loads(said.partition(b"\r\n\r\n")[2])["errorresponse"]
    assert content["errorcode"] == status(said)
    assert content["errortext"]
    return content


def test_a_body_said_to_be_too_large_is_refused_before_it_is_sent(hasty: Hasty) -> None:
    with ExitStack() as stack:
        connections = [stack.enter_context(connected(hasty)) for _ in range(3)]
        started = time.monotonic()
        for connection, framing in zip(connections, (b"%d" % TEN_MB, b"%d\r\nExpect: 100-continue" % TEN_MB, b"9" * 20), strict=True):
            connection.sendall(POST + FORM + b"Content-Length: " + framing + b"\r\n\r\n")
        for connection in connections:
            assert refusal(first_of(connection))["errorcode"] == 413
        assert time.monotonic() - started < BODY
        for connection in connections:
            assert rest_of(connection) == b""  # whoever then neither sends nor hangs up is hung up on
        assert time.monotonic() - started < WHOLE + 3


@pytest.mark.parametrize("chunked", [False, True])
def test_ten_megabytes_are_refused_and_kept_nowhere(hasty: Hasty, chunked: bool) -> None:
    body = b"a" * TEN_MB
    framing = b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"Content-Length: %d\r\n\r\n" % TEN_MB
    sent = POST + FORM + framing + (b"%x\r\n%s\r\n0\r\n\r\n" % (TEN_MB, body) if chunked else body)
    with connected(hasty) as connection:
        connection.sendall(sent)
        assert refusal(first_of(connection))["errorcode"] == 413
    before = hasty.kilobytes("VmHWM")
    with ExitStack() as stack:
        for _ in range(8):
            connection = stack.enter_context(connected(hasty))
            connection.sendall(sent)
            assert refusal(first_of(connection))["errorcode"] == 413
            connection.sendall(asked(hasty, ""))  # what was refused is read to its end and thrown away: the connection goes on
            assert status(first_of(connection)) == 200
    assert hasty.kilobytes("VmHWM") - before < 8 * 3000


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/plain", "\xff\xfe", "a" * 5000, "", ";;;"])
def test_a_body_of_another_kind_is_refused(hasty: Hasty, kind: str) -> None:
    head = POST + b"Connection: close\r\nContent-Type: " + kind.encode("latin-1") + b"\r\nContent-Length: 5\r\n\r\n"
    assert refusal(said_by(hasty, head + b"{1:2}"))["errorcode"] == 415


HALVES = (
    b"",
    b"GET",
    b"GET /client/api?command=listZones",
    b"GET /client/api HTTP/1.1\r\nHost: x\r\n",
    POST + FORM + b"Content-Length: 100\r\n\r\ncommand=",
    POST + FORM + b"Transfer-Encoding: chunked\r\n\r\nff\r\ncommand=",
)


def test_half_a_request_is_told_so_in_time(hasty: Hasty) -> None:
    with ExitStack() as stack:
        connections = [stack.enter_context(connected(hasty)) for _ in HALVES]
        started = time.monotonic()
        for connection, sent in zip(connections, HALVES, strict=True):
            connection.sendall(sent)
        assert [status(rest_of(connection)) for connection in connections] == [408] * len(HALVES)
        assert time.monotonic() - started < WHOLE + 3


@pytest.mark.parametrize("sent", HALVES)
def test_whoever_goes_away_in_the_middle_is_not_waited_for(hasty: Hasty, sent: bytes) -> None:
    started = time.monotonic()
    said = said_by(hasty, sent, close=True)
    assert time.monotonic() - started < WHOLE
    assert said == b"" or status(said) in {400, 430}


def test_whoever_dribbles_is_hung_up_on(hasty: Hasty) -> None:
    """Slowloris: a byte now and then is no reason to wait longer; nor do many of them keep others out."""
    before = hasty.files()
    connections = [connected(hasty) for _ in range(100)]
    for connection in connections[::2]:
        connection.sendall(POST + FORM + b"Content-Length: 1000\r\n\r\n")
    end, alive = time.monotonic() + WHOLE + 3, set(connections)
    while alive and time.monotonic() < end:
        told = set(select.select(alive, [], [], 0.1)[0])
        for connection in list(alive):
            try:
                connection.send(b"a")
                if connection in told and not connection.recv(4096):
                    alive.discard(connection)
            except OSError:
                alive.discard(connection)
    assert not alive
    for connection in connections:
        connection.close()
    wait_until(lambda: hasty.files() < before + 20, "the server let go of the connections", seconds=5)


@pytest.mark.parametrize(
    "headers",
    [
        b"".join(b"X-%d: y\r\n" % number for number in range(20000)),
        b"X: " + b"y" * 1_000_000 + b"\r\n",
        b"Cookie: " + b"a=b;" * 100_000 + b"\r\n",
    ],
    ids=["many", "long", "cookies"],
)
def test_floods_of_headers_are_refused(hasty: Hasty, headers: bytes) -> None:
    said = said_by(hasty, b"GET /client/api HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n")
    assert said == b"" or status(said) == 400  # hung up on while it was still sending, it may not see the answer


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x00\x01\x02\x03\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        b"GET /client/api HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\nHost: x\r\n\r\nab",
        b"GET /client/api HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /client/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /client/api HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
        POST + FORM + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n",
        POST + FORM + b"Content-Length: 99999999\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n",
    ],
)
def test_what_is_no_http_is_refused_alone_and_behind_a_request(hasty: Hasty, nonsense: bytes) -> None:
    said = said_by(hasty, nonsense)
    assert status(said) in {400, 413, 501}
    said = said_by(hasty, asked(hasty, "") + nonsense)
    assert status(said) == 200
    assert re.search(rb"HTTP/1.1 (400|413|501) ", said)


def test_pipelined_requests_are_answered_in_their_order(hasty: Hasty) -> None:
    said = said_by(hasty, asked(hasty, "") * 20 + b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n" + asked(hasty))
    assert re.findall(rb"HTTP/1.1 (\d+) ", said) == [b"200"] * 20 + [b"404", b"200"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_are_not_for_here(hasty: Hasty, method: str) -> None:
    assert status(said_by(hasty, f"{method} /client/api HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())) == 405


@pytest.mark.parametrize("bad", ["name=%FF%FE", "name=%C3", "%80=1", "&".join(f"a{number}=1" for number in range(3000))])
def test_parameters_that_are_no_text_or_too_many_are_refused(hasty: Hasty, bad: str) -> None:
    lines = "Host: x\r\nConnection: close\r\n"
    assert refusal(said_by(hasty, f"GET /client/api?{bad} HTTP/1.1\r\n{lines}\r\n".encode()))["errorcode"] == 430
    posted = f"{FORM.decode()}Content-Length: {len(bad)}\r\n\r\n{bad}"
    assert refusal(said_by(hasty, f"POST /client/api HTTP/1.1\r\n{lines}{posted}".encode()))["errorcode"] == 430


def test_a_body_of_bytes_that_are_no_ascii_is_refused(hasty: Hasty) -> None:
    assert refusal(said_by(hasty, POST + FORM + b"Connection: close\r\nContent-Length: 4\r\n\r\n\xff\xfe\x00\x80"))["errorcode"] == 430


def test_of_a_parameter_given_twice_the_first_counts(hasty: Hasty) -> None:
    lines = "HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    twice = query(hasty, ("command", "listHosts"), ("apiKey", "another"), ("name", "unsigned"))
    said = said_by(hasty, f"GET /client/api?{twice} {lines}\r\n".encode())
    assert status(said) == 401  # a name that was not signed is not let in by a second one that was
    twice = query(hasty, ("command", "listHosts"), ("apiKey", "another"))
    said = said_by(hasty, f"GET /client/api?{twice} {lines}\r\n".encode())
    assert (status(said), said.endswith(b'{"listzonesresponse":{}}')) == (200, True)
    body = urlencode({"command": "listHosts"})
    head = f"POST /client/api?{query(hasty)} {lines}{FORM.decode()}Content-Length: {len(body)}\r\n\r\n{body}"
    assert said_by(hasty, head.encode()).endswith(b'{"listzonesresponse":{}}')
