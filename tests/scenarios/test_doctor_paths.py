"""What is wrong on the way between hosts: each fault by exactly its codes, in its direction, until it is cured; two at once by both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scenarios.clouds import Cloud, running
from tests.scenarios.diagnoses import below, everywhere
from vxloom.lab import faults

TO_H2, FROM_H2 = {"h1", "h3"}, {"h2"}


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
    assert everywhere(cloud, paths="true") == set()


def each(hosts: set[str], code: str) -> set[tuple[str, str]]:
    return {(host, code) for host in hosts}


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (("hole", "h2", "1437"), each(TO_H2, "path-mtu-hole")),
        (("hole-both", "h2", "1437"), each(TO_H2 | FROM_H2, "path-mtu-hole")),
        (("path-mtu-silent", "h2", "1437"), each(TO_H2, "path-mtu-hole")),
        (("closed", "h2", "4789"), each(TO_H2, "path-closed")),
        (("one-way", "h1", "h2"), {("h1", "path-closed")}),
        (("partition", "h1", "h2"), each({"h1", "h2"}, "path-closed")),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_fault_that_nobody_tells_of_is_found_in_its_direction(
    cloud: Cloud, fault: tuple[str, ...], expected: set[tuple[str, str]]
) -> None:
    faults.cause(cloud.lab, *fault)
    assert everywhere(cloud, paths="true") == expected


def test_a_router_that_tells_is_the_cause_of_what_vanishes(cloud: Cloud) -> None:
    faults.cause(cloud.lab, "path-mtu", "h2", "1437")
    assert below(cloud, paths="true") == {key: ["path-mtu-hole"] for key in each(TO_H2, "path-mtu-low")}


def test_a_card_that_is_too_small_explains_both_directions(cloud: Cloud) -> None:
    faults.cause(cloud.lab, "mtu", "h2", "1437")
    assert below(cloud, paths="true") == {("h2", "underlay-mtu-low"): ["path-mtu-hole", "path-mtu-low"]}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (
            ("hole", "h2", "1437"),
            ("closed", "h3", "4789"),
            {("h1", "path-mtu-hole"), *each({"h1", "h2"}, "path-closed")},  # h3 hears no answer, so what fits its way to h2 is unknown
        ),
        (("path-mtu", "h2", "1437"), ("hole", "h3", "1400"), each({"h1", "h3"}, "path-mtu-low") | each({"h1", "h2"}, "path-mtu-hole")),
        (("one-way", "h1", "h2"), ("one-way", "h3", "h1"), {("h1", "path-closed"), ("h3", "path-closed")}),
    ],
    ids=["hole and closed", "told and untold", "two ways"],
)
def test_two_faults_at_once_are_both_found(
    cloud: Cloud, one: tuple[str, ...], other: tuple[str, ...], expected: set[tuple[str, str]]
) -> None:
    faults.cause(cloud.lab, *one)
    faults.cause(cloud.lab, *other)
    assert everywhere(cloud, paths="true") == expected
