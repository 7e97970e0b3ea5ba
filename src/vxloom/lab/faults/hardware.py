"""What a node's hardware tells of itself."""

from __future__ import annotations

from vxloom.lab.faults.fault import Fault, hypervisor, number
from vxloom.lab.lab import Lab

_PLACE = "/run/lab-sys"
#: Nothing can be made in sysfs: a layer above the node's own view of its classes holds the chip.
_CHIP = f"""
set -e
mkdir -p {_PLACE}/work {_PLACE}/chip
mountpoint -q /sys/class || {{
    mkdir -p {_PLACE}/classes/hwmon/hwmon9
    mount -t overlay overlay -o lowerdir=/sys/class,upperdir={_PLACE}/classes,workdir={_PLACE}/work /sys/class
}}
echo lab > /sys/class/hwmon/hwmon9/name
echo "$1" > /sys/class/hwmon/hwmon9/temp1_input
"""
_NONE = f"if mountpoint -q /sys/class; then umount /sys/class; fi; rm -rf {_PLACE}"


def hot(lab: Lab, node: str, celsius: str) -> str:
    """A chip of the node measures a temperature."""
    degrees = number(celsius, "a temperature in degrees")
    hypervisor(lab, node).run(["sh", "-c", _CHIP, "sh", str(1000 * degrees)])
    return f"a chip of {node} is at {degrees} °C; `heal` takes it away"


def no_chip(lab: Lab) -> str:
    for node in lab.hypervisors:
        node.run(["sh", "-c", _NONE])
    return ""


FAULTS = (Fault("hot", ("NODE", "CELSIUS"), "A chip of the node measures a temperature.", hot, no_chip),)
