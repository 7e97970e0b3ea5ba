"""The kernel: its age, and whether it really speaks VXLAN."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from vxloom.prepare.machine import Machine
from vxloom.prepare.requirement import Requirement, Subject
from vxloom.settings import HostSettings

LEAST = (6, 1)
"""The oldest kernel we ran. Locked bridge ports, without which a guest's forged MAC would be learned, came in 5.18."""
MANUAL = "3.7"
PROBE_VNI = 16_777_215
"""CloudStack never gives it (its largest is 16777214), nor do we."""


_RELEASE = Subject("kernel release", f"{LEAST[0]}.{LEAST[1]} or later", "Linux", impact=10, floor=MANUAL)
_NEWEST = Subject("latest kernel", "the newest installed", "Linux", impact=5, required=False)
_USABLE = Subject("VXLAN in the kernel", "a VXLAN device can be made", "RFC 7348", impact=10)


def look(machine: Machine, settings: HostSettings) -> Sequence[Requirement]:
    """Return the rows about the kernel."""
    release = machine.sysctl("kernel.osrelease") or "unknown"
    return [
        _RELEASE.judged(_numbers(release)[:2] >= LEAST, release, "install your distribution's current kernel and boot it"),
        _newest(machine, release),
        _usable(machine, settings.tunnel_port),
    ]


def _newest(machine: Machine, release: str) -> Requirement:
    installed = [name.removeprefix("vmlinuz-") for name in machine.names("/boot") if name.startswith("vmlinuz-")]
    if not installed:
        return _NEWEST.not_applicable("no kernel is installed here: the machine boots another's, or is a container")
    newest = max(installed, key=_numbers)
    return _NEWEST.judged(_numbers(release) >= _numbers(newest), f"{release} of {newest}", f"reboot into {newest}")


def _usable(machine: Machine, port: int) -> Requirement:
    """Make a device and take it away: ``lsmod`` says nothing of what is built in, and a module that is there may not load."""
    name = f"vxlchk{os.getpid() % 100_000}"
    made = machine.run("ip", "link", "add", name, "type", "vxlan", "id", str(PROBE_VNI), "dstport", str(port), "nolearning")
    if made.status == 0:
        machine.run("ip", "link", "del", name)
    exists = "already exists" in made.errors  # somebody's device has this VNI: then the kernel speaks VXLAN
    remedy = "run as root; vxloom host apply --only module loads it; a kernel without CONFIG_VXLAN must be replaced"
    return _USABLE.judged(made.status == 0 or exists, "a device could be made" if made.status == 0 else made.words, remedy)


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", release)))
