"""The step *module*."""

from __future__ import annotations

from collections.abc import Sequence

from vxloom.prepare.changes import AnyChange, Run, WriteFile
from vxloom.prepare.machine import Machine
from vxloom.prepare.step import Step
from vxloom.settings import HostSettings

FILE = "/etc/modules-load.d/vxlan.conf"
CAP = 16
"""CAP_SYS_MODULE (linux/capability.h)."""


class Module(Step):
    """Have the kernel speak VXLAN, now and after every boot."""

    name = "module"

    def not_applicable(self, machine: Machine, settings: HostSettings) -> str:
        """Where nobody may load a module, the kernel belongs to another machine: that one is to be prepared."""
        return "modules cannot be loaded here (no CAP_SYS_MODULE): prepare the machine whose kernel this is" if machine.lacks(CAP) else ""

    def changes(self, machine: Machine, settings: HostSettings) -> Sequence[AnyChange]:
        """Load the module unless it is there or built in, and have systemd load it at boot (modules-load.d(5))."""
        reason = "tunnels need the kernel's vxlan"
        load = Run(
            name="module vxlan",
            look=("test", "-e", "/sys/module/vxlan"),  # also there when it is built in, where lsmod shows nothing
            command=("modprobe", "vxlan"),
            back=(),  # somebody else's tunnels may use it by then
            reason=reason,
        )
        last = WriteFile(path=FILE, text="vxlan\n", reason=f"{reason}, also after a boot")
        changes: list[AnyChange] = [load, last]
        return [change for change in changes if not change.done(machine)]
