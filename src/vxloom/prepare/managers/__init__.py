"""The programs that bring a machine's network up at boot, one file each: how each is told to keep what is set.

``manager_of`` says which one has a device in hand. For an MTU none of them is told to act: what it is to do at the next boot is written,
what holds now is set beside it. A bond is made by those that go on watching the devices: they would undo what somebody else does to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vxloom.errors import PrepareError
from vxloom.prepare.bonding import MakeBond
from vxloom.prepare.changes import AnyChange
from vxloom.prepare.machine import Link, Machine
from vxloom.prepare.managers.ifupdown import Ifupdown
from vxloom.prepare.managers.netplan import Netplan
from vxloom.prepare.managers.network_manager import NetworkManager
from vxloom.prepare.managers.networkd import Networkd


class Manager(Protocol):
    """One such program."""

    name: str

    def has(self, machine: Machine, device: str) -> bool:
        """Tell whether it has a device in hand."""

    def keep_mtu(self, machine: Machine, links: Sequence[Link], mtu: int) -> Sequence[AnyChange]:
        """Return what makes an MTU of these devices last, one change a file; raises :class:`PrepareError` where that cannot be."""

    def bond(self, machine: Machine, bond: MakeBond) -> Sequence[AnyChange]:
        """Return what makes a bond, now and at boot, :class:`MakeBond` among it; raises :class:`PrepareError` where that cannot be."""


MANAGERS: tuple[Manager, ...] = (Netplan(), NetworkManager(), Networkd(), Ifupdown())
"""In the order they are asked: netplan writes files for two of the others."""


def known_manager(machine: Machine, device: str) -> Manager | None:
    """Return who has a device in hand; None: nobody we know."""
    return next((manager for manager in MANAGERS if manager.has(machine, device)), None)


def manager_of(machine: Machine, device: str, step: str = "mtu") -> Manager:
    """Return who has a device in hand. Raises :class:`PrepareError` when it is nobody we know."""
    manager = known_manager(machine, device)
    if manager is not None:
        return manager
    known = ", ".join(manager.name for manager in MANAGERS)
    raise PrepareError(
        f"nobody we know brings {device} up at boot (looked for {known})",
        remedy=f"write a file for {device} there first, or keep the setting by hand and use --skip {step}",
    )
