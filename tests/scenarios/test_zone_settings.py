"""Settings of a zone that tunnels are made by reach every host's devices."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.scenarios.clouds import Cloud, running
from tests.waiting import wait_until
from vxloom.lab import faults


@pytest.fixture(scope="module")
def cloud(lab_directory: object) -> Iterator[Cloud]:
    with running(2) as made:
        yield made


def tunnels(cloud: Cloud) -> list[tuple[int, str]]:
    """Return UDP port and handling of the outer DF bit of every VXLAN device there is."""
    found = []
    for node in cloud.lab.hypervisors:
        for link in json.loads(node.run(["ip", "-j", "-d", "link", "show", "type", "vxlan"]).stdout):
            data = link["linkinfo"]["info_data"]
            found.append((data["port"], data.get("df", "unset")))
    return found


def test_port_and_df_of_standing_tunnels_change_with_a_restart_of_the_server(cloud: Cloud) -> None:
    network = cloud.network()
    one, two = cloud.guests(network, "h1", "h2")
    assert tunnels(cloud) == [(4789, "set")] * 2
    cloud.call("updateConfiguration", name="vxloom.udp.port", value="8472")
    cloud.call("updateConfiguration", name="vxloom.df", value="false")
    faults.cause(cloud.lab, "kill-server")
    faults.heal(cloud.lab)
    wait_until(lambda: tunnels(cloud) == [(8472, "unset")] * 2, "both hosts have made their tunnels again", seconds=15)
    assert one.ping(two.ip)
