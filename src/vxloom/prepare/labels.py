"""Traffic labels: which devices they end on, and whether CloudStack's agent would see them so. Pure.

Source: BridgeVifDriver.java and LibvirtComputingResource.java of CloudStack 4.22.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from vxloom.prepare.machine import Link

_SEEN = re.compile(r"^(eth|bond|vlan|vx|vni|em|ens|eno|enp|team|enx|dummy|lo)|^p\d+p\d+")
"""Names of ports among which CloudStack's agent looks for a bridge's way out; it does not find others."""


def is_seen(name: str) -> bool:
    """Tell whether CloudStack's agent recognises an interface's name."""
    return bool(_SEEN.match(name))


def stack(links: Mapping[str, Link], name: str) -> list[Link]:
    """Return a device and all it stands on, topmost first: a bridge's ports (no taps), a bond's members, a VLAN's parent."""
    found: list[Link] = []
    waiting = [name]
    while waiting:
        link = links.get(waiting.pop(0))
        if link is None or link in found:
            continue
        found.append(link)
        if link.kind in {"bridge", "bond"}:
            waiting += [each.name for each in links.values() if each.master == link.name and _is_way_out(link, each)]
        elif link.kind in {"vlan", "macvlan"} and link.lower:
            waiting.append(link.lower.partition("@")[0])
    return found


def hardware(links: Mapping[str, Link], name: str) -> frozenset[str]:
    """Return the names of the lowest devices a label ends on."""
    whole = stack(links, name)
    return frozenset(link.name for link in whole if link.kind not in {"bridge", "bond", "vlan", "macvlan"})


def _is_way_out(bridge: Link, port: Link) -> bool:
    """Tell whether a port leads out of the machine: guests' taps and tunnels of ours do not."""
    return bridge.kind == "bond" or (port.kind not in {"tun", "vxlan"} and not port.name.startswith(("vnet", "tap", "veth-vxl")))
