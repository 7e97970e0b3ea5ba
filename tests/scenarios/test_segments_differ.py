"""A row that no agent takes for its own, on one host of three: each finds itself well, and the server sees which one is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from tests.scenarios.clouds import Cloud, running
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def cloud(lab_directory: object) -> Iterator[Cloud]:
    with running(3) as made:
        yield made


def found(cloud: Cloud) -> list[tuple[str, str, str]]:
    told = cast("dict[str, Any]", cloud.call("vxloomDiagnose")["diagnosis"])
    return [(row["host"], row["code"], row["where"]) for row in told["finding"]]


def test_a_foreign_row_is_found_by_comparing_hosts(cloud: Cloud) -> None:
    network = cloud.settled(cloud.network())
    guests = cloud.guests(network, "h1", "h2", "h3")
    network = cloud.settled(network)
    assert found(cloud) == []
    node = cloud.lab.node("h2")
    row = ["02:00:00:00:99:01", "dev", network.vxlan, "dst", "10.200.1.2"]
    node.run(["bridge", "fdb", "add", *row, "self", "extern_learn"])
    assert cloud.in_step("h2"), "it is not ours, so nothing is to be done about it"
    assert found(cloud) == [("h2", "segment-differs", f"VNI {network.vni}")]
    cloud.call("updateConfiguration", name="vxloom.doctor.interval", value="2")
    wait_until(lambda: cloud.alerts("segment-differs"), "the server finds it by itself", seconds=15)
    cloud.destroy(guests[2])
    assert found(cloud) == [(name, "segment-differs", f"VNI {network.vni}") for name in ("h1", "h2")], "of two nobody knows who is right"
    node.run(["bridge", "fdb", "del", *row, "self"])
    assert found(cloud) == []
    wait_until(lambda: not cloud.alerts("segment-differs"), "the alerts are over", seconds=15)
