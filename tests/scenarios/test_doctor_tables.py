"""What is wrong with a host's devices and tables: each fault by exactly its codes until it is cured; two at once by both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scenarios.clouds import Cloud, Guest, Network, running
from tests.scenarios.diagnoses import below, everywhere, on
from tests.waiting import wait_until
from vxloom.lab import faults


@pytest.fixture(scope="module")
def cloud(lab_directory: object) -> Iterator[Cloud]:
    with running(3) as made:
        yield made


@pytest.fixture(scope="module")
def network(cloud: Cloud) -> Network:
    return cloud.network()


@pytest.fixture(scope="module")
def guests(cloud: Cloud, network: Network) -> list[Guest]:
    return cloud.guests(network, "h1", "h2", "h3")


@pytest.fixture(scope="module")
def vni(cloud: Cloud, network: Network, guests: list[Guest]) -> str:
    return str(cloud.settled(network).vni)


@pytest.fixture(autouse=True)
def cured(cloud: Cloud, guests: list[Guest]) -> Iterator[None]:
    """After each fault and its cure nothing is found any more."""
    yield
    faults.heal(cloud.lab)
    wait_until(lambda: all(map(cloud.connected, cloud.hosts)) and cloud.in_step(), "all agents have repaired what was broken")
    assert everywhere(cloud) == set()


def broken(cloud: Cloud, host: str, *words: str) -> dict[str, list[str]]:
    """What is found on a host whose agent does not repair a fault."""
    faults.cause(cloud.lab, "freeze-agent", host)
    faults.cause(cloud.lab, words[0], host, *words[1:])
    return on(cloud, host)


def test_a_row_that_is_gone(cloud: Cloud, guests: list[Guest]) -> None:
    assert broken(cloud, "h2", "fdb-del", guests[0].mac) == {"agent-frozen": ["fdb-missing"]}


def test_a_row_that_leads_to_the_wrong_host(cloud: Cloud, guests: list[Guest]) -> None:
    assert broken(cloud, "h2", "fdb-wrong", guests[0].mac, "h3") == {"agent-frozen": ["fdb-wrong-vtep"]}
    assert not guests[1].ping(guests[0].ip, count=1, wait=0.2)


def test_a_row_that_a_learned_one_hides(cloud: Cloud, guests: list[Guest]) -> None:
    assert broken(cloud, "h2", "fdb-mask", guests[0].mac) == {"agent-frozen": ["fdb-masked", "fdb-missing", "tap-changed"]}
    assert not guests[1].ping(guests[0].ip, count=1, wait=0.2)


def test_a_device_that_learns(cloud: Cloud, vni: str) -> None:
    assert broken(cloud, "h2", "learning", vni) == {"agent-frozen": ["learning-on"]}


def test_a_device_that_does_not_answer_for_addresses(cloud: Cloud, vni: str) -> None:
    assert broken(cloud, "h2", "suppression-off", vni) == {"agent-frozen": ["suppression-off"]}


def test_filters_that_are_flushed(cloud: Cloud, guests: list[Guest]) -> None:
    assert broken(cloud, "h2", "filters-flush") == {"agent-frozen": ["filters-changed"]}


def test_a_list_of_senders_that_is_flushed(cloud: Cloud, guests: list[Guest]) -> None:
    assert broken(cloud, "h2", "allow-flush") == {"agent-frozen": ["allow-list-changed"]}
    assert not guests[0].ping(guests[1].ip, count=1, wait=0.2)


def test_a_device_that_is_gone(cloud: Cloud, vni: str) -> None:
    found = broken(cloud, "h2", "device-del", vni)
    assert found == {"agent-frozen": ["device-missing", "fdb-missing", "flood-missing"]}


def test_a_device_of_another_vni(cloud: Cloud, vni: str) -> None:
    faults.cause(cloud.lab, "wrong-vni", "h2", vni, "9999")
    found = below(cloud)
    assert found.keys() == {("h2", "vni-mismatch")}
    assert found["h2", "vni-mismatch"] == ["device-missing", "fdb-missing", "flood-missing", "foreign-name", "foreign-port"]


def test_a_device_of_another_port(cloud: Cloud, vni: str) -> None:
    faults.cause(cloud.lab, "wrong-port", "h2", vni, "8472")
    found = below(cloud)
    assert found.keys() == {("h2", "wrong-port")}
    assert found["h2", "wrong-port"] == ["device-missing", "fdb-missing", "flood-missing", "foreign-name", "foreign-port"]


def test_a_stranger_on_a_bridge(cloud: Cloud, vni: str) -> None:
    faults.cause(cloud.lab, "foreign-port", "h2", vni)
    assert below(cloud) == {("h2", "foreign-port"): []}


@pytest.mark.parametrize("place", [0, 1], ids=["of another host", "of the same host"])
def test_a_stranger_that_has_the_mac_of_a_machine(cloud: Cloud, guests: list[Guest], place: int) -> None:
    faults.cause(cloud.lab, "mac-claim", "h2", guests[place].mac)
    assert below(cloud) == {("h2", "mac-duplicate"): ["foreign-port"]}


def test_two_faults_on_two_hosts(cloud: Cloud, guests: list[Guest], vni: str) -> None:
    faults.cause(cloud.lab, "wrong-port", "h1", vni, "8472")
    faults.cause(cloud.lab, "foreign-port", "h3", vni)
    assert everywhere(cloud) == {("h1", "wrong-port"), ("h3", "foreign-port")}


def test_two_rows_of_two_frozen_hosts(cloud: Cloud, guests: list[Guest], vni: str) -> None:
    assert broken(cloud, "h1", "fdb-del", guests[1].mac) == {"agent-frozen": ["fdb-missing"]}
    assert broken(cloud, "h3", "learning", vni) == {"agent-frozen": ["learning-on"]}


def test_a_frozen_agent_and_a_closed_way(cloud: Cloud, guests: list[Guest]) -> None:
    faults.cause(cloud.lab, "kill-agent", "h3")
    faults.cause(cloud.lab, "hole", "h2", "1437")
    wait_until(lambda: not cloud.connected("h3"), "the server knows that it is away")
    assert everywhere(cloud, paths="true") == {("h3", "host-away"), ("h1", "path-mtu-hole")}
