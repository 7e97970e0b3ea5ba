"""Law 9: jobs end. Through a restart, without a host's word, without a peer's."""

from __future__ import annotations

import pytest
from cs import CloudStack, CloudStackException

from tests.api.world import Hosts, Server, make_zone, offering, result, sizes
from tests.waiting import wait_until

DEADLINE = "2"


@pytest.fixture(scope="module")
def zone(api: CloudStack, hosts: Hosts) -> str:
    zone = make_zone(api)
    for name in ("h1", "h2"):
        hosts.join(api, zone, name)
    return zone


@pytest.fixture
def network(api: CloudStack, zone: str) -> str:
    return str(api.createNetwork(name="n", zoneid=zone, networkofferingid=offering(api, "Isolated"))["network"]["id"])


def deploy(api: CloudStack, zone: str, network: str, host: str, name: str = "") -> dict[str, str]:
    """Begin a deployment; return the ids of machine and job."""
    named = {"name": name} if name else {}
    return api.deployVirtualMachine(zoneid=zone, networkids=network, hostid=host, **named, **sizes(api))


def ended(api: CloudStack, job: str) -> dict[str, object]:
    def done() -> dict[str, object] | None:
        answer = api.queryAsyncJobResult(jobid=job)
        return answer if answer["jobstatus"] else None

    return wait_until(done, f"job {job} ends", seconds=20)  # type: ignore[return-value]


def test_a_job_begun_before_a_crash_ends_after_it(server: Server, api: CloudStack, hosts: Hosts, zone: str, network: str) -> None:
    hosts.say("h1", mute=True)
    begun = deploy(api, zone, network, hosts.agents["h1"].host)
    assert api.queryAsyncJobResult(jobid=begun["jobid"])["pendinghosts"] == ["h1"]
    server.kill()
    server.start()
    assert api.queryAsyncJobResult(jobid=begun["jobid"])["jobstatus"] == 0
    wait_until(lambda: hosts.agents["h1"].stream.connected, "h1 is back", seconds=15)
    hosts.say("h1", mute=False)
    job = ended(api, begun["jobid"])
    assert (job["jobstatus"], job["jobresult"]["virtualmachine"]["state"]) == (1, "Running")  # type: ignore[index]
    # and it is still there for whoever asks later
    assert api.queryAsyncJobResult(jobid=begun["jobid"])["jobstatus"] == 1


def test_a_host_that_says_nothing_fails_its_job_at_the_deadline(api: CloudStack, hosts: Hosts, zone: str, network: str) -> None:
    api.updateConfiguration(name="vxloom.job.deadline", value=DEADLINE)
    hosts.say("h1", mute=True)
    begun = deploy(api, zone, network, hosts.agents["h1"].host)
    job = ended(api, begun["jobid"])
    assert (job["jobstatus"], job["jobresultcode"]) == (2, 530)
    assert "h1" in job["jobresult"]["errortext"]  # type: ignore[index]
    assert api.listVirtualMachines(id=begun["id"])["virtualmachine"][0]["state"] == "Error"
    assert [alert["name"] for alert in api.listAlerts(name="vm.error")["alert"]] == ["vm.error"]
    hosts.say("h1", mute=False)
    assert result(api, "startVirtualMachine", id=begun["id"])["virtualmachine"]["state"] == "Running"
    assert api.listAlerts(name="vm.error") == {}


def test_the_client_is_told_of_a_failed_job(api: CloudStack, hosts: Hosts, zone: str, network: str) -> None:
    api.updateConfiguration(name="vxloom.job.deadline", value=DEADLINE)
    hosts.say("h2", mute=True)
    with pytest.raises(CloudStackException) as refused:
        result(api, "deployVirtualMachine", zoneid=zone, networkids=network, hostid=hosts.agents["h2"].host, **sizes(api))
    assert "no acknowledgement from host h2" in str(refused.value)
    hosts.say("h2", mute=False)


def test_peers_that_are_down_or_silent_are_named(api: CloudStack, hosts: Hosts, zone: str, network: str) -> None:
    api.updateConfiguration(name="vxloom.job.deadline", value=DEADLINE)
    h1, h2 = hosts.agents["h1"].host, hosts.agents["h2"].host
    assert ended(api, deploy(api, zone, network, h1)["jobid"])["jobstatus"] == 1
    hosts.say("h1", mute=True)
    silent = ended(api, deploy(api, zone, network, h2)["jobid"])
    assert silent["jobresult"]["virtualmachine"]["pendinghosts"] == ["h1"]  # type: ignore[index]
    hosts.disconnect("h1")
    down = ended(api, deploy(api, zone, network, h2)["jobid"])
    assert (down["jobstatus"], down["jobresult"]["virtualmachine"]["pendinghosts"]) == (1, ["h1"])  # type: ignore[index]
    hosts.connect("h1")
    hosts.say("h1", mute=False)
    wait_until(lambda: hosts.state(api, "h1") == "Up", "h1 is back", seconds=15)


def test_a_server_told_to_stop_ends_at_once_and_cleanly(server: Server, api: CloudStack, hosts: Hosts, zone: str) -> None:
    assert server.stop() == 0
    server.start()
    wait_until(lambda: all(agent.stream.connected for agent in hosts.agents.values()), "all hosts are back", seconds=20)
    assert api.listZones(id=zone)["count"] == 1
