"""From an API call until its job says that all hosts concerned have read their kernel back: a lab of three hypervisors, one at a time.

Jobs: each guest is deployed, moved to another host, and destroyed for good. Guests are namespaces, and an agent makes one with ``ip``
before it acknowledges: a good part of a deployment's time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import cast

from benchmarks.measure import Bench, percentile
from benchmarks.rows import Row, row
from vxloom.cli.client import Client
from vxloom.lab import Lab, cloud

POLL = 0.003
PATIENCE = 60.0
HYPERVISORS = 3


def run(bench: Bench) -> Iterator[Row]:
    guests = bench.size(30, 4)
    with Lab(HYPERVISORS, progress=lambda text, _: bench.say(text)) as lab:
        bench.say("starting the server")
        lab.start_server()
        api = cloud.client(lab)
        zone = cloud.make_zone(api)
        bench.say("joining the hosts")
        cloud.join_hosts(lab, api, zone)
        network = cloud.make_network(api, "bench", zone, gateway="10.1.1.1", netmask="255.255.255.0")
        os.environ.update(lab.environment())
        jobs = Jobs(zone, str(network["id"]), guests, bench)
        seconds = jobs.run()
    for percent in (50, 99):
        yield row(f"api-p{percent}", f"ms, call to acknowledged, {len(seconds)} jobs", percentile(seconds, percent) * 1000)


class Jobs:
    """One network's guests come, move and go."""

    def __init__(self, zone: str, network: str, guests: int, bench: Bench) -> None:
        self._client = Client()
        self._bench = bench
        self._guests = guests
        size = self._client.rows("listServiceOfferings", "serviceoffering")[0]["id"]
        template = self._client.rows("listTemplates", "template", templatefilter="executable", zoneid=zone)[0]["id"]
        self._common = {"zoneid": zone, "networkids": network, "serviceofferingid": str(size), "templateid": str(template)}
        self._hosts = [str(host["id"]) for host in self._client.rows("listHosts", "host", type="Routing")]

    def run(self) -> list[float]:
        """Return each job's seconds."""
        by_command: dict[str, list[float]] = {}
        machines: list[str] = []
        for number in range(self._guests):
            here = self._hosts[number % len(self._hosts)]
            seconds, result = self._timed("deployVirtualMachine", name=f"vm{number}", hostid=here, **self._common)
            by_command.setdefault("deploy", []).append(seconds)
            machines.append(str(cast("dict[str, object]", result["virtualmachine"])["id"]))
            self._tell(by_command)
        for number, machine in enumerate(machines):
            there = self._hosts[(number + 1) % len(self._hosts)]
            by_command.setdefault("move", []).append(self._timed("migrateVirtualMachine", virtualmachineid=machine, hostid=there)[0])
            self._tell(by_command)
        for machine in machines:
            by_command.setdefault("destroy", []).append(self._timed("destroyVirtualMachine", id=machine, expunge="true")[0])
            self._tell(by_command)
        return [each for found in by_command.values() for each in found]

    def _tell(self, by_command: dict[str, list[float]]) -> None:
        medians = ", ".join(f"{len(found)} × {command} {percentile(found, 50) * 1000:.0f}" for command, found in by_command.items())
        self._bench.say(f"median ms: {medians}")

    def _timed(self, command: str, **parameters: str) -> tuple[float, dict[str, object]]:
        """Call and ask for the job's result until it is there; raises ``RuntimeError`` unless the job succeeded."""
        start = time.perf_counter()
        job = str(self._client.call(command, **parameters)["jobid"])
        while time.perf_counter() < start + PATIENCE:
            answer = self._client.call("queryAsyncJobResult", jobid=job)
            if answer.get("jobstatus"):
                seconds = time.perf_counter() - start
                if answer["jobstatus"] != 1:
                    raise RuntimeError(f"{command} failed: {answer}")
                return seconds, cast("dict[str, object]", answer["jobresult"])
            time.sleep(POLL)
        raise TimeoutError(f"{command}: no end after {PATIENCE:g} s")
