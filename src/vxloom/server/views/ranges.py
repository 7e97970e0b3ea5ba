"""Ranges of addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from vxloom.server.command import fields
from vxloom.server.responses import Fields
from vxloom.server.views.networks import broadcast_uri, whose
from vxloom.server.views.values import by_id
from vxloom.store import ReadTransaction, records

RANGE = fields("""
id string the range's id
networkid string its network's id
physicalnetworkid string its physical network's id
zoneid string its zone's id
vlan string its network's VNI: vxlan://5001
startip string first address
endip string last address
gateway string its gateway
netmask string its mask
cidr string its prefix
forvirtualnetwork boolean always false: there are no public addresses
forsystemvms boolean always false
account string the network's owner; absent on networks of a domain
domainid string the owner's domain
domain string that domain's name
""")


def range_views(rx: ReadTransaction, ranges: Sequence[records.IpRange]) -> list[Fields]:
    """Return ranges of shared networks."""
    networks = by_id(rx, records.Network, (row.network for row in ranges))
    theirs = whose(rx, list(networks.values()))
    return [_range(row, networks.get(row.network or ""), theirs.get(row.network or "", {})) for row in ranges]


def _range(row: records.IpRange, network: records.Network | None, theirs: Fields) -> Fields:
    return {
        "id": row.id,
        "networkid": row.network,
        "physicalnetworkid": row.physical_network,
        "zoneid": row.zone,
        "vlan": broadcast_uri(network) if network else row.vlan,
        "startip": row.start_ip,
        "endip": row.end_ip,
        "gateway": row.gateway,
        "netmask": row.netmask,
        "cidr": str(ipaddress.IPv4Network(f"{row.gateway}/{row.netmask}", strict=False)) if row.gateway and row.netmask else None,
        "forvirtualnetwork": row.for_virtual_network,
        "forsystemvms": row.for_system_vms,
        **theirs,
    }
