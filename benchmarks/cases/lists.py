"""The API at the size of a large cloud: 100,000 machines and 10,000 networks in SQLite, a real server process, signed requests over HTTP.

Every kind of list is asked for pages of 20, spread over the whole list, filtered and not; a client that keeps its connection waits for
each answer. The rates are those of four clients at once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import itertools
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

from benchmarks.case import SCRATCH
from benchmarks.measure import Bench, percentile
from benchmarks.population import Population, populate
from benchmarks.rows import Bound, Row, row

PORT, AGENTS = 8080, 8250
PAGE, LARGE = 20, 500
CLIENTS = 4
P99 = 50.0
"""Milliseconds promised for a page of 20."""
Question = Callable[[random.Random], Mapping[str, object]]


def run(bench: Bench) -> Iterator[Row]:
    data = Path(SCRATCH, "server")
    bench.say("writing the cloud")
    cloud = populate(data, bench.size(100_000, 2_000), bench.size(10_000, 200), bench.say)
    with serving(data) as server:
        keys = dict(re.findall(r"CLOUDSTACK_(\w+)=(\S+)", (data / "admin.env").read_text()))
        if bench.wants("lists-p50", "lists-p99"):
            times = _lists(bench, keys, cloud)
            unit = f"ms, a page of {PAGE}, {cloud.machines:,} machines"
            yield row("lists-p50", unit, percentile(times, 50))
            yield row("lists-p99", unit, percentile(times, 99), bound=Bound("value", "<=", P99))
        if bench.wants("lists-rate"):
            ask = {"listall": "true", "pagesize": LARGE}
            last = cloud.machines // LARGE
            rate = _rate(bench, keys, lambda dice: {"command": "listVirtualMachines", "page": dice.randint(1, last), **ask})
            yield row("lists-rate", f"pages of {LARGE} machines/s, {CLIENTS} clients", rate)
        if bench.wants("create-network-rate"):
            number = itertools.count()
            common = {"command": "createNetwork", "zoneid": cloud.zone, "networkofferingid": cloud.offering}
            rate = _rate(bench, keys, lambda _: {"name": f"more-{next(number)}", **common})
            yield row("create-network-rate", f"createNetwork/s, {CLIENTS} clients", rate)
        yield row("server-memory", f"MiB, {cloud.machines:,} machines", _resident(server.pid) / 2**20)


class Api:
    """A client on one kept connection."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._keys = keys
        self._http = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)

    def ask(self, question: Mapping[str, object]) -> dict[str, object]:
        """Return an answer's content. Raises ``RuntimeError`` for a refusal."""
        fields = {"apiKey": self._keys["KEY"], "response": "json"} | {name: str(value) for name, value in question.items()}
        text = "&".join(f"{name}={quote(fields[name], safe='*')}" for name in sorted(fields)).lower()
        signature = base64.b64encode(hmac.digest(self._keys["SECRET"].encode(), text.encode(), hashlib.sha1)).decode()
        self._http.request("GET", f"/client/api?{urlencode(fields | {'signature': signature})}")
        answer = self._http.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{question}: {body[:300]!r}")
        return dict(next(iter(json.loads(body).values())))


def questions(cloud: Population) -> dict[str, Question]:
    """Return the lists that are asked for, each with filters drawn by chance."""
    vms = {"command": "listVirtualMachines", "listall": "true"}
    nets = {"command": "listNetworks", "listall": "true"}

    def page(dice: random.Random, count: int) -> dict[str, object]:
        return {"page": dice.randint(1, max(1, count // PAGE)), "pagesize": PAGE}

    def whose(dice: random.Random) -> dict[str, object]:
        return {"account": dice.choice(cloud.accounts), "domainid": cloud.domain, "page": 1, "pagesize": PAGE}

    first = {"page": 1, "pagesize": PAGE}
    return {
        "machines": lambda dice: vms | page(dice, cloud.machines),
        "machines of a zone": lambda dice: vms | {"zoneid": cloud.zone} | page(dice, cloud.machines),
        "machines that run": lambda dice: vms | {"state": "Running"} | page(dice, cloud.machines),
        "machines of an account": lambda dice: vms | whose(dice),
        "machines by name": lambda dice: vms | first | {"name": f"VM-{dice.randrange(cloud.machines)}"},
        "machines by keyword": lambda dice: vms | first | {"keyword": f"m-{dice.randrange(cloud.machines)}"},
        "machines of a network": lambda dice: vms | first | {"networkid": dice.choice(cloud.networks)},
        "networks": lambda dice: nets | page(dice, len(cloud.networks)),
        "networks of an account": lambda dice: nets | whose(dice),
        "networks by keyword": lambda dice: nets | first | {"keyword": f"k-{dice.randrange(len(cloud.networks))}"},
        "VNIs in use": lambda dice: (
            {"command": "listGuestVlans", "allocatedonly": "true", "zoneid": cloud.zone} | page(dice, len(cloud.networks))
        ),
        "hosts": lambda dice: {"command": "listHosts", "type": "Routing"} | page(dice, 1000),
    }


def _lists(bench: Bench, keys: Mapping[str, str], cloud: Population) -> list[float]:
    """Return milliseconds of every request; the first of each kind warms caches and does not count."""
    api, dice = Api(keys), random.Random(1)
    times: list[float] = []
    for name, question in questions(cloud).items():
        api.ask(question(dice))
        mine: list[float] = []
        for _ in range(bench.size(100, 10)):
            asked = question(dice)
            start = time.perf_counter()
            answer = api.ask(asked)
            mine.append((time.perf_counter() - start) * 1000)
            if not answer.get("count"):
                raise RuntimeError(f"{asked} found nothing")
        bench.say(f"{name}: median {percentile(mine, 50):.1f} ms, P99 {percentile(mine, 99):.1f} ms")
        times += mine
    return times


def _rate(bench: Bench, keys: Mapping[str, str], question: Question) -> float:
    """Return answers per second of several clients at once."""
    each = bench.size(50, 5)

    def work(seed: int) -> None:
        api, dice = Api(keys), random.Random(seed)
        for _ in range(each):
            api.ask(question(dice))

    start = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(work, range(CLIENTS)))
    return CLIENTS * each / (time.perf_counter() - start)


@contextmanager
def serving(data: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server process on the case's own loopback."""
    command = [str(Path(sys.executable).parent / "vxloom"), "server", "--data", str(data)]
    command += ["--listen", f"127.0.0.1:{PORT}", "--agent-listen", f"127.0.0.1:{AGENTS}"]
    with (data.parent / "server.log").open("wb") as log:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _await_keys(data / "admin.env", server)
        yield server
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def _await_keys(file: Path, server: subprocess.Popen[bytes]) -> None:
    """The server listens before it has opened its store, and writes its keys when it has."""
    deadline = time.monotonic() + 60
    while not file.exists():
        if time.monotonic() > deadline or server.poll() is not None:
            raise RuntimeError("the server does not start; its log is in the case's /run")
        time.sleep(0.05)


def _resident(pid: int) -> int:
    """Return a process's resident memory in bytes (proc(5), statm)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
