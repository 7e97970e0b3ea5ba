"""A black hole between hosts, measured, and what comes of machines that would meet it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scenarios.clouds import Cloud, running
from vxloom.errors import RequestError
from vxloom.lab import faults


@pytest.fixture(scope="module")
def cloud(lab_directory: object) -> Iterator[Cloud]:
    with running(2) as made:
        yield made


def test_a_start_is_warned_of_or_refused_while_the_hole_is_there(cloud: Cloud) -> None:
    network = cloud.network()
    cloud.guests(network, "h1", "h2")
    faults.cause(cloud.lab, "hole", "h2", "1437")
    cloud.call("vxloomDiagnose", paths="true")
    word = f"its path from h1 to h2 ({cloud.lab.node('h2').address}) carries packets of 1437 bytes, network {network.name} needs 1550"
    warned = cloud.deploy(network, "h2", "10.1.1.21")
    assert warned["narrowpath"] == word
    assert any(word in text for text in cloud.alerts("vm.path.mtu"))
    cloud.call("updateConfiguration", name="vxloom.path.mtu.check", value="refuse")
    with pytest.raises(RequestError, match="1437 bytes"):
        cloud.deploy(network, "h2", "10.1.1.22")
    faults.heal(cloud.lab)
    cloud.call("vxloomDiagnose", paths="true")
    assert not cloud.alerts("vm.path.mtu")
    assert "narrowpath" not in cloud.deploy(network, "h2", "10.1.1.22")
