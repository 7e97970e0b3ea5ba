"""The project's own processes in a lab: started, found, broken and healed as an operator would."""

from __future__ import annotations

import signal
import stat
from collections.abc import Iterator

import pytest

from tests.waiting import wait_until
from vxloom.lab import Lab, cloud, faults
from vxloom.lab.services import AGENT, SERVER, SERVER_DATA, await_server


@pytest.fixture(scope="module")
def lab(lab_directory: object) -> Iterator[Lab]:
    with Lab(hypervisors=2) as made:
        made.start_server()
        api = cloud.client(made)
        zone = cloud.make_zone(api)
        cloud.join_hosts(made, api, zone)
        network = cloud.make_network(api, "red", zone, gateway="10.1.1.1", netmask="255.255.255.0")
        for host in cloud.objects(api, "listHosts", "host", type="Routing"):
            number = str(host["name"])[1:]
            cloud.deploy(api, f"red{number}", zone, str(network["id"]), str(host["id"]), f"10.1.1.1{number}")
        yield made


def test_the_environment_is_what_a_client_on_the_machine_needs(lab: Lab) -> None:
    keys = lab.environment()
    assert keys["CLOUDSTACK_ENDPOINT"] == f"http://127.0.0.1:{lab.report().api_port}/client/api"
    assert {"CLOUDSTACK_KEY", "CLOUDSTACK_SECRET"} <= set(keys)
    mode = lab.node("mgmt").run(["stat", "-c", "%a", f"{SERVER_DATA}/admin.env"]).stdout.strip()
    assert int(mode, 8) == stat.S_IRUSR | stat.S_IWUSR


def test_guests_on_two_hosts_are_found_by_name_and_ping(lab: Lab) -> None:
    assert [len(node.guests()) for node in lab.hypervisors] == [1, 1]
    assert lab.guest("red1").ping("10.1.1.12")


def test_every_agent_tells_of_the_link_that_carries_its_tunnels(lab: Lab) -> None:
    api = cloud.client(lab)

    def told() -> list[object]:
        hosts = [host["details"] for host in cloud.objects(api, "listHosts", "host", type="Routing")]
        return [details for details in hosts if details.get("vxloom.health") == "well" and any("vxloom.link." in key for key in details)]

    wait_until(lambda: len(told()) == 2, "both hosts told of their hardware", seconds=20)


def test_rows_of_a_guest_deleted_by_its_name_come_back(lab: Lab) -> None:
    text = faults.cause(lab, "fdb-del", "h1", "red2")
    mac = text.split()[3]
    wait_until(lambda: mac in lab.node("h1").run(["bridge", "fdb", "show"]).stdout, "the agent repairs the row")
    assert lab.guest("red1").ping("10.1.1.12")


def test_healing_starts_server_and_agent_again(lab: Lab) -> None:
    faults.cause(lab, "kill-server")
    faults.cause(lab, "kill-agent", "h1")
    assert lab.process("h1", AGENT).exit_status == lab.process("mgmt", SERVER).exit_status == -signal.SIGKILL
    assert lab.guest("red1").ping("10.1.1.12"), "traffic needs neither"
    faults.heal(lab)
    await_server(lab)
    cloud.await_hosts(lab, cloud.client(lab), ["h1", "h2"])
