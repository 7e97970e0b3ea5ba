"""Physical networks and their traffic types."""

from __future__ import annotations

from collections.abc import Sequence

from vxloom.server.command import fields
from vxloom.server.responses import Fields
from vxloom.server.views.values import by_id
from vxloom.store import ReadTransaction, records

PHYSICAL = fields("""
id string the physical network's id
name string its name
zoneid string its zone's id
zonename string its zone's name
state string Enabled or Disabled
isolationmethods string VXLAN or VLAN; absent where none was stated
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


def physical_views(rx: ReadTransaction, networks: Sequence[records.PhysicalNetwork]) -> list[Fields]:
    """Return physical networks; tags, vlan and isolationmethods are absent when unset (Marvin's tests)."""
    zones = by_id(rx, records.Zone, (network.zone for network in networks))
    return [
        {
            "id": network.id,
            "name": network.name,
            "zoneid": network.zone,
            "zonename": zones[network.zone].name,
            "state": network.state,
            "isolationmethods": network.isolation_method or None,
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
