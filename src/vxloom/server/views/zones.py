"""Zones, pods and clusters."""

from __future__ import annotations

from collections.abc import Sequence

from vxloom.server.command import fields
from vxloom.server.responses import Fields
from vxloom.server.views.values import by_id
from vxloom.store import ReadTransaction, records

ZONE = fields("""
id string the zone's id
name string its name
networktype string Advanced or Basic
allocationstate string Enabled or Disabled
dns1 string first DNS server of guests
dns2 string second DNS server of guests
internaldns1 string first DNS server of the infrastructure
internaldns2 string second DNS server of the infrastructure
ip6dns1 string first IPv6 DNS server of guests
ip6dns2 string second IPv6 DNS server of guests
ipv6dns1 string the same as ip6dns1, as Ansible spells it
ipv6dns2 string the same as ip6dns2, as Ansible spells it
domain string network domain of guests
domainid string domain the zone is dedicated to
domainname string name of that domain
guestcidraddress string default prefix of isolated networks
dhcpprovider string who gives DHCP
localstorageenabled boolean whether local storage is used
securitygroupsenabled boolean whether security groups are used
zonetoken string the zone's token
tags list tags of the zone
""")

POD = fields("""
id string the pod's id
name string its name
zoneid string its zone's id
zonename string its zone's name
gateway string gateway of the management subnet
netmask string mask of the management subnet
startip list first management address
endip list last management address
allocationstate string Enabled or Disabled
""")

CLUSTER = fields("""
id string the cluster's id
name string its name
zoneid string its zone's id
zonename string its zone's name
podid string its pod's id
podname string its pod's name
hypervisortype string KVM or Simulator
clustertype string CloudManaged
allocationstate string Enabled or Disabled
managedstate string Managed
cpuovercommitratio string CPU overcommit ratio
memoryovercommitratio string memory overcommit ratio
""")


def zone_views(rx: ReadTransaction, zones: Sequence[records.Zone], *, root: bool = True) -> list[Fields]:
    """Return zones; users see less."""
    domains = by_id(rx, records.Domain, (zone.domain for zone in zones))
    return [
        {
            "id": zone.id,
            "name": zone.name,
            "networktype": zone.network_type,
            "allocationstate": zone.allocation_state if root else None,
            "dns1": zone.dns1 if root else None,
            "dns2": zone.dns2 if root else None,
            "internaldns1": zone.internal_dns1 if root else None,
            "internaldns2": zone.internal_dns2 if root else None,
            "ip6dns1": zone.ip6_dns1 if root else None,
            "ip6dns2": zone.ip6_dns2 if root else None,
            # Ansible's module spells them so, and takes what is absent for changed.
            "ipv6dns1": zone.ip6_dns1 if root else None,
            "ipv6dns2": zone.ip6_dns2 if root else None,
            "domain": zone.network_domain,
            "domainid": zone.domain,
            "domainname": domains[zone.domain].name if zone.domain in domains else None,
            "guestcidraddress": zone.guest_cidr if root else None,
            "dhcpprovider": zone.dhcp_provider if root else None,
            "localstorageenabled": zone.local_storage,
            # A Basic zone says so even if nobody asked (Marvin's tests).
            "securitygroupsenabled": zone.security_groups or zone.network_type == "Basic",
            "zonetoken": zone.token if root else None,
            "tags": [],
        }
        for zone in zones
    ]


def pod_views(rx: ReadTransaction, pods: Sequence[records.Pod]) -> list[Fields]:
    """Return pods; startip and endip are lists (Go clients refuse anything else)."""
    zones = by_id(rx, records.Zone, (pod.zone for pod in pods))
    return [
        {
            "id": pod.id,
            "name": pod.name,
            "zoneid": pod.zone,
            "zonename": zones[pod.zone].name,
            "gateway": pod.gateway,
            "netmask": pod.netmask,
            # No empty lists: Ansible takes the first element of any that is there.
            "startip": [pod.start_ip] if pod.start_ip else None,
            "endip": [pod.end_ip] if pod.end_ip else None,
            "allocationstate": pod.allocation_state,
        }
        for pod in pods
    ]


def cluster_views(rx: ReadTransaction, clusters: Sequence[records.Cluster]) -> list[Fields]:
    """Return clusters; the ratios are text."""
    zones = by_id(rx, records.Zone, (cluster.zone for cluster in clusters))
    pods = by_id(rx, records.Pod, (cluster.pod for cluster in clusters))
    return [
        {
            "id": cluster.id,
            "name": cluster.name,
            "zoneid": cluster.zone,
            "zonename": zones[cluster.zone].name,
            "podid": cluster.pod,
            "podname": pods[cluster.pod].name,
            "hypervisortype": cluster.hypervisor,
            "clustertype": cluster.cluster_type,
            "allocationstate": cluster.allocation_state,
            "managedstate": cluster.managed_state,
            "cpuovercommitratio": "1.0",
            "memoryovercommitratio": "1.0",
        }
        for cluster in clusters
    ]
