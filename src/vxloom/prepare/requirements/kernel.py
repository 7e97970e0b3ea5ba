"""The kernel: its age, and whether it really speaks VXLAN."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence

from vxloom.prepare.machine import Machine
from vxloom.prepare.requirement import Requirement, Subject
from vxloom.settings import HostSettings

LEAST = (5, 10)
"""The oldest kernel with all we use: locked bridge ports came in 5.18 but 6.1 is the oldest we ran; see docs/reference/requirements.md."""
MANUAL = "3.7"
PROBE_VNI = 16_777_215
"""CloudStack never gives it (its largest is 16777214), nor do we."""


_RELEASE = Subject("kernel release", f"{LEAST[0]}.{LEAST[1]} or later", "Linux", impact=10, floor=MANUAL)
_USABLE = Subject("VXLAN in the kernel", "a VXLAN device can be made", "RFC 7348", impact=10)


def look(machine: Machine, settings: HostSettings) -> Sequence[Requirement]:
    """Return the rows about the kernel."""
    release = platform.release()
    return [
        _RELEASE.judged(_number(release) >= LEAST, release, "install your distribution's current kernel and boot it"),
        _usable(machine),
    ]


def _usable(machine: Machine) -> Requirement:
    """Make a device and take it away: ``lsmod`` says nothing of what is built in, and a module that is there may not load."""
    name = f"vxlchk{os.getpid() % 100_000}"
    made = machine.run("ip", "link", "add", name, "type", "vxlan", "id", str(PROBE_VNI), "dstport", "4789", "nolearning")
    if made.status == 0:
        machine.run("ip", "link", "del", name)
    exists = "already exists" in made.errors  # somebody's device has this VNI: then the kernel speaks VXLAN
    remedy = "run as root; vxloom host apply --only module loads it; a kernel without CONFIG_VXLAN must be replaced"
    return _USABLE.judged(made.status == 0 or exists, "a device could be made" if made.status == 0 else made.words, remedy)


def _number(release: str) -> tuple[int, ...]:
    found = re.match(r"(\d+)\.(\d+)", release)
    return tuple(map(int, found.groups())) if found else (0, 0)
