"""Which packets are captured, in the words of pcap-filter(7). Pure.

Tunnel packets on their own port; what looks like VXLAN on any other; fragments, which have no ports after the first; and what ICMP says
cannot be delivered. With VNIs or MACs named only those tunnel packets, since the bounds are for what is looked for.
"""

from __future__ import annotations

from vxloom.model.capture import LINUX_PORT, CaptureOrder

_LOOKS_V4 = "(udp[8:4] = 0x08000000 and udp[15] = 0)"
"""Only the I flag, and all that is reserved zero (RFC 7348 section 5)."""
_LOOKS_V6 = "(ip6[6] = 17 and ip6[48:4] = 0x08000000 and ip6[55] = 0)"
"""pcap-filter has no ``udp[]`` for IPv6: 40 bytes of header and 8 of UDP."""
_FRAGMENTS = "(udp and ip[6:2] & 0x1fff != 0) or (ip6[6] = 44 and ip6[40] = 17)"
_ERRORS = "icmp[0] = 3 or (ip6[6] = 58 and (ip6[40] = 1 or ip6[40] = 2))"
"""Destination unreachable (with "fragmentation needed") and "packet too big" (RFC 792, RFC 4443)."""


def expression(order: CaptureOrder, port: int) -> str:
    """Return the filter of an order on a host whose tunnels use this port."""
    ports = sorted({port, LINUX_PORT})
    v4 = " or ".join([*(f"udp dst port {number}" for number in ports), _LOOKS_V4])
    v6 = " or ".join([*(f"(ip6[6] = 17 and ip6[42:2] = {number})" for number in ports), _LOOKS_V6])
    tunnels = f"(ip and ({v4}){_chosen(order, 'udp', 8)}) or (ip6 and ({v6}){_chosen(order, 'ip6', 48)})"
    return f"{tunnels} or {_FRAGMENTS} or {_ERRORS}"


def _chosen(order: CaptureOrder, base: str, start: int) -> str:
    """Return what narrows it down; ``start``: where VXLAN's header begins, with the inner frame 8 bytes on."""
    text = ""
    if order.vnis:
        text += " and (" + " or ".join(f"{base}[{start + 4}:4] >> 8 = {vni}" for vni in order.vnis) + ")"
    if order.macs:
        ends = (start + 8, start + 14)
        sides = [
            f"({base}[{end}:4] = 0x{mac[:8]} and {base}[{end + 4}:2] = 0x{mac[8:]})"
            for mac in (mac.replace(":", "") for mac in order.macs)
            for end in ends
        ]
        text += f" and ({base}[{start + 8}] & 1 = 1 or " + " or ".join(sides) + ")"
    return text
