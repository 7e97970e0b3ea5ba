"""What a driver law may do to a host besides asking the driver: the person at the keyboard, the guest, the other software."""

from __future__ import annotations

from typing import Protocol

from vxloom.dataplane.driver import Driver
from vxloom.dataplane.simulated import SimulatedDriver, SimulatedKernel
from vxloom.dataplane.simulated.links import TapLink
from vxloom.model.state import Bridge, SegmentRows, VxlanDevice


class Bench(Protocol):
    """One host under test."""

    driver: Driver

    def another_driver(self) -> Driver:
        """A second driver on the same kernel, as a process started again has."""

    def plug(self, tap: str) -> None:
        """Make the device of a guest's NIC, up, on no bridge."""

    def delete_link(self, name: str) -> None:
        """`ip link del`."""

    def attach(self, name: str, bridge: str) -> None:
        """`ip link set NAME master BRIDGE`."""

    def detach(self, name: str) -> None:
        """`ip link set NAME nomaster`."""

    def set_mac(self, name: str, mac: str) -> None:
        """`ip link set NAME address MAC`."""

    def set_down(self, name: str) -> None:
        """`ip link set NAME down`."""

    def unlock(self, tap: str) -> None:
        """`bridge link set dev TAP locked off learning on`."""

    def flush_filters(self) -> None:
        """`nft flush ruleset`."""

    def forget(self, vni: int, rows: SegmentRows) -> None:
        """Delete these rows: `fdb` the VXLAN halves, `bridged` the bridge halves, `flood`, `neighbours`."""

    def add_foreign(self, link: Bridge | VxlanDevice) -> None:
        """Make a link without our mark. Of a VXLAN device only name, VNI, local address and UDP port matter."""

    def foreign(self) -> str:
        """Everything on this host that is not ours, as text that is equal when nothing of it changed."""


class SimulatedBench:
    """The simulated kernel."""

    def __init__(self) -> None:
        self.kernel = SimulatedKernel()
        self.driver: Driver = SimulatedDriver(self.kernel)
        self.plug, self.delete_link = self.kernel.plug, self.kernel.delete_link
        self.attach, self.detach = self.kernel.attach, self.kernel.detach
        self.flush_filters, self.forget = self.kernel.flush_filters, self.kernel.forget_rows
        self.add_foreign = self.kernel.add_foreign

    def another_driver(self) -> Driver:
        return SimulatedDriver(self.kernel)

    def set_mac(self, name: str, mac: str) -> None:
        self.kernel.change(name, mac=mac)

    def set_down(self, name: str) -> None:
        self.kernel.change(name, up=False)

    def unlock(self, tap: str) -> None:
        if isinstance(self.kernel.links.get(tap), TapLink):
            self.kernel.change(tap, locked=False, learning=True)
        else:
            self.kernel.change(tap, port_learning=True)

    def foreign(self) -> str:
        links = self.kernel.links.values()
        return "\n".join(sorted(str(link) for link in links if not link.ours and not isinstance(link, TapLink)))
