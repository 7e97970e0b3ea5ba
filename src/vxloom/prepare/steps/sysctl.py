"""The step *sysctl*."""

from __future__ import annotations

from collections.abc import Sequence

from vxloom.prepare.changes import AnyChange, SetSysctl, WriteFile
from vxloom.prepare.machine import Machine
from vxloom.prepare.step import Step
from vxloom.settings import HostSettings

FILE = "/etc/sysctl.d/90-vxloom.conf"
WANTED: tuple[tuple[str, int, str], ...] = (
    ("net.ipv4.igmp_max_memberships", 4096, "multicast mode joins a group per network; at 20, the default, the 21st network fails"),
    ("net.ipv4.neigh.default.gc_thresh1", 8192, "below this many neighbours none is thrown away"),
    ("net.ipv4.neigh.default.gc_thresh2", 32768, "neighbours of every guest stand on its host's bridges"),
    ("net.ipv4.neigh.default.gc_thresh3", 65536, "at this many neighbours the kernel refuses more: table overflow"),
    ("net.ipv6.neigh.default.gc_thresh1", 8192, "as for IPv4"),
    ("net.ipv6.neigh.default.gc_thresh2", 32768, "as for IPv4"),
    ("net.ipv6.neigh.default.gc_thresh3", 65536, "as for IPv4"),
)
"""Setting, least value, reason. What is larger already stays. Defaults: kernel documentation, networking/ip-sysctl."""


class Sysctl(Step):
    """Raise the kernel's limits that an overlay of thousands of networks meets."""

    name = "sysctl"

    def changes(self, machine: Machine, settings: HostSettings) -> Sequence[AnyChange]:
        """Set what is too low, now and in a file of ours; settings this kernel or namespace lacks are left out of what is set now."""
        now = {key: machine.sysctl(key) for key, _, _ in WANTED}
        raised = [
            SetSysctl(key=key, value=str(least), reason=reason)
            for key, least, reason in WANTED
            if (value := now[key]) is not None and value.isdigit() and int(value) < least
        ]
        lines = [f"# {reason}\n{key} = {max(least, int(now[key] or 0))}\n" for key, least, reason in WANTED if (now[key] or "0").isdigit()]
        last = WriteFile(
            path=FILE, text="# Made by vxloom host apply; vxloom host undo removes it.\n" + "".join(lines), reason="after a boot, too"
        )
        changes: list[AnyChange] = [last, *raised]
        return [change for change in changes if not change.done(machine)]
