"""What is wrong with a host's own network: each fault by exactly its codes until it is cured, and what other hosts see of it below it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scenarios.clouds import Cloud, running
from tests.scenarios.diagnoses import below, everywhere, on
from tests.waiting import wait_until
from vxloom.lab import faults


@pytest.fixture(scope="module")
def cloud(lab_directory: object) -> Iterator[Cloud]:
    with running(3) as made:
        made.guests(made.network(), "h1", "h2", "h3")
        yield made


@pytest.fixture(autouse=True)
def cured(cloud: Cloud) -> Iterator[None]:
    """After each fault and its cure nothing is found any more."""
    yield
    faults.heal(cloud.lab)
    wait_until(lambda: all(map(cloud.connected, cloud.hosts)), "all agents have a stream again")
    assert everywhere(cloud, paths="true") == set()


def test_a_firewall_on_the_host_is_named_and_explains_the_closed_way(cloud: Cloud) -> None:
    faults.cause(cloud.lab, "wall", "h2", "4789")
    assert below(cloud, paths="true") == {("h2", "firewall-closed"): ["path-closed"]}


def test_a_route_that_is_missing_explains_its_own_way(cloud: Cloud) -> None:
    faults.cause(cloud.lab, "no-route", "h2", "h3")
    assert below(cloud, paths="true") == {("h2", "route-missing"): ["path-closed"]}


def test_an_address_that_is_gone_explains_what_other_hosts_see(cloud: Cloud) -> None:
    faults.cause(cloud.lab, "vtep-moved", "h2")
    restart(cloud, "h2")  # its stream came from that address
    assert below(cloud, paths="true") == {("h2", "vtep-address-gone"): ["path-closed", "route-source"]}
    faults.heal(cloud.lab)
    restart(cloud, "h2")


def restart(cloud: Cloud, host: str) -> None:
    """The agent has a stream at once from whatever address the host has now; by itself it takes as long as silence on a stream lasts."""
    cloud.lab.restart(host, "agent")
    wait_until(lambda: cloud.connected(host), f"{host} has a stream")


def test_a_host_that_has_the_address_of_another(cloud: Cloud) -> None:
    faults.cause(cloud.lab, "vtep-twin", "h3", "h2")
    assert below(cloud, paths="true") == {("h3", "vtep-duplicate"): ["path-closed", "route-source"]}


def test_somebody_on_the_link_who_answers_for_the_address_of_a_host(cloud: Cloud) -> None:
    faults.cause(cloud.lab, "vtep-stolen", "h2")
    assert on(cloud, "h2").keys() == {"vtep-duplicate"}


def test_a_way_back_by_another_card_is_told_of(cloud: Cloud) -> None:
    faults.cause(cloud.lab, "asymmetric", "h2", "h3")
    assert below(cloud, paths="true") == {("h2", "route-asymmetric"): []}


def test_what_rp_filter_drops_is_found_once_it_drops(cloud: Cloud) -> None:
    faults.cause(cloud.lab, "rp-filter", "h2", "h3")
    assert below(cloud, paths="true") == {("h2", "rp-filter-drops"): ["path-closed", "route-asymmetric"]}


def test_two_faults_of_two_hosts(cloud: Cloud) -> None:
    faults.cause(cloud.lab, "wall", "h1", "4789")
    faults.cause(cloud.lab, "hole", "h3", "1437")
    assert everywhere(cloud, paths="true") == {("h1", "firewall-closed"), ("h2", "path-mtu-hole")}


def test_two_faults_of_one_host(cloud: Cloud) -> None:
    faults.cause(cloud.lab, "no-route", "h2", "h3")
    faults.cause(cloud.lab, "one-way", "h1", "h2")
    assert everywhere(cloud, paths="true") == {("h2", "route-missing"), ("h1", "path-closed")}
