"""The kernel: its age, and whether it really speaks VXLAN."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence

from vxloom.prepare.machine import Machine
from vxloom.prepare.requirement import Requirement, judged
from vxloom.settings import HostSettings

LEAST = (5, 10)
"""The oldest kernel with all we use: locked bridge ports came in 5.18 but 6.1 is the oldest we ran; see docs/reference/requirements.md."""
MANUAL = "3.7"
PROBE_VNI = 16_777_215
"""CloudStack never gives it (its largest is 16777214), nor do we."""


def look(machine: Machine, settings: HostSettings) -> Sequence[Requirement]:
    """Return the rows about the kernel."""
    release = platform.release()
    return [
        judged(
            "kernel release",
            _number(release) >= LEAST,
            found=release,
            asked=f"{'.'.join(map(str, LEAST))} or later",
            standard="Linux",
            impact=10,
            remedy="install your distribution's current kernel and boot it",
            floor=MANUAL,
        ),
        _usable(machine),
    ]


def _usable(machine: Machine) -> Requirement:
    """Make a device and take it away: ``lsmod`` says nothing of what is built in, and a module that is there may not load."""
    name = f"vxlchk{os.getpid() % 100_000}"
    made = machine.run("ip", "link", "add", name, "type", "vxlan", "id", str(PROBE_VNI), "dstport", "4789", "nolearning")
    if made.status == 0:
        machine.run("ip", "link", "del", name)
    exists = "already exists" in made.errors  # somebody's device has this VNI: then the kernel speaks VXLAN
    return judged(
        "VXLAN in the kernel",
        made.status == 0 or exists,
        found="a device could be made" if made.status == 0 else made.words,
        asked="a VXLAN device can be made",
        standard="RFC 7348",
        impact=10,
        remedy="run as root; vxloom host apply --only module loads it; a kernel without CONFIG_VXLAN must be replaced",
    )


def _number(release: str) -> tuple[int, ...]:
    found = re.match(r"(\d+)\.(\d+)", release)
    return tuple(map(int, found.groups())) if found else (0, 0)
