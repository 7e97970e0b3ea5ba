"""Shared addresses (VRRP): who announced last here, ahead of the server's word. Pure.

The flip is local and at once: the holder's MAC is fixed to its tap before the server has heard of it. The claim is
forgotten when the server's document says the same, or gives the address to a later claimant.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from vxloom.dataplane.announcements import Watched, shared_form
from vxloom.model.host import HostDocument, PortDocument, decode_ports, encode_port
from vxloom.model.state import vxlan_name

Claims = Mapping[tuple[int, str], str]
"""(VNI, address) → NIC id."""


def claimed(document: HostDocument | None, claims: Claims) -> HostDocument | None:
    """Return the document as if the server knew the claims already."""
    if document is None or not claims:
        return document
    ports = decode_ports(document)[0]
    changed = {port.nic: _with_claims(port, claims) for port in ports if port.shared}
    if all(changed[port.nic] == port for port in ports if port.shared):
        return document
    by_raw = [(raw, _nic(raw)) for raw in document.ports]
    return msgspec.structs.replace(document, ports=tuple(encode_port(changed[nic]) if nic in changed else raw for raw, nic in by_raw))


def settled(document: HostDocument | None, claims: Claims) -> dict[tuple[int, str], str]:
    """Return the claims the server's document does not contain yet, of NICs that are still here and still share the address."""
    if document is None:
        return dict(claims)
    ports = decode_ports(document)[0]
    held = {(port.vni, shared_form(address)): port.nic for port in ports for address in port.held}
    sharing = {(port.vni, shared_form(address), port.nic) for port in ports for address in port.shared}
    return {key: nic for key, nic in claims.items() if held.get(key) != nic and (*key, nic) in sharing}


def watched(document: HostDocument | None, taps: Mapping[str, str]) -> dict[str, Watched]:
    """Return the taps to watch; ``taps``: NIC id → the tap it really has."""
    if document is None:
        return {}
    found = {}
    for port in decode_ports(document)[0]:
        if port.shared:
            tap = taps.get(port.nic, port.tap)
            shared, macs, ips = (
                frozenset(map(shared_form, texts)) for texts in (port.shared, (port.mac, *port.security.macs), port.security.ips)
            )
            found[tap] = Watched(tap, vxlan_name(port.vni), shared, macs, ips, port.security.checked)
    return found


def claimant(document: HostDocument | None, taps: Mapping[str, str], tap: str) -> PortDocument | None:
    """Return the port behind a tap."""
    ports = decode_ports(document)[0] if document else ()
    return next((port for port in ports if taps.get(port.nic, port.tap) == tap), None)


def _with_claims(port: PortDocument, claims: Claims) -> PortDocument:
    held = []
    for address in port.shared:
        holder = claims.get((port.vni, shared_form(address)))
        if holder == port.nic or (holder is None and address in port.held):
            held.append(address)
    return msgspec.structs.replace(port, held=tuple(held))


def _nic(raw: msgspec.Raw) -> str:
    nic: str = msgspec.msgpack.decode(raw)["nic"]
    return nic
