"""Tunnel packets of this host, for whoever operates it: captured here, decoded there."""

from __future__ import annotations

from typing import Final

import msgspec

from vxloom.agent.facts import underlay
from vxloom.agent.held import Word
from vxloom.agent.statefile import StateFile
from vxloom.dataplane.capture import Capture
from vxloom.dataplane.netlink import NetlinkSocket, link_dump, parse_links
from vxloom.errors import ConfigError
from vxloom.model.addresses import unpack_ip
from vxloom.model.capture import FAR, PORT, Bounds, CaptureOrder, Known, checked, member_table
from vxloom.model.host import PortDocument, decode_ports
from vxloom.settings import AgentSettings

ANY: Final = "any"
"""libpcap's device that is all of them."""
_MEMBERS: Final = 200_000
"""Members told of in all segments together: a megabyte."""


class Captures:
    """The captures the server asks for. Any thread; one at a time."""

    def __init__(self, settings: AgentSettings) -> None:
        self._settings = settings
        self._now: Capture | None = None

    def capture(self, about: bytes) -> bytes:
        """Return what was captured, as JSON. Raises :class:`ConfigError` for an order that is out of bounds, and where it cannot be done.

        The bounds are held here, too: a server is believed in what it says of segments, not in what it may cost.
        """
        try:
            order = msgspec.json.decode(about, type=CaptureOrder)
        except msgspec.DecodeError as error:
            raise ConfigError(f"this agent does not know what is asked for: {error}", remedy="upgrade the older side") from error
        self._now = prepared(self._settings, order, FAR)
        return msgspec.json.encode(self._now.run())

    def close(self) -> None:
        """End the one that goes on."""
        if self._now is not None:
            self._now.stop()


def prepared(settings: AgentSettings, order: CaptureOrder, bounds: Bounds) -> Capture:
    """Return a capture on this host, held against what it was last told. Raises :class:`ConfigError` for an order that is out of bounds."""
    order = checked(order, bounds)
    return Capture(order, order.device or carrying(underlay(settings)), known(StateFile(settings.state_dir).load()[0].effective()))


def carrying(devices: tuple[str, ...]) -> str:
    """Return the device to capture on: the one that carries the tunnels, or all where they are several, or none is known."""
    return devices[0] if len(devices) == 1 else ANY


def known(word: Word) -> Known:
    """Return what packets on this host are held against: the server's word, or without one the VXLAN devices there are."""
    document = word.document
    if document is None:
        return _devices()
    needed = {need.vni for need in document.segments}
    segments = {
        vni: frozenset(str(unpack_ip(int(row["hi"]), int(row["lo"]))) for row in table.members) | {document.vtep}
        for vni, table in word.tables.items()
        if vni in needed
    }
    vteps, places, members = member_table(segments, _MEMBERS)
    return Known(vtep=document.vtep, port=document.udp_port, vteps=vteps, segments=places, members=members)


def ports_of(settings: AgentSettings, machine: str) -> tuple[PortDocument, ...]:
    """Return the ports of a virtual machine on this host, by its name or id. Raises :class:`ConfigError` when it has none."""
    document = StateFile(settings.state_dir).load()[0].effective().document
    bound = decode_ports(document)[0] if document is not None else ()
    found = tuple(port for port in bound if machine in {port.vm, port.vm_name})
    if not found:
        names = ", ".join(sorted({port.vm_name for port in bound})) or "none"
        raise ConfigError(f"no machine {machine!r} has a port on this host", remedy=f"there are: {names}")
    return found


def _devices() -> Known:
    """A host that vxloom does not manage: its VNIs are known, its peers are not."""
    with NetlinkSocket() as sock:
        found = [link.vxlan for link in parse_links(sock.dump(link_dump())) if link.vxlan is not None]
    vnis = {vxlan.vni for vxlan in found}
    ports = {vxlan.port for vxlan in found}
    port = ports.pop() if len(ports) == 1 else PORT
    return Known(port=port, segments=dict.fromkeys(sorted(vnis), ()) if vnis else None, members=False)
