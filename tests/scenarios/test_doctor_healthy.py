"""Ten networks with machines on three hosts: twenty looks in a row, several with probes, and nothing is found."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from tests.scenarios.clouds import Cloud, running

NETWORKS = 10
LOOKS = 20


@pytest.fixture(scope="module")
def cloud(lab_directory: object) -> Iterator[Cloud]:
    with running(3) as made:
        networks = [
            made.network(gateway=f"10.{n}.1.1", ip6cidr=f"fd00:{n}::/64", ip6gateway=f"fd00:{n}::1") for n in range(1, NETWORKS + 1)
        ]
        wanted = [(network, host, f"10.{n}.1.{last}") for n, network in enumerate(networks, 1) for last, host in enumerate(made.hosts, 11)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda one: made.guest(*one), wanted))
        yield made


def test_a_healthy_cloud_has_no_finding_in_twenty_looks(cloud: Cloud) -> None:
    for number in range(LOOKS):
        told = cast("dict[str, Any]", cloud.call("vxloomDiagnose", paths="true" if number % 4 == 0 else "false")["diagnosis"])
        assert (number, told["finding"], told["unknown"]) == (number, [], [])
        assert told["hosts"] == 3
        assert len(told["path"]) == (6 if number % 4 == 0 else 0)
    assert cloud.alerts() == []
