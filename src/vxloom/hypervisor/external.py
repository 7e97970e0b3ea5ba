"""Guests that others plug in: a tap is found by the name intent gives, or by its MAC as libvirt makes it.

libvirt gives a guest's tap the guest's MAC with ``fe`` as first byte, so that the bridge never takes it as its own
(libvirt's ``virnetdevtap.c``). Nothing is created and nothing removed: a tap that is not there may come later, and the
kernel's event for it starts the binding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from vxloom.hypervisor.source import Plug, Source
from vxloom.model.host import PortDocument
from vxloom.model.intent import GuestSource

_DEVICES = Path("/sys/class/net")


class ExternalSource:
    """Finds taps; owns none."""

    def ensure(self, ports: Sequence[PortDocument], mtus: dict[int, int]) -> tuple[Plug, ...]:
        """See :class:`vxloom.hypervisor.source.Source`."""
        if not ports:
            return ()
        by_mac = _taps_by_mac()
        plugs = []
        for port in ports:
            found = port.tap if (_DEVICES / port.tap).exists() else by_mac.get(f"fe{port.mac[2:]}", "")
            plugs.append(Plug(port.nic, found or port.tap, "running" if found else "absent"))
        return tuple(plugs)

    def remove(self, keep: Sequence[PortDocument], *, prune: bool) -> tuple[str, ...]:
        """See :class:`vxloom.hypervisor.source.Source`."""
        return ()


LOOKING: Mapping[GuestSource, Source] = {GuestSource.EXTERNAL: ExternalSource()}
"""The sources for whoever only looks: they find taps and make none."""


def _taps_by_mac() -> dict[str, str]:
    found: dict[str, str] = {}
    for device in _DEVICES.iterdir():
        try:
            mac = (device / "address").read_text().strip()
        except OSError:
            continue  # gone between listing and reading: it is not there
        if mac.startswith("fe:"):
            found[mac] = device.name
    return found
