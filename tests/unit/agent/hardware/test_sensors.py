"""Temperatures from /sys, whatever the chips say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.agent.hardware.tree import Tree
from vxloom.agent.hardware.sensors import sensors
from vxloom.model.hardware import Sensor


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_a_chip_is_its_hottest_input_and_has_the_same_name_after_a_boot(tree: Tree) -> None:
    tree.chip(3, "coretemp", "coretemp.0", temp1_input=51000, temp2_input=48499, temp1_crit=100000)
    tree.chip(1, "coretemp", "coretemp.1", temp1_input=-4500)
    assert sensors(tree.sys) == (Sensor("coretemp (coretemp.0)", 51), Sensor("coretemp (coretemp.1)", -4))


def test_a_cards_sensor_bears_the_cards_name(tree: Tree) -> None:
    tree.chip(0, "mlx5", "0000:03:00.0", temp1_input=61000)
    (tree.sys / "devices" / "0000:03:00.0" / "net" / "eth0").mkdir(parents=True)
    assert sensors(tree.sys) == (Sensor("mlx5 (eth0)", 61),)


def test_an_old_driver_has_its_files_with_the_device(tree: Tree) -> None:
    tree.chip(0, "f71882fg", "f71882fg.656")
    tree.write("sys/devices/f71882fg.656/temp1_input", 45000)
    assert sensors(tree.sys) == (Sensor("f71882fg (f71882fg.656)", 45),)


@pytest.mark.parametrize(
    "value",
    ["-128000", "127500", "65261000", "255000", "9" * 30, "", "n/a", "٥٥٠٠٠", b"\xff\xfe\x00", "-", "1e5", "50000 60000", "-60000"],
)
def test_what_no_machine_measures_is_not_there(tree: Tree, value: object) -> None:
    tree.chip(0, "nct6775", "nct6775.656", temp1_input=value, temp2_input=33000)
    assert sensors(tree.sys) == (Sensor("nct6775 (nct6775.656)", 33),)


def test_an_input_that_cannot_be_read_and_a_chip_that_vanishes_hide_nothing_else(tree: Tree) -> None:
    chip = tree.chip(0, "a", temp2_input=33000)
    (chip / "temp1_input").mkdir()  # reading fails, as with EIO
    (chip / "temp3_input").symlink_to(chip / "gone")
    (tree.sys / "class" / "hwmon" / "hwmon1").symlink_to(tree.folder / "gone")
    tree.chip(2, "dead", temp1_input=-128000)
    tree.chip(4, "faulty", temp1_input=40000, temp1_fault=1)
    assert sensors(tree.sys) == (Sensor("a", 33),)


@pytest.mark.parametrize(
    ("files", "beyond"),
    [
        ({"temp1_crit": 84800}, True),
        ({"temp1_crit": 86000}, False),
        ({"temp1_crit": 86000, "temp1_crit_alarm": 1}, True),
        ({"temp1_crit": 65261000}, False),
        ({"temp1_crit": 0, "temp1_crit_alarm": 1}, False),
        ({"temp1_crit": 20000}, False),
        ({"temp1_crit": "garbage"}, False),
        ({"temp2_input": 60000, "temp2_crit": 60000}, True),
    ],
)
def test_a_chip_is_beyond_its_own_limit_only_where_that_limit_is_believable(tree: Tree, files: dict[str, object], beyond: bool) -> None:
    tree.chip(0, "nvme", "nvme0", temp1_input=85000, **files)
    assert sensors(tree.sys) == (Sensor("nvme (nvme0)", 85, beyond=beyond),)


def test_thermal_zones_count_but_for_those_the_kernel_shows_as_chips_too(tree: Tree) -> None:
    for number, (kind, value) in enumerate([("x86_pkg_temp", 70000), ("acpitz", 27000), ("bad", -274000)]):
        tree.write(f"sys/class/thermal/thermal_zone{number}/type", kind)
        tree.write(f"sys/class/thermal/thermal_zone{number}/temp", value)
    tree.write("sys/class/thermal/thermal_zone0/trip_point_0_type", "passive")
    tree.write("sys/class/thermal/thermal_zone0/trip_point_0_temp", 60000)
    tree.write("sys/class/thermal/thermal_zone0/trip_point_1_type", "critical")
    tree.write("sys/class/thermal/thermal_zone0/trip_point_1_temp", 70000)
    tree.write("sys/class/thermal/cooling_device0/type", "fan")
    tree.chip(0, "acpitz", "thermal_zone1", temp1_input=27000)
    assert sensors(tree.sys) == (Sensor("acpitz (thermal_zone1)", 27), Sensor("x86_pkg_temp (thermal_zone0)", 70, beyond=True))


def test_of_too_many_the_hottest_are_kept(tree: Tree) -> None:
    for number in range(80):
        tree.chip(number, f"chip{number:02}", temp1_input=number * 1000)
    found = sensors(tree.sys)
    assert len(found) == 64
    assert [sensor.celsius for sensor in found] == list(range(16, 80))


def test_a_machine_without_sensors_has_none(tree: Tree) -> None:
    assert sensors(tree.sys) == ()
