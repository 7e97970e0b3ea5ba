"""Apache Libcloud's CloudStack driver, in PyPI's release and in Debian's: one script for both."""

from __future__ import annotations

import json

import pytest

from tests.api.cloud import Cloud
from tests.api.programs import CLIENTS, PYTHONS, Programs


@pytest.mark.parametrize("release", PYTHONS)
def test_d7_a_machine_from_the_first_list_to_its_end(programs: Programs, cloud: Cloud, release: str) -> None:
    report = json.loads(programs.succeed(PYTHONS[release], "-I", CLIENTS / "libcloud_driver.py", "simulated", f"lc-{release}"))
    assert report["refused"] == 2
    offers = report["offers"]
    assert {"Isolated", "L2"} <= set(offers["kinds"])
    assert offers["formats"] == ["QCOW2"]
    assert offers["sizes"] >= 1
    assert {"max_instances", "max_networks"} <= set(offers["limits"])
    assert report["keys"] == ["-----BEGIN RSA PRIVATE KEY-----", True, "gone"]
    machine = report["machine"]
    assert machine["created"] == ["running", ["10.3.1.20"], f"lc-{release}-pair"]
    assert machine["nics"] == [["10.3.1.20", "10.3.1.1", "255.255.255.0", True], ["10.3.2.20", "10.3.2.1", "255.255.255.0", False]]
    assert machine["nics left"] == ["10.3.1.20"]
    assert machine["tags"] == {"role": "web"}
    assert machine["states"] == ["Stopped", "Running", True, "running"]
    assert machine["listed"] == ["running"]
    assert machine["halted"] == "stopped"
    assert (machine["left"], machine["networks left"]) == ([], [])
