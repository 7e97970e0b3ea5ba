"""Hosts whose hardware is in trouble: the last choice for a machine, and shown."""

from __future__ import annotations

from tests.unit.api.desk import Desk
from vxloom.model.hardware import Hardware, Sensor
from vxloom.server.health import Health

HOT = Health(Hardware(sensors=(Sensor("cpu", 99),)), {"host.temperature": ("cpu at 99 °C, critical from 95 on", True)}, "is too hot")


def place_of(desk: Desk, zone: str, network: str, name: str, **more: object) -> str:
    return str(desk.deploy(zone, network, name, **more)["hostid"])


def test_a_strained_host_is_the_last_choice_and_still_one(desk: Desk, zone: str) -> None:
    network = desk.network(zone)["id"]
    h1, h2 = desk.host(zone, "h1"), desk.host(zone, "h2")
    desk.hosts.conditions[h1] = HOT
    assert [place_of(desk, zone, network, f"vm{n}") for n in range(3)] == [h2, h2, h2], "although h1 is empty"
    assert place_of(desk, zone, network, "asked", hostid=h1) == h1, "who names it gets it"
    desk.hosts.up.discard(h2)
    assert place_of(desk, zone, network, "only") == h1
    desk.hosts.up.add(h2)
    desk.hosts.conditions[h2] = HOT
    assert place_of(desk, zone, network, "all-hot") == h1, "all strained: the emptiest again"


def test_a_machine_does_not_go_back_to_a_strained_host(desk: Desk, zone: str) -> None:
    network = desk.network(zone)["id"]
    h1, h2 = desk.host(zone, "h1"), desk.host(zone, "h2")
    vm = desk.deploy(zone, network, "vm1", hostid=h1)["id"]
    desk.do("stopVirtualMachine", id=vm)
    desk.hosts.conditions[h1] = HOT
    assert desk.do("startVirtualMachine", id=vm)["virtualmachine"]["hostid"] == h2
    h3 = desk.host(zone, "h3")
    desk.do("prepareHostForMaintenance", id=h2)
    assert desk.ask("listVirtualMachines", id=vm)["virtualmachine"][0]["hostid"] == h3


def test_migration_without_a_destination_avoids_strained_hosts(desk: Desk, zone: str) -> None:
    network = desk.network(zone)["id"]
    h1, h2, h3 = (desk.host(zone, f"h{n}") for n in (1, 2, 3))
    vm = desk.deploy(zone, network, "vm1", hostid=h1)["id"]
    desk.hosts.conditions[h2] = HOT
    assert desk.do("migrateVirtualMachine", virtualmachineid=vm, autoselect="true")["virtualmachine"]["hostid"] == h3


def test_list_hosts_shows_the_hardware(desk: Desk, zone: str) -> None:
    h1 = desk.host(zone, "h1")
    assert "vxloom.health" not in desk.ask("listHosts", id=h1)["host"][0]["details"]
    desk.hosts.conditions[h1] = HOT
    details = desk.ask("listHosts", id=h1)["host"][0]["details"]
    assert details["vxloom.health"] == "cpu at 99 °C, critical from 95 on"
    assert details["vxloom.lastchoice"] == "is too hot"
    assert details["vxloom.temperature"] == "cpu 99 °C"
