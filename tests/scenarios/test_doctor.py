"""The doctor on a lab: nothing on a cloud that is well, and each fault by its code while it lasts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scenarios.clouds import Cloud, Guest, running
from tests.scenarios.diagnoses import everywhere, on, ways
from tests.waiting import wait_until
from vxloom.lab import faults


@pytest.fixture(scope="module")
def cloud(lab_directory: object) -> Iterator[Cloud]:
    with running(3) as made:
        yield made


@pytest.fixture(scope="module")
def guests(cloud: Cloud) -> list[Guest]:
    """A network with a guest on each host."""
    return cloud.guests(cloud.network(), "h1", "h2", "h3")


def test_nothing_is_found_on_a_cloud_that_is_well(cloud: Cloud, guests: list[Guest]) -> None:
    for _ in range(5):
        assert everywhere(cloud) == set()
    assert on(cloud, "h1") == {}


def test_what_an_agent_does_not_repair_is_found_while_it_lasts(cloud: Cloud, guests: list[Guest]) -> None:
    faults.cause(cloud.lab, "mtu", "h1", "1400")
    assert everywhere(cloud) == {("h1", "underlay-mtu-low")}
    faults.heal(cloud.lab)
    assert everywhere(cloud) == set()


def test_every_way_between_hosts_is_measured(cloud: Cloud, guests: list[Guest]) -> None:
    pairs = [(one, other) for one in ("h1", "h2", "h3") for other in ("h1", "h2", "h3") if one != other]
    assert ways(cloud) == dict.fromkeys(pairs, (True, 1550))
    assert everywhere(cloud, paths="true") == set()


def test_a_black_hole_is_measured_to_the_byte(cloud: Cloud, guests: list[Guest]) -> None:
    faults.cause(cloud.lab, "hole", "h2", "1437")
    measured = ways(cloud)
    assert measured["h1", "h2"] == (True, 1437)
    assert measured["h2", "h1"] == (True, 1550)
    faults.heal(cloud.lab)


def test_an_agent_that_is_gone_explains_the_drift_that_it_would_repair(cloud: Cloud, guests: list[Guest]) -> None:
    faults.cause(cloud.lab, "kill-agent", "h2")
    faults.cause(cloud.lab, "fdb-del", "h2", guests[0].mac)
    assert on(cloud, "h2") == {"agent-stopped": ["fdb-missing"]}
    wait_until(lambda: everywhere(cloud) == {("h2", "host-away")}, "the server knows that it is away")
    faults.heal(cloud.lab)
    wait_until(lambda: cloud.connected("h2") and cloud.in_step("h2"), "the agent is back")
    assert everywhere(cloud) == set()


def test_an_agent_that_is_frozen_is_told_from_one_that_runs(cloud: Cloud, guests: list[Guest]) -> None:
    faults.cause(cloud.lab, "freeze-agent", "h3")
    assert set(on(cloud, "h3")) == {"agent-frozen"}
    faults.heal(cloud.lab)
    wait_until(lambda: cloud.connected("h3") and cloud.in_step("h3"), "the agent goes on")
    assert on(cloud, "h3") == {}
