"""The step *mtu*."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from vxloom.errors import PrepareError
from vxloom.prepare import labels
from vxloom.prepare.changes import AnyChange, SetMtu
from vxloom.prepare.guard import guarded
from vxloom.prepare.machine import Link, Machine
from vxloom.prepare.managers import MANAGERS, known_manager, manager_of
from vxloom.prepare.step import Step
from vxloom.settings import HostSettings

LEAST = 1550
"""Guests' 1500 bytes and VXLAN's 50 over IPv4 (RFC 7348 section 5)."""


class Mtu(Step):
    """Give the underlay room for VXLAN's overhead, now and after every boot."""

    name = "mtu"
    after = ("bond",)

    def not_applicable(self, machine: Machine, settings: HostSettings) -> str:
        """Without a wish there is nothing to do."""
        return "" if settings.mtu else "host.toml says mtu = 0: as it is"

    def changes(self, machine: Machine, settings: HostSettings) -> Sequence[AnyChange]:
        """Raise every device below the label Guest that is lower, the lowest first; never lower one."""
        if settings.mtu < LEAST:
            raise PrepareError(
                f"an MTU of {settings.mtu} leaves no room for guests of 1500", remedy=f"set mtu in host.toml to {LEAST} or more"
            )
        low = [link for link in self._devices(machine, settings) if link.mtu <= settings.mtu]
        for link in low:
            if link.max_mtu and link.max_mtu < settings.mtu:
                raise PrepareError(
                    f"{link.name} takes an MTU of {link.max_mtu} at the most, not {settings.mtu}", remedy=f"set mtu = {link.max_mtu}"
                )
        changes: list[AnyChange] = [
            SetMtu(device=link.name, mtu=settings.mtu, reason="tunnelled frames are 50 or 70 bytes longer")
            for link in low
            if link.mtu < settings.mtu
        ]
        managers: dict[str, list[Link]] = {}
        bonds = {link.name for link in low if link.kind == "bond"}
        for link in low:
            manager = known_manager(machine, link.name) if link.master in bonds else manager_of(machine, link.name)
            if manager is not None:  # a member takes its bond's MTU, and often has no file of its own
                managers.setdefault(manager.name, []).append(link)
        for manager in MANAGERS:
            kept = manager.keep_mtu(machine, managers[manager.name], settings.mtu) if manager.name in managers else ()
            changes += [change for change in kept if not change.done(machine)]
        return changes

    def guard(self, machine: Machine, settings: HostSettings) -> contextlib.AbstractContextManager[None]:
        """Take the MTUs back when a gateway or a management server does not answer any more."""
        return guarded(machine, {link.name: link.mtu for link in reversed(self._devices(machine, settings))})

    def _devices(self, machine: Machine, settings: HostSettings) -> list[Link]:
        """Return what the label Guest, else the way out, stands on: lowest first."""
        links = machine.links()
        device = settings.labels.get("Guest") or machine.way_out()
        whole = labels.stack(links, device)
        if not whole:
            raise PrepareError(
                f"there is no device {device}" if device else "there is neither a label Guest nor a default route",
                remedy="name the underlay's device in host.toml: [labels] Guest = …",
            )
        return whole[::-1]
