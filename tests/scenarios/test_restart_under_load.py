"""Agents and server killed again and again while guests talk and the cloud changes: nothing is lost, nothing is left."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from typing import Self

import pytest

from tests.scenarios.clouds import Cloud, Guest, Network, ours, running, stream
from tests.waiting import wait_until
from vxloom.errors import VxloomError
from vxloom.lab import topology
from vxloom.lab.demo.probes import leftovers
from vxloom.lab.services import AGENT, SERVER, await_server

ROUNDS = 3
HELD = "/var/lib/vxloom/agent/held.bin"


@pytest.fixture(scope="module")
def cloud(lab_directory: object) -> Iterator[Cloud]:
    with running(3) as made:
        made.call("updateConfiguration", name="vxloom.job.deadline", value="10")
        yield made


class Churn:
    """Networks and guests that come and go in a thread of their own; refusals while the server is dead are part of it."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._over = threading.Event()
        self._random = random.Random(7)
        self._thread = threading.Thread(target=self._run)
        self.made = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join(60)

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                network = self._cloud.network()
                for number in range(2):
                    self._cloud.deploy(network, self._random.choice(["h1", "h2", "h3"]), f"10.1.1.{20 + number}")
                    self.made += 1
            except (VxloomError, OSError):
                self._over.wait(0.05)


def test_kills_under_load_lose_no_packet_and_leave_nothing(cloud: Cloud) -> None:
    lasting = cloud.network()
    guests = cloud.guests(lasting, "h1", "h2", "h3")
    streams = [stream(a.place, b.ip, 0.01) for a, b in zip(guests, [*guests[1:], guests[0]], strict=True)]
    with Churn(cloud) as churn:
        for number in range(ROUNDS):
            victim = f"h{number % 3 + 1}"
            wait_until(lambda number=number: churn.made > 2 * number, "things are going on", seconds=20)
            cloud.lab.kill(victim, AGENT)
            if number != 1:
                cloud.lab.kill(topology.MANAGEMENT, SERVER)
                cloud.lab.restart(topology.MANAGEMENT, SERVER)
            cloud.lab.restart(victim, AGENT)
            await_server(cloud.lab)
    cloud.await_hosts()
    _destroy_others(cloud, guests, lasting)
    wait_until(cloud.in_step, "every host is as it should be", seconds=10)
    results = [each.end() for each in streams]
    assert [result.lost for result in results] == [0, 0, 0], results
    assert not [text for text in cloud.alerts() if "holding" in text]
    cloud.destroy(*guests)
    cloud.call("deleteNetwork", id=lasting.id)
    wait_until(lambda: not leftovers(cloud.lab), "nothing is left", seconds=10)


def _destroy_others(cloud: Cloud, guests: list[Guest], lasting: Network) -> None:
    """Delete what the churn made: also what a kill left half made."""
    keep = {guest.id for guest in guests}
    for vm in cloud.objects("listVirtualMachines", "virtualmachine"):
        if vm["id"] not in keep:
            cloud.call("destroyVirtualMachine", id=vm["id"], expunge="true")
    for network in cloud.objects("listNetworks", "network"):
        if network["id"] != lasting.id:
            cloud.call("deleteNetwork", id=network["id"])


def test_an_agent_with_a_torn_state_file_starts_says_so_and_withdraws_nothing(cloud: Cloud) -> None:
    made = cloud.network()
    one, two = cloud.guests(made, "h1", "h2")
    node = one.node
    before = ours(node)
    flow = stream(one.place, two.ip, 0.01)
    cloud.lab.kill(topology.MANAGEMENT, SERVER)  # nobody can tell the agent what it has forgotten
    cloud.lab.kill("h1", AGENT)
    node.run(["truncate", "-s", "40", HELD])
    cloud.lab.log_path("h1", AGENT).write_text("", encoding="utf-8")
    cloud.lab.restart("h1", AGENT)
    wait_until(lambda: "torn" in cloud.lab.log_path("h1", AGENT).read_text(encoding="utf-8"), "it says so")
    assert ours(node) == before
    cloud.lab.restart(topology.MANAGEMENT, SERVER)
    await_server(cloud.lab)
    wait_until(lambda: [*cloud.alerts("torn"), *cloud.alerts("torn", resolved=True)], "and the operator is told")
    cloud.await_hosts()
    assert ours(node) == before
    wait_until(cloud.in_step, "the server's word covers what is there: nothing waits for a person", seconds=10)
    wait_until(lambda: not cloud.alerts("torn"), "the alert is over", seconds=8)
    result = flow.end()
    assert result.lost == 0, result
    assert "held.torn" in node.run(["ls", "/var/lib/vxloom/agent"]).stdout, "the torn file is set aside, for whoever wants to know"
    cloud.destroy(one, two)
    cloud.call("deleteNetwork", id=made.id)
