"""Physical networks, their traffic types, and the VNIs in use."""

from __future__ import annotations

from collections.abc import Sequence

from vxloom.server.command import fields
from vxloom.server.responses import Fields
from vxloom.server.views.values import by_id, owners
from vxloom.store import ReadTransaction, records

PHYSICAL = fields("""
id string the physical network's id
name string its name
zoneid string its zone's id
zonename string its zone's name
state string Enabled or Disabled
isolationmethods string VXLAN or VLAN
vlan string ranges of VNIs: 5000-5100,6000-6999
broadcastdomainrange string ZONE or POD
networkspeed string speed of the network
tags string tag that offerings ask for
""")

TRAFFIC = fields("""
id string the traffic type's id
traffictype string Guest, Management, Public or Storage
physicalnetworkid string its physical network's id
kvmnetworklabel string bridge or interface on KVM hosts
vmwarenetworklabel string label on VMware hosts
xennetworklabel string label on Xen hosts
hypervnetworklabel string label on Hyper-V hosts
ovm3networklabel string label on OVM3 hosts
isolationmethods string isolation method
vlan string VLAN of the traffic
""")

GUEST_VLAN = fields("""
id string the allocation's id
vlan string the VNI
allocationstate string Allocated, Draining or Free
physicalnetworkid string its physical network's id
physicalnetworkname string its physical network's name
zoneid string its zone's id
zonename string its zone's name
isdedicated boolean whether it is kept for an account
account string the account that has it
domainid string that account's domain
domain string that domain's name
network list the networks that have it
""")


def physical_views(rx: ReadTransaction, networks: Sequence[records.PhysicalNetwork]) -> list[Fields]:
    """Return physical networks; tags and vlan are absent when unset (Marvin's tests)."""
    zones = by_id(rx, records.Zone, (network.zone for network in networks))
    return [
        {
            "id": network.id,
            "name": network.name,
            "zoneid": network.zone,
            "zonename": zones[network.zone].name,
            "state": network.state,
            "isolationmethods": network.isolation_method,
            "vlan": rx.vni_ranges_text(network.id) or None,
            "broadcastdomainrange": network.broadcast_domain_range,
            "networkspeed": network.network_speed,
            "tags": network.tags,
        }
        for network in networks
    ]


def traffic_views(types: Sequence[records.TrafficType]) -> list[Fields]:
    """Return traffic types."""
    return [
        {
            "id": kind.id,
            "traffictype": kind.traffic_type,
            "physicalnetworkid": kind.physical_network,
            "kvmnetworklabel": kind.kvm_label,
            "vmwarenetworklabel": kind.vmware_label,
            "xennetworklabel": kind.xen_label,
            "hypervnetworklabel": kind.hyperv_label,
            "ovm3networklabel": kind.ovm3_label,
            "isolationmethods": kind.isolation_method,
            "vlan": kind.vlan,
        }
        for kind in types
    ]


def guest_vlan_views(rx: ReadTransaction, allocations: Sequence[records.VniAllocation]) -> list[Fields]:
    """Return VNIs that are taken or not yet free again."""
    zones = by_id(rx, records.Zone, (row.zone for row in allocations))
    physical = by_id(rx, records.PhysicalNetwork, (row.physical_network for row in allocations))
    networks = by_id(rx, records.Network, (row.network for row in allocations))
    whose = owners(rx, (row.account for row in allocations if row.account))
    views: list[Fields] = []
    for row in allocations:
        network = networks.get(row.network or "")
        place = physical.get(row.physical_network or "")
        views.append(
            {
                "id": row.id,
                "vlan": str(row.vni),
                "allocationstate": "Allocated" if row.state is records.AllocationState.USED else "Draining",
                "physicalnetworkid": row.physical_network,
                "physicalnetworkname": place.name if place else None,
                "zoneid": row.zone,
                "zonename": zones[row.zone].name,
                "isdedicated": False,
                **whose.get(row.account or "", {}),
                "network": [{"id": network.id, "name": network.name}] if network else [],
            }
        )
    return views
