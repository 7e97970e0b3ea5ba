"""What CloudStack has and we do not: lists answer empty, writes are refused with the reason. Never a pretended success.

Clients ask many lists on their way to something else (libcloud: public addresses before every list of machines; the UI: whether there
is a quota). Those are commands like any other, each a row of a table here instead of a file. A command that becomes real gets its file
and loses its row.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import ClassVar

from vxloom.errors import RequestError
from vxloom.server.call import Call
from vxloom.server.command import Command, fields
from vxloom.server.listing import paged
from vxloom.server.parameters import LISTING, OWNED, Kind, Parameter
from vxloom.server.responses import Fields

MARK = "always empty here"
"""Stands in the description of every list that is."""

# name, key of the objects, who may ask ("all" accounts, or root admins), filters taken, what would be listed
_EMPTY = """
listPublicIpAddresses publicipaddress all id,ipaddress,zoneid,networkid,associatednetworkid,vpcid,vlanid,state public addresses
listPortForwardingRules portforwardingrule all id,ipaddressid,networkid port forwarding rules
listIpForwardingRules ipforwardingrule all id,ipaddressid,virtualmachineid static NAT rules
listFirewallRules firewallrule all id,ipaddressid,networkid firewall rules
listEgressFirewallRules firewallrule all id,ipaddressid,networkid egress rules
listIpv6FirewallRules ipv6firewallrule all id,networkid,traffictype IPv6 firewall rules
listRoutingFirewallRules firewallrule all id,networkid,traffictype firewall rules of routed networks
listLoadBalancerRules loadbalancerrule all id,name,publicipid,networkid,virtualmachineid,zoneid load balancer rules
listLoadBalancerRuleInstances loadbalancerruleinstance all id,applied,lbvmips machines behind a load balancer rule
listLoadBalancers loadbalancer all id,name,networkid,scheme,sourceipaddress internal load balancers
listLBStickinessPolicies stickinesspolicies all id,lbruleid stickiness policies
listLBHealthCheckPolicies healthcheckpolicies all id,lbruleid health checks of load balancers
listInternalLoadBalancerVMs internalloadbalancervm root id,name,networkid,zoneid,podid,hostid,vpcid,state internal load balancer machines
listGlobalLoadBalancerRules globalloadbalancerrule all id,regionid load balancer rules over regions
listSslCerts sslcert all certid,accountid,lbruleid certificates of load balancers
listVPCs vpc all id,name,cidr,displaytext,zoneid,vpcofferingid,state,supportedservices VPCs
listVPCOfferings vpcoffering all id,name,displaytext,isdefault,state,supportedservices,zoneid VPC offerings
listPrivateGateways privategateway all id,vpcid,ipaddress,vlan,state private gateways of VPCs
listStaticRoutes staticroute all id,gatewayid,vpcid,state static routes of VPCs
listNetworkACLLists networkacllist all id,name,networkid,vpcid access control lists
listNetworkACLs networkacl all id,aclid,networkid,action,protocol,traffictype rules of access control lists
listVpnGateways vpngateway all id,vpcid VPN gateways
listVpnConnections vpnconnection all id,vpcid VPN connections
listVpnCustomerGateways vpncustomergateway all id VPN customer gateways
listRemoteAccessVpns remoteaccessvpn all id,networkid,publicipid remote access VPNs
listVpnUsers vpnuser all id,username VPN users
listRouters router root id,name,networkid,zoneid,podid,clusterid,hostid,state,vpcid,forvpc,version virtual routers
listSystemVms systemvm root id,name,zoneid,podid,hostid,state,storageid,systemvmtype system machines
listSecurityGroups securitygroup all id,securitygroupname,virtualmachineid security groups
listGuestNetworkIpv6Prefixes guestnetworkipv6prefix root id,zoneid IPv6 prefixes that networks are made from
listIpv4SubnetsForZone zoneipv4subnet root id,zoneid,subnet IPv4 prefixes that routed networks are made from
listIpv4SubnetsForGuestNetwork ipv4subnetforguestnetwork root id,parentid,zoneid,networkid,subnet,vpcid IPv4 prefixes of routed networks
listBgpPeers bgppeer root id,zoneid,asnumber,isdedicated BGP peers of routed networks
listASNRanges asnumberrange root zoneid AS number ranges of routed networks
listASNumbers asnumber root zoneid,networkid,vpcid,asnrangeid,asnumber,isallocated AS numbers of routed networks
listPortableIpRanges portableiprange root id,regionid portable addresses
listQuarantinedIps quarantinedip all showremoved,showinactive addresses in quarantine
listStorageNetworkIpRange storagenetworkiprange root id,podid,zoneid addresses of storage networks
listNetworkDevice networkdevice root networkdevicetype network devices
listOvsElements ovselement root id,nspid,enabled Open vSwitch elements
listNetworkPermissions networkpermission all networkid accounts a network is shared with
listIsos iso all id,name,zoneid,isofilter,ispublic,isready,bootable,hypervisor ISO images
listDiskOfferings diskoffering all id,name,zoneid disk offerings
listSnapshots snapshot all id,ids,name,volumeid,zoneid,snapshottype,intervaltype snapshots
listSnapshotPolicies snapshotpolicy all id,volumeid snapshot policies
listVMSnapshot vmsnapshot all name,virtualmachineid,vmsnapshotid,state snapshots of machines
listStoragePools storagepool root id,name,zoneid,podid,clusterid,ipaddress,path,scope storage pools
listImageStores imagestore root id,name,zoneid,provider,protocol,readonly image stores
listSecondaryStagingStores secondarystagingstore root id,name,zoneid,provider,protocol staging stores
listAffinityGroups affinitygroup all id,name,type,virtualmachineid affinity groups
listAffinityGroupTypes affinitygrouptype all - kinds of affinity groups
listInstanceGroups instancegroup all id,name instance groups
listUserData userdata all id,name registered user data
listAutoScaleVmGroups autoscalevmgroup all id,lbruleid,policyid,vmprofileid,zoneid groups that scale themselves
listAutoScaleVmProfiles autoscalevmprofile all id,serviceofferingid,templateid,zoneid profiles of groups that scale themselves
listAutoScalePolicies autoscalepolicy all id,action,conditionid,vmgroupid policies of groups that scale themselves
listConditions condition all id,counterid,policyid conditions of groups that scale themselves
listCounters counter all id,name,source counters of groups that scale themselves
listBackupOfferings backupoffering all id,zoneid backup offerings
listBackups backup all id,virtualmachineid,zoneid,backupofferingid backups
listKubernetesClusters kubernetescluster all id,name,state Kubernetes clusters
listAnnotations annotation all id,entityid,entitytype,annotationfilter comments
listResourceIcon resourceicon all resourceids,resourcetype icons
listRegions region all id,name regions
listProjectInvitations projectinvitation all id,activeonly,state invitations to projects
listDedicatedZones dedicatedzone root zoneid,affinitygroupid zones dedicated to an account
listDedicatedPods dedicatedpod root podid,affinitygroupid pods dedicated to an account
listDedicatedClusters dedicatedcluster root clusterid,affinitygroupid clusters dedicated to an account
listDedicatedHosts dedicatedhost root hostid,affinitygroupid hosts dedicated to an account
listLdapConfigurations LdapConfiguration all hostname,port LDAP servers
listUsageRecords usagerecord root startdate,enddate,type,usageid usage records
listUsageTypes usagetype all - kinds of usage
"""

_FALSE = {
    # CloudianIsEnabledCmd.java: an object named after the command; QuotaEnabledResponse.java: an object "isenabled" with such a field
    "cloudianIsEnabled": ("Tells whether the Cloudian connector is enabled: it never is.", "cloudianisenabled", "enabled"),
    "quotaIsEnabled": ("Tells whether there are quotas: there never are.", "isenabled", "isenabled"),
}
"""name → description, key of the object, its one field."""

_WRAPPERS = {"listLdapConfigurations": "ldapconfigurationresponse"}
"""Whose answer's key is not made from the command's name."""

_LISTED_BY = {
    "accountid": "listAccounts",
    "clusterid": "listClusters",
    "hostid": "listHosts",
    "networkid": "listNetworks",
    "podid": "listPods",
    "serviceofferingid": "listServiceOfferings",
    "templateid": "listTemplates",
    "virtualmachineid": "listVirtualMachines",
    "volumeid": "listVolumes",
    "vpcid": "listVPCs",
    "zoneid": "listZones",
}
"""Filter by an id → the command that lists what it may name."""

_FLAGS = {"applied", "lbvmips", "bootable", "enabled", "showremoved", "showinactive", "readonly"}
_NO_ROUTER = "networks have no virtual router"
_OWN_ROUTER = "run a router as a machine with a NIC in each network"
_NO_STORAGE = "there is no storage to manage: machines are what the hosts' hypervisor runs"

# reason | what to do instead, then the commands
_REFUSED = (
    (
        f"{_NO_ROUTER}, so no public addresses",
        _OWN_ROUTER,
        """associateIpAddress disassociateIpAddress updateIpAddress acquirePodIpAddress releasePodIpAddress reserveIpAddress
        releaseIpAddress removeQuarantinedIp updateQuarantinedIp createPortableIpRange deletePortableIpRange""",
    ),
    (
        f"{_NO_ROUTER}, so no NAT",
        _OWN_ROUTER,
        """enableStaticNat disableStaticNat createIpForwardingRule deleteIpForwardingRule createPortForwardingRule
        updatePortForwardingRule deletePortForwardingRule""",
    ),
    (
        f"{_NO_ROUTER}, so no firewall between networks and the outside",
        "networks are isolated from one another as they are; filter in the guest, or in a router you run",
        """createFirewallRule updateFirewallRule deleteFirewallRule createEgressFirewallRule updateEgressFirewallRule
        deleteEgressFirewallRule createIpv6FirewallRule updateIpv6FirewallRule deleteIpv6FirewallRule createRoutingFirewallRule
        updateRoutingFirewallRule deleteRoutingFirewallRule""",
    ),
    (
        f"{_NO_ROUTER}, so no load balancers",
        "run a load balancer as a machine; allowSharedAddress lets two share an address (VRRP)",
        """createLoadBalancerRule updateLoadBalancerRule deleteLoadBalancerRule assignToLoadBalancerRule removeFromLoadBalancerRule
        createLBStickinessPolicy updateLBStickinessPolicy deleteLBStickinessPolicy createLBHealthCheckPolicy updateLBHealthCheckPolicy
        deleteLBHealthCheckPolicy createLoadBalancer updateLoadBalancer deleteLoadBalancer uploadSslCert deleteSslCert
        assignCertToLoadBalancer removeCertFromLoadBalancer createGlobalLoadBalancerRule updateGlobalLoadBalancerRule
        deleteGlobalLoadBalancerRule assignToGlobalLoadBalancerRule removeFromGlobalLoadBalancerRule createInternalLoadBalancerElement
        startInternalLoadBalancerVM stopInternalLoadBalancerVM""",
    ),
    (
        f"{_NO_ROUTER}, so none to start, stop or change",
        "restartNetwork sends a network's state to its hosts anew",
        """startRouter stopRouter rebootRouter destroyRouter changeServiceForRouter upgradeRouterTemplate createVirtualRouterElement
        getRouterHealthCheckResults""",
    ),
    (
        f"{_NO_ROUTER}, so no VPCs",
        f"make a network per tier and {_OWN_ROUTER}",
        """createVPC updateVPC restartVPC deleteVPC migrateVPC createVPCOffering updateVPCOffering deleteVPCOffering createPrivateGateway
        deletePrivateGateway createStaticRoute deleteStaticRoute""",
    ),
    (
        f"{_NO_ROUTER}, so no access control lists",
        "filter in the guest, or in a router you run",
        """createNetworkACLList updateNetworkACLList deleteNetworkACLList replaceNetworkACLList createNetworkACL
        updateNetworkACLItem moveNetworkAclItem deleteNetworkACL""",
    ),
    (
        f"{_NO_ROUTER}, so no VPNs",
        "run a VPN gateway as a machine",
        """createVpnGateway updateVpnGateway deleteVpnGateway createVpnCustomerGateway updateVpnCustomerGateway deleteVpnCustomerGateway
        createVpnConnection updateVpnConnection resetVpnConnection deleteVpnConnection createRemoteAccessVpn updateRemoteAccessVpn
        deleteRemoteAccessVpn addVpnUser removeVpnUser""",
    ),
    (
        f"{_NO_ROUTER}, so no routed mode and no BGP",
        _OWN_ROUTER,
        """createBgpPeer updateBgpPeer deleteBgpPeer dedicateBgpPeer releaseBgpPeer changeBgpPeersForNetwork changeBgpPeersForVpc
        createASNRange deleteASNRange releaseASNumber createIpv4SubnetForZone updateIpv4SubnetForZone deleteIpv4SubnetForZone
        dedicateIpv4SubnetForZone releaseIpv4SubnetForZone createIpv4SubnetForGuestNetwork deleteIpv4SubnetForGuestNetwork
        createGuestNetworkIpv6Prefix deleteGuestNetworkIpv6Prefix""",
    ),
    (
        "there are no security groups",
        "a port is held to its own addresses as it is; filter in the guest",
        """createSecurityGroup updateSecurityGroup deleteSecurityGroup authorizeSecurityGroupIngress authorizeSecurityGroupEgress
        revokeSecurityGroupIngress revokeSecurityGroupEgress""",
    ),
    (
        "there is no storage network",
        "it is the hosts' own affair",
        "createStorageNetworkIpRange updateStorageNetworkIpRange deleteStorageNetworkIpRange",
    ),
    (
        "networks are made by the hosts' kernels, not by devices or controllers",
        "make the physical network with isolationmethods=VXLAN",
        """addNetworkDevice deleteNetworkDevice configureOvsElement addNiciraNvpDevice deleteNiciraNvpDevice addNsxController
        deleteNsxController addNetrisProvider deleteNetrisProvider addOpenDaylightController deleteOpenDaylightController
        addBrocadeVcsDevice deleteBrocadeVcsDevice addBigSwitchBcfDevice deleteBigSwitchBcfDevice addPaloAltoFirewall
        configurePaloAltoFirewall deletePaloAltoFirewall addNetscalerLoadBalancer configureNetscalerLoadBalancer
        deleteNetscalerLoadBalancer""",
    ),
    (
        "a network keeps the offering and the place it was made with",
        "make another network, and give the machines a NIC there",
        "migrateNetwork",
    ),
    (
        "a network is not shared with single accounts",
        "make a Shared network for a domain or for everybody",
        "createNetworkPermissions removeNetworkPermissions resetNetworkPermissions",
    ),
    (
        _NO_STORAGE,
        "the hypervisor manages it",
        """createVolume attachVolume detachVolume deleteVolume destroyVolume recoverVolume migrateVolume resizeVolume updateVolume
        uploadVolume extractVolume assignVolume changeOfferingForVolume createSnapshot deleteSnapshot revertSnapshot copySnapshot
        createSnapshotPolicy updateSnapshotPolicy deleteSnapshotPolicies createVMSnapshot deleteVMSnapshot revertToVMSnapshot
        createDiskOffering updateDiskOffering deleteDiskOffering createStoragePool updateStoragePool deleteStoragePool addImageStore
        updateImageStore deleteImageStore addSecondaryStorage createSecondaryStagingStore deleteSecondaryStagingStore registerIso
        updateIso copyIso deleteIso extractIso attachIso detachIso migrateVirtualMachineWithVolume createBackup restoreBackup
        deleteBackup""",
    ),
    (
        "there are no groups of machines",
        "use tags (createTags)",
        """createInstanceGroup updateInstanceGroup deleteInstanceGroup createAffinityGroup deleteAffinityGroup updateVMAffinityGroup
        createAutoScaleVmGroup updateAutoScaleVmGroup deleteAutoScaleVmGroup enableAutoScaleVmGroup disableAutoScaleVmGroup
        createAutoScaleVmProfile updateAutoScaleVmProfile deleteAutoScaleVmProfile createAutoScalePolicy updateAutoScalePolicy
        deleteAutoScalePolicy createCondition updateCondition deleteCondition createCounter deleteCounter""",
    ),
    ("user data is not kept under a name", "give userdata to deployVirtualMachine", "registerUserData deleteUserData"),
    (
        "zones, pods, clusters and hosts are not dedicated",
        "dedicateGuestVlanRange dedicates VNIs",
        """dedicateZone releaseDedicatedZone dedicatePod releaseDedicatedPod dedicateCluster releaseDedicatedCluster dedicateHost
        releaseDedicatedHost""",
    ),
    (
        "there are no system machines",
        "leave it out",
        "startSystemVm stopSystemVm rebootSystemVm destroySystemVm migrateSystemVm scaleSystemVm changeServiceForSystemVm patchSystemVm",
    ),
    (
        "there are no limits on what an account has",
        "listResourceLimits answers -1 for every kind",
        "updateResourceLimit updateResourceCount",
    ),
    (
        "members join projects at once",
        "addAccountToProject needs no invitation",
        "updateProjectInvitation deleteProjectInvitation addUserToProject deleteUserFromProject",
    ),
    (
        "nobody is let in through LDAP",
        "make accounts with createAccount",
        "addLdapConfiguration deleteLdapConfiguration linkDomainToLdap linkAccountToLdap importLdapUsers ldapCreateAccount",
    ),
)


class Absent(Command):
    """A command that answers for something we do not have."""

    object_name: ClassVar[str]


class EmptyList(Absent):
    """A list of what there is none of."""

    def run(self, call: Call) -> Fields:
        """Return an empty list; page and pagesize are checked as in every other."""
        with call.read() as rx:
            return paged(rx, call.arguments, self.object_name, [])


class NeverEnabled(Absent):
    """A question whether something is switched on that we do not have."""

    def run(self, call: Call) -> Fields:
        """Return one object with its one field false."""
        return {self.object_name: {field.name: False for field in self.answer}}


def commands() -> Iterator[Absent]:
    """Yield the commands of the tables, made anew."""
    for line in _EMPTY.strip().splitlines():
        name, key, who, filters, what = line.split(maxsplit=4)
        owned = OWNED if who == "all" else ()
        given = tuple(_filter(word, name) for word in filters.split(",") if word != "-")
        text = f"Lists {what}: {MARK}."
        yield _command(EmptyList, name, text, "id string its id", key, parameters=(*given, *owned, *LISTING), users=who == "all")
    for name, (text, key, field) in _FALSE.items():
        yield _command(NeverEnabled, name, text, f"{field} boolean always false", key, parameters=(), users=True)


def refusal(name: str) -> RequestError | None:
    """Return the error (432) of a write of CloudStack's that we do not have, with the reason; None for any other name."""
    found = REFUSED.get(name)
    if found is None:
        return None
    reason, instead = found
    return RequestError(f"{name} is not supported: {reason}", code=432, cs_code=9999, remedy=instead)


REFUSED = MappingProxyType({name: (reason, instead) for reason, instead, names in _REFUSED for name in names.split()})
"""Command → why there is none, and what to do instead."""


def _command(kind: type[Absent], name: str, text: str, answer: str, key: str, *, parameters: tuple[Parameter, ...], users: bool) -> Absent:
    members: dict[str, object] = {
        "__doc__": text,
        "name": name,
        "object_name": key,
        "answer": fields(answer),
        "parameters": parameters,
        "for_users": users,
        "example": name,
        "wrapper": _WRAPPERS.get(name, ""),
    }
    made: type[Absent] = type(name[0].upper() + name[1:], (kind,), members)
    return made()


def _filter(name: str, command: str) -> Parameter:
    if name.endswith("ids"):
        return Parameter(name, Kind.LIST, "only these", length=4000)
    if name == "id":
        return Parameter(name, Kind.UUID, "only this one", related=command)
    if name.endswith("id"):
        return Parameter(name, Kind.UUID, "only those of this one", related=_LISTED_BY.get(name, ""))
    if name in _FLAGS or name.startswith("is"):
        return Parameter(name, Kind.BOOLEAN, "only those for which this is so")
    return Parameter(name, Kind.STRING, "only those with this")
