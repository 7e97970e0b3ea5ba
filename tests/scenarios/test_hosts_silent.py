"""Law 9 with real hosts: jobs end, silent hosts are named, what was asked is kept and done when they are back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import cast

import pytest

from tests.scenarios.clouds import Cloud, Guest, Network, running
from tests.waiting import wait_until
from vxloom.errors import RequestError
from vxloom.lab import faults, topology
from vxloom.lab.cloud import Object
from vxloom.lab.services import SERVER, await_server

DEADLINE = 1.5
BACK_SECONDS = 10.0


@pytest.fixture(scope="module")
def cloud(lab_directory: object) -> Iterator[Cloud]:
    with running(3) as made:
        made.call("updateConfiguration", name="vxloom.job.deadline", value=str(DEADLINE))
        made.call("updateConfiguration", name="vxloom.host.timeout", value="3")
        made.lab.restart(topology.MANAGEMENT, SERVER)  # the time-out is read when the server starts
        await_server(made.lab)
        made.await_hosts()
        yield made


@pytest.fixture(scope="module")
def segment(cloud: Cloud) -> tuple[Network, Guest, Guest]:
    """A network with a guest on h1 and one on h2."""
    made = cloud.network()
    one, two = cloud.guests(made, "h1", "h2")
    return cloud.settled(made), one, two


def test_a_silent_peer_is_named_a_silent_host_fails_its_job_and_both_catch_up(cloud: Cloud, segment: tuple[Network, Guest, Guest]) -> None:
    network, one, two = segment
    faults.cause(cloud.lab, "mgmt-cut", "h2")
    began = time.monotonic()
    on_it = cloud.ask_for_guest(network, "h2", "10.1.1.15")
    beside = cloud.ask_for_guest(network, "h3", "10.1.1.13")
    refused = wait_until(lambda: cloud.ended(on_it), "the job on h2 ends", seconds=DEADLINE + 2)
    done = wait_until(lambda: cloud.ended(beside), "the job on h3 ends", seconds=DEADLINE + 2)
    assert DEADLINE <= time.monotonic() - began < DEADLINE + 2, "nobody is given up early, or waited for longer"
    assert (done["jobstatus"], _machine(done)["state"], _machine(done)["pendinghosts"]) == (1, "Running", ["h2"])
    assert (refused["jobstatus"], "no acknowledgement from host h2" in str(refused["jobresult"])) == (2, True)
    wait_until(lambda: cloud.alerts("h2"), "an alert names the silent host")
    failed = cloud.one("listVirtualMachines", "virtualmachine", id=on_it["id"])
    assert (failed["state"], failed["hostname"]) == ("Error", "h2"), "what was asked is kept, and marked"
    assert cloud.alerts(str(failed["name"])), "and somebody is told"

    cloud.call("updateConfiguration", name="vxloom.job.peers.required", value="true")
    with pytest.raises(RequestError, match="h2"):
        cloud.deploy(network, "h1", "10.1.1.14")
    cloud.call("updateConfiguration", name="vxloom.job.peers.required", value="false")
    wait_until(lambda: not cloud.connected("h2"), "the server gives h2 up")
    with pytest.raises(RequestError, match="h2 is not connected"):
        cloud.deploy(network, "h2", "10.1.1.16")
    assert two.ping(one.ip), "who was there goes on"

    faults.heal(cloud.lab)
    wait_until(lambda: two.ping("10.1.1.13", count=1, wait=0.2), "h2 has caught up: it knows its new peer", seconds=BACK_SECONDS)
    name = f"{failed['name']}.{str(failed['id'])[:8]}"
    wait_until(lambda: name in cloud.lab.node("h2").guests(), "and what it was to have is there, for somebody to start")
    wait_until(lambda: not cloud.alerts("h2"), "the alerts about h2 are over", seconds=3)
    assert cloud.in_step()
    cloud.call("startVirtualMachine", id=failed["id"])
    assert cloud.state(str(failed["id"])) == "Running"
    assert one.ping("10.1.1.15")
    assert not cloud.alerts(str(failed["name"])), "and nobody is told any more"


def test_a_job_goes_on_where_a_killed_server_left_it(cloud: Cloud, segment: tuple[Network, Guest, Guest]) -> None:
    network, one, _ = segment
    faults.cause(cloud.lab, "mgmt-cut", "h3")
    given = cloud.ask_for_guest(network, "h3", "10.1.1.21")
    faults.cause(cloud.lab, "kill-server")
    cloud.lab.restart(topology.MANAGEMENT, SERVER)
    await_server(cloud.lab)
    ended = wait_until(lambda: cloud.ended(given), "the job ends", seconds=DEADLINE + 8)
    assert (ended["jobstatus"], cloud.state(str(given["id"]))) == (2, "Error"), ended
    faults.heal(cloud.lab)
    wait_until(lambda: cloud.connected("h3"), "h3 is back", seconds=BACK_SECONDS)
    cloud.call("startVirtualMachine", id=given["id"])
    assert one.ping("10.1.1.21")

    given = cloud.ask_for_guest(network, "h2", "10.1.1.22")
    faults.cause(cloud.lab, "kill-server")
    cloud.lab.restart(topology.MANAGEMENT, SERVER)
    await_server(cloud.lab)
    ended = wait_until(lambda: cloud.ended(given), "the job ends", seconds=DEADLINE + 8)
    assert (ended["jobstatus"], cloud.state(str(given["id"]))) == (1, "Running"), ended
    assert one.ping("10.1.1.22")


def _machine(job: Object) -> Object:
    return cast("dict[str, Object]", job["jobresult"])["virtualmachine"]
