"""Networks and NICs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from vxloom.server.command import fields
from vxloom.server.lifecycle.access import DOMAIN
from vxloom.server.lifecycle.services import delivered
from vxloom.server.responses import Fields
from vxloom.server.views.offerings import services
from vxloom.server.views.tags import TAG, tags_of
from vxloom.server.views.values import by_id, owners, stamp, within
from vxloom.store import ReadTransaction, records
from vxloom.store.prefixes import subnet_of, subnets_of

NETWORK = fields(
    """
id string the network's id
name string its name
displaytext string what people read
zoneid string its zone's id
zonename string its zone's name
state string Allocated (no VNI yet), Implementing, Implemented, Setup, Shutdown or Destroy
type string L2, Isolated or Shared
traffictype string Guest
acltype string Account or Domain
account string the owner; absent where a project owns it
project string the owning project
projectid string that project's id
domainid string the owner's domain
domain string that domain's name
physicalnetworkid string its physical network's id
broadcastdomaintype string Vxlan or Vlan
broadcasturi string vxlan://VNI; root admins only
vlan string the VNI; root admins only
cidr string IPv4 prefix
gateway string IPv4 gateway
netmask string IPv4 mask
startip string first address given to guests
endip string last address given to guests
ip6cidr string IPv6 prefix
ip6gateway string IPv6 gateway
startipv6 string first IPv6 address given to guests
endipv6 string last IPv6 address given to guests
dns1 string first DNS server
dns2 string second DNS server
ip6dns1 string first IPv6 DNS server
ip6dns2 string second IPv6 DNS server
networkdomain string network domain
privatemtu integer bytes a guest may send in one packet
networkofferingid string its offering's id
networkofferingname string its offering's name
networkofferingdisplaytext string its offering's text
networkofferingconservemode boolean its offering's conserve mode
networkofferingavailability string its offering's availability
canusefordeploy boolean whether machines may be put on it
displaynetwork boolean whether users see it
isdefault boolean always false
ispersistent boolean whether it has a VNI without machines
issystem boolean always false
restartrequired boolean whether a restart is due
specifyipranges boolean whether its addresses were stated
specifyvlan boolean whether its VNI was stated
strechedl2subnet boolean always false
subdomainaccess boolean whether sub-domains may use it
redundantrouter boolean always false
created date when it was made
service list the services it really has, and their providers
zonesnetworkspans list always empty
tags list tags of the network
""",
    tags=TAG,
    service=fields("name string the service\ncapability list its capabilities\nprovider list who provides it"),
)

NIC = fields("""
id string the NIC's id
networkid string its network's id
networkname string its network's name
virtualmachineid string its machine's id
traffictype string Guest
type string L2, Isolated or Shared
macaddress string MAC address
isdefault boolean whether it is the machine's first way out
deviceid string its position, 0 is the first
broadcasturi string vxlan://VNI; root admins only
isolationuri string vxlan://VNI; root admins only
vlanid integer the VNI; root admins only
ipaddress string IPv4 address; absent on L2 networks
netmask string IPv4 mask
gateway string IPv4 gateway
ip6address string IPv6 address
ip6cidr string IPv6 prefix
ip6gateway string IPv6 gateway
mtu integer bytes a guest may send in one packet
secondaryip list further addresses
extradhcpoption list always empty
sharedaddresses list IPs and MACs it may share with other NICs (VRRP)
""")


SECONDARY_IP = fields("""
id string the address's id
ipaddress string the address
nicid string the NIC's id
networkid string the network's id
virtualmachineid string the machine's id
""")


def network_views(rx: ReadTransaction, networks: Sequence[records.Network], *, root: bool) -> list[Fields]:
    """Return networks; VNIs are for root admins."""
    zones = by_id(rx, records.Zone, (network.zone for network in networks))
    offerings = by_id(rx, records.NetworkOffering, (network.offering for network in networks))
    theirs = whose(rx, networks)
    tags = tags_of(rx, (network.id for network in networks))
    return [{**_network(n, zones[n.zone], offerings[n.offering], theirs[n.id], root=root), "tags": tags[n.id]} for n in networks]


def whose(rx: ReadTransaction, networks: Sequence[records.Network]) -> dict[str, dict[str, str]]:
    """Return network id → the fields that say whose it is: an account's, a project's, or a domain's."""
    accounts = owners(rx, (network.account for network in networks if network.acl_type != DOMAIN))
    return {n.id: accounts[n.account] for n in networks if n.acl_type != DOMAIN} | _domains(rx, networks)


def _domains(rx: ReadTransaction, networks: Sequence[records.Network]) -> dict[str, dict[str, str]]:
    """Return network id → the fields that say which domain's it is, for those that are no account's; everybody's are ROOT's."""
    theirs = [network for network in networks if network.acl_type == DOMAIN]
    root = rx.one(records.Domain, parent=None) if theirs else None
    found = by_id(rx, records.Domain, (network.domain for network in theirs))
    domains = {network.id: found.get(network.domain or "", root) for network in theirs}
    return {key: {"domainid": domain.id, "domain": domain.name} for key, domain in domains.items() if domain is not None}


def _network(
    network: records.Network, zone: records.Zone, offering: records.NetworkOffering, whose: Mapping[str, str], *, root: bool
) -> Fields:
    return {
        "id": network.id,
        "name": network.name,
        "displaytext": network.display_text,
        "zoneid": network.zone,
        "zonename": zone.name,
        "state": network.state.value,
        "type": network.guest_type,
        "traffictype": network.traffic_type,
        "acltype": network.acl_type,
        **whose,
        "physicalnetworkid": network.physical_network,
        "broadcastdomaintype": network.broadcast_scheme.capitalize(),
        "broadcasturi": broadcast_uri(network) if root else None,
        "vlan": str(network.vni) if root and network.vni is not None else None,
        **_prefixes(network),
        "privatemtu": network.mtu,
        "networkofferingid": offering.id,
        "networkofferingname": offering.name,
        "networkofferingdisplaytext": offering.display_text,
        "networkofferingconservemode": offering.conserve_mode,
        "networkofferingavailability": offering.availability,
        "canusefordeploy": True,
        "displaynetwork": network.display_network,
        "isdefault": False,
        "ispersistent": network.is_persistent,
        "issystem": False,
        "restartrequired": network.restart_required,
        "specifyipranges": offering.specify_ip_ranges,
        "specifyvlan": offering.specify_vlan,
        "strechedl2subnet": False,
        "subdomainaccess": network.subdomain_access,
        "redundantrouter": False,
        "created": stamp(network.created),
        "service": services(delivered(offering.services)),
        "zonesnetworkspans": [],
    }


def _prefixes(network: records.Network) -> Fields:
    return {
        "cidr": network.cidr,
        "gateway": network.gateway,
        "netmask": network.netmask,
        "startip": network.start_ip,
        "endip": network.end_ip,
        "ip6cidr": network.ip6_cidr,
        "ip6gateway": network.ip6_gateway,
        "startipv6": network.start_ip6,
        "endipv6": network.end_ip6,
        "dns1": network.dns1,
        "dns2": network.dns2,
        "ip6dns1": network.ip6_dns1,
        "ip6dns2": network.ip6_dns2,
        "networkdomain": network.network_domain,
    }


def broadcast_uri(network: records.Network) -> str | None:
    """Return ``vxlan://VNI``, or None while the network has none."""
    return None if network.vni is None else f"{network.broadcast_scheme}://{network.vni}"


def nic_views(rx: ReadTransaction, nics: Sequence[records.Nic], *, root: bool) -> list[Fields]:
    """Return NICs; on an L2 network there is no address, mask or gateway key at all (Marvin's tests)."""
    networks = by_id(rx, records.Network, (nic.network for nic in nics))
    addresses: dict[str, list[records.NicIp]] = defaultdict(list)
    for row in within(rx, records.NicIp, "nic", (nic.id for nic in nics)):
        addresses[row.nic].append(row)
    ranges: dict[str, list[records.IpRange]] = defaultdict(list)
    for added in within(rx, records.IpRange, "network", networks, order="created"):
        ranges[str(added.network)].append(added)
    return [_nic(nic, networks[nic.network], addresses[nic.id], ranges[nic.network], root=root) for nic in nics]


def secondary_view(nic: records.Nic, row: records.NicIp) -> Fields:
    """Return one secondary address of a NIC."""
    return {"id": row.id, "ipaddress": row.address, "nicid": nic.id, "networkid": nic.network, "virtualmachineid": nic.vm}


def _nic(
    nic: records.Nic, network: records.Network, addresses: Sequence[records.NicIp], ranges: Sequence[records.IpRange], *, root: bool
) -> Fields:
    uri = broadcast_uri(network) if root else None
    own = {row.family: row.address for row in addresses if not row.secondary}
    return {
        "id": nic.id,
        "networkid": network.id,
        "networkname": network.name,
        "virtualmachineid": nic.vm,
        "traffictype": network.traffic_type,
        "type": network.guest_type,
        "macaddress": nic.mac,
        "isdefault": nic.is_default,
        "deviceid": str(nic.position),
        "broadcasturi": uri,
        "isolationuri": uri,
        "vlanid": network.vni if root else None,
        **_guest_addresses(network, own, ranges),
        "mtu": network.mtu,
        "secondaryip": [{"id": row.id, "ipaddress": row.address} for row in addresses if row.secondary],
        "extradhcpoption": [],
        "sharedaddresses": list(nic.shared) or None,
    }


def _guest_addresses(network: records.Network, own: Mapping[int, str], ranges: Sequence[records.IpRange]) -> Fields:
    """Return what the cloud gave; an L2 network has none of it. In a range added to the network it is that range's mask and gateway."""
    subnet = subnet_of(subnets_of(network, ranges), own[4]) if ranges and 4 in own else None
    return {
        "ipaddress": own.get(4),
        "netmask": str(subnet.prefix.netmask) if subnet else network.netmask,
        "gateway": subnet.gateway if subnet else network.gateway,
        "ip6address": own.get(6),
        "ip6cidr": network.ip6_cidr,
        "ip6gateway": network.ip6_gateway,
    }
