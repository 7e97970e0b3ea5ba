"""Faults of the machine itself, clock, heat, disk, limits, server: each by its code while it lasts; and two at once, both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

import pytest

from tests.scenarios.clouds import Cloud, Guest, running
from tests.waiting import wait_until
from vxloom.lab import faults

NOTHING: set[tuple[str, str]] = set()
ONE = {
    ("clock", "h1", "3600"): {("h1", "clock-skew")},
    ("clock", "h2", "-300"): {("h2", "clock-skew")},
    ("hot", "h3", "91"): {("h3", "host-hot")},
    ("igmp-limit", "h1"): {("h1", "igmp-limit")},
    ("state-full", "h2"): {("h2", "state-disk-full")},
}
PAIRS = [
    ("mtu h1 1400", "hot h1 97", {("h1", "underlay-mtu-low"), ("h1", "host-hot")}),
    ("mtu h1 1400", "kill-agent h2", {("h1", "underlay-mtu-low"), ("h2", "host-away")}),
    ("igmp-limit h3", "state-full h3", {("h3", "igmp-limit"), ("h3", "state-disk-full")}),
    ("clock h2 7200", "igmp-limit h1", {("h2", "clock-skew"), ("h1", "igmp-limit")}),
    ("hole h2 1437", "hot h3 90", {("h1", "path-mtu-hole"), ("h3", "path-mtu-hole"), ("h3", "host-hot")}),
]


@pytest.fixture(scope="module")
def cloud(lab_directory: object) -> Iterator[Cloud]:
    with running(3) as made:
        yield made


@pytest.fixture(scope="module", autouse=True)
def guests(cloud: Cloud) -> list[Guest]:
    """A network with a guest on each host."""
    return cloud.guests(cloud.network(), "h1", "h2", "h3")


@pytest.fixture(autouse=True)
def healed(cloud: Cloud) -> Iterator[None]:
    """Whatever a test broke is whole before the next."""
    yield
    faults.heal(cloud.lab)
    cloud.await_hosts()


def everywhere(cloud: Cloud, *, paths: bool = False) -> set[tuple[str, str]]:
    """Return (host, code) of what the server is told."""
    told = cast("dict[str, Any]", cloud.call("vxloomDiagnose", paths=str(paths).lower())["diagnosis"])
    return {(row["host"], row["code"]) for row in told["finding"]}


def on(cloud: Cloud, host: str) -> dict[str, str]:
    """Return code → what was seen, as `vxloom doctor --host` on the host itself tells."""
    done = cloud.lab.node(host).run(["vxloom", "doctor", "--host", "--output", "json"], check=False)
    return {each["code"]: each["seen"] for each in json.loads(done.stdout)["finding"]}


def becomes(cloud: Cloud, expected: set[tuple[str, str]], *, paths: bool = False) -> None:
    """Exactly that is told, once agents that were started anew are back."""
    seen: set[tuple[str, str]] = set()

    def so() -> bool:
        nonlocal seen
        seen = everywhere(cloud, paths=paths)
        return seen == expected

    try:
        wait_until(so, f"told is {expected}", seconds=10)
    except AssertionError:
        assert seen == expected
        raise


@pytest.mark.parametrize("fault", ONE, ids=" ".join)
def test_a_fault_of_the_machine_is_named_while_it_lasts(cloud: Cloud, fault: tuple[str, ...]) -> None:
    faults.cause(cloud.lab, *fault)
    becomes(cloud, ONE[fault])
    faults.heal(cloud.lab)
    becomes(cloud, NOTHING)


@pytest.mark.parametrize(("first", "second", "expected"), PAIRS)
def test_two_faults_at_once_are_both_named(cloud: Cloud, first: str, second: str, expected: set[tuple[str, str]]) -> None:
    paths = any(code.startswith("path-") for _, code in expected)
    for fault in (first, second):
        faults.cause(cloud.lab, *fault.split())
    becomes(cloud, expected, paths=paths)
    faults.heal(cloud.lab)
    becomes(cloud, NOTHING, paths=paths)


def test_a_server_that_is_gone_is_told_on_each_host(cloud: Cloud) -> None:
    faults.cause(cloud.lab, "kill-server")
    for host in ("h1", "h3"):
        told = wait_until(lambda host=host: on(cloud, host), "the agent has lost its stream")  # type: ignore[misc]
        assert told.keys() == {"server-away"}
        assert "8250" in told["server-away"]
    faults.heal(cloud.lab)
    wait_until(lambda: on(cloud, "h1") == {}, "the agent has its stream again", seconds=10)


def test_a_link_without_carrier_is_named_by_the_host_that_lost_it(cloud: Cloud) -> None:
    faults.cause(cloud.lab, "link-down", "h2")
    assert "link-down" in on(cloud, "h2")
    faults.heal(cloud.lab)
    wait_until(lambda: on(cloud, "h2") == {}, "the host is well", seconds=20)
