"""What vanishes or is spoilt only in bulk, on a lab."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from tests.scenarios.clouds import Cloud, running
from vxloom.lab import faults


@pytest.fixture(scope="module")
def cloud(lab_directory: object) -> Iterator[Cloud]:
    with running(2) as made:
        made.guests(made.network(), "h1", "h2")
        yield made


def found(cloud: Cloud) -> list[tuple[str, str]]:
    told = cast("dict[str, Any]", cloud.call("vxloomDiagnose", paths="true")["diagnosis"])
    return [(row["host"], row["code"]) for row in told["finding"]]


def test_segments_that_the_way_does_not_take_are_found_in_their_direction(cloud: Cloud) -> None:
    assert found(cloud) == []
    faults.cause(cloud.lab, "hole", "h2", "3000")  # a network's packets have 1550 bytes; only what a card has still to cut is larger
    assert found(cloud) == [("h1", "path-segments")]
    faults.heal(cloud.lab)
    assert found(cloud) == []


def test_segments_that_arrive_spoilt_are_found_in_their_direction(cloud: Cloud) -> None:
    faults.cause(cloud.lab, "spoil", "h2")
    assert found(cloud) == [("h1", "path-segments")]
    faults.heal(cloud.lab)
    assert found(cloud) == []
