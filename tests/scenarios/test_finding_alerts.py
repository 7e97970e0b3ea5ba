"""The server looks by itself: a fault of a lab comes up in listAlerts and goes when it is cured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest

from tests.scenarios.clouds import Cloud, running
from tests.waiting import wait_until
from vxloom.lab import faults


@pytest.fixture(scope="module")
def cloud(lab_directory: object) -> Iterator[Cloud]:
    with running(2) as made:
        made.guests(made.network(), "h1", "h2")
        made.call("updateConfiguration", name="vxloom.doctor.interval", value="2")
        yield made


def found(cloud: Cloud) -> list[tuple[str, str]]:
    """Return (kind, id) of open alerts."""
    return sorted((str(alert["name"]), str(alert["id"])) for alert in cloud.objects("listAlerts", "alert"))


def test_a_fault_is_an_alert_while_it_lasts_also_across_a_restart_of_the_server(cloud: Cloud) -> None:
    assert found(cloud) == []
    faults.cause(cloud.lab, "mtu", "h1", "1400")
    [alert] = wait_until(lambda: found(cloud), "the alert", seconds=15)
    assert alert[0] == "underlay-mtu-low"
    assert "host h1: " in cloud.alerts()[0]
    faults.cause(cloud.lab, "kill-server")
    cloud.lab.start_server()
    cloud.await_hosts("h1", "h2")
    looked = cast("dict[str, list[object]]", cloud.call("vxloomDiagnose")["diagnosis"])
    assert looked["finding"]
    assert found(cloud) == [alert], "the same one"
    faults.heal(cloud.lab)
    wait_until(lambda: not found(cloud), "the alert is over", seconds=15)
    assert [text.split(":")[0] for text in cloud.alerts(resolved=True) if "underlay" in text] == ["underlay-mtu-low"]
