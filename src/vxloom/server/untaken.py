"""Parameters of CloudStack's that we can do nothing with: refused, answered empty, or taken without effect. Nothing is dropped unsaid.

A parameter that is ignored does harm: a filter that does not filter has a script delete everything, and a machine comes without the disk
that was asked for. So every parameter CloudStack 4.22 has for a command of ours is either declared by that command, which reads it, or it
is in a table here, with the reason that callers are told (tests/meta/test_parameters.py). A name like ``isvnf=false`` is for values
that ask for nothing: with them all is well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import MappingProxyType

from vxloom.errors import RequestError
from vxloom.server.parameters import Arguments, Kind, Parameter, unknown_id


class Effect(StrEnum):
    """What comes of giving such a parameter."""

    REFUSED = "refused"
    """431, with the reason."""
    UNKNOWN = "names nothing"
    """431, as for any unknown id: it filters by something there is none of."""
    EMPTY = "nothing fits"
    """The list is empty: it filters by something nothing has."""
    IDLE = "without effect"
    """Taken: there is nothing to do, or clients always send it."""


@dataclass(frozen=True, slots=True)
class Untaken:
    """One such parameter of one command."""

    name: str
    effect: Effect
    why: str
    harmless: tuple[str, ...] = ()
    """Values, in lower case, that ask for nothing."""

    @property
    def declared(self) -> Parameter:
        """What ``listApis`` tells of it."""
        kind = Kind.BOOLEAN if set(self.harmless) & {"true", "false"} else Kind.UUID if self.effect is Effect.UNKNOWN else Kind.STRING
        return Parameter(self.name, kind, self.told)

    @property
    def told(self) -> str:
        """What it means, in one line."""
        but = f" unless {' or '.join(self.harmless)}" if self.harmless else ""
        return f"{self.effect}{but}: {self.why}"

    def asked(self, given: Arguments) -> bool:
        """Tell whether it is given, and asks for something."""
        if given.rows(self.name):
            return True
        text = (given.filled(self.name) or "").lower()
        if self.harmless == ("false",):
            return text == "true"  # as with every boolean: anything else is false
        return bool(text) and text not in self.harmless


def of(command: str) -> tuple[Untaken, ...]:
    """Return such parameters of a command."""
    return _all().get(command, ())


def refuse(command: str, given: Arguments) -> None:
    """Raise :class:`RequestError` 431 where one is given that is refused, or that can only name what there is none of."""
    for one in of(command):
        if one.effect is Effect.REFUSED and one.asked(given):
            raise RequestError(f"{one.name} cannot be given: {one.why}", remedy=f"leave {one.name} out")
        if one.effect is Effect.UNKNOWN and one.asked(given):
            raise unknown_id(one.name, given.need(one.name))


def fits_nothing(command: str, given: Arguments) -> bool:
    """Tell whether a filter is given that nothing fits: the list is empty, however the others are."""
    return any(one.effect is Effect.EMPTY and one.asked(given) for one in of(command))


_NO_ROUTER = "networks have no virtual router"
_NO_STORAGE = "there is no storage to manage: machines are what the hosts' hypervisor runs"
_NO_HARDWARE = "what a guest's hardware is is its hypervisor's business"
_NO_GROUPS = "there are no security groups and no affinity groups"
_NO_USER_DATA = "no user data is registered; userdata takes it as it is"
_NO_EXTENSIONS = "there are no extensions: the hypervisor is KVM, or Simulator"
_NO_LEASES = "machines have no leases"
_NO_TEMPLATE_FILE = "a template is a name for what hosts run: no file, no settings of one"
_NO_BGP = "networks are not routed by BGP"
_NO_SDN = "networks are VXLAN segments of the hosts: there is no NSX, Tungsten or Netris"

_REFUSED = {
    "a host is enabled when it joins; updateHost disables it": "addHost: allocationstate=enabled=enable",
    "nobody is invited by mail": "addAccountToProject: email",
    "members of a project are its admins or its regular members": "addAccountToProject: projectroleid",
    "it is for vSphere or Oracle VM": """
        addCluster: guestvswitchname guestvswitchtype ovm3cluster=false ovm3pool ovm3vip publicvswitchname publicvswitchtype vsmipaddress
            vsmpassword vsmusername""",
    _NO_EXTENSIONS: """
        addCluster: extensionid externaldetails
        addHost: externaldetails
        createServiceOffering: externaldetails
        deployVirtualMachine: externaldetails
        registerTemplate: extensionid externaldetails
        updateCluster: externaldetails
        updateHost: externaldetails cleanupexternaldetails=false
        updateServiceOffering: externaldetails cleanupexternaldetails=false""",
    _NO_STORAGE: """
        addCluster: storageaccessgroups
        addHost: storageaccessgroups
        changeServiceForVirtualMachine: automigrate=false maxiops miniops shrinkok=false
        createPod: storageaccessgroups
        createServiceOffering: bytesreadrate bytesreadratemax bytesreadratemaxlength byteswriterate byteswriteratemax
            byteswriteratemaxlength cachemode customizediops=false diskofferingid diskofferingstrictness=false encryptroot=false
            hypervisorsnapshotreserve iopsreadrate iopsreadratemax iopsreadratemaxlength iopswriterate iopswriteratemax
            iopswriteratemaxlength isvolatile=false maxiops miniops provisioningtype=thin purgeresources=false rootdisksize storagepolicy
            storagetype=shared tags
        createTemplate: snapshotid
        createZone: storageaccessgroups
        deployVirtualMachine: copyimagetags=false datadiskofferinglist datadisksdetails diskofferingid iodriverpolicy
            iothreadsenabled=false overridediskofferingid rootdisksize size snapshotid volumeid
        destroyVirtualMachine: volumeids
        listVolumes: clusterid hostid podid
        migrateVirtualMachine: storageid
        restoreVirtualMachine: details diskofferingid expunge=false rootdisksize
        scaleVirtualMachine: automigrate=false maxiops miniops shrinkok=false
        updateServiceOffering: purgeresources=false storagetags""",
    "hosts tell their own architecture": """
        addCluster: arch
        listClusters: arch
        listHosts: arch
        listOsCategories: arch
        listTemplates: arch
        listVirtualMachines: arch
        updateCluster: arch""",
    "there is no gateway between physical networks": "addNetworkServiceProvider: destinationphysicalnetworkid",
    "nothing answers DHCP here": """
        addNicToVirtualMachine: dhcpoptions
        deployVirtualMachine: dhcpoptionsnetworklist
        updateVirtualMachine: dhcpoptionsnetworklist""",
    "accounts have no details of their own": """
        createAccount: accountdetails
        updateAccount: accountdetails""",
    "keys work as long as their user is enabled; delete or disable it": """
        listAccounts: apikeyaccess
        listUsers: apikeyaccess
        updateAccount: apikeyaccess
        updateUser: apikeyaccess""",
    "there is no second factor": "updateUser: mandate2fa=false",
    _NO_BGP: """
        createNetwork: asnumber bgppeerids cidrsize
        createNetworkOffering: networkmode=natted routingmode specifyasnumber=false""",
    "a VNI is one network's": "createNetwork: bypassvlanoverlapcheck=false",
    "networks are known here by their own ids": "createNetwork: externalid",
    "there are no private VLANs: its guests would reach each other": "createNetwork: isolatedpvlan isolatedpvlantype",
    "there are no VPCs": """
        createNetwork: vpcid
        createNetworkOffering: forvpc=false""",
    "there are no network ACLs": "createNetwork: aclid",
    "there are no private gateways": "createNetwork: associatednetworkid",
    "a network's MTU follows its hosts' underlay": """
        createNetwork: privatemtu
        updateNetwork: privatemtu""",
    "a part of its prefix cannot be kept for others": "updateNetwork: guestvmcidr",
    _NO_ROUTER: """
        createNetwork: hideipaddressusage=false publicmtu routerip routeripv6 sourcenatipaddress
        createNetworkOffering: keepaliveenabled=false servicecapabilitylist serviceofferingid
        restartNetwork: livepatch=false makeredundant=false
        updateNetwork: changecidr=false forced=false hideipaddressusage=false publicmtu sourcenatipaddress updateinsequence=false
        updateNetworkOffering: keepaliveenabled=false""",
    _NO_SDN: """
        createNetwork: tungstenvirtualrouteruuid
        createNetworkOffering: fornsx=false fortungsten=false nsxsupportlb=false nsxsupportsinternallb=false provider
        createVlanIpRange: provider""",
    "a network has IPv6 where it is made with an IPv6 prefix": "createNetworkOffering: internetprotocol=ipv4",
    "physical networks are all domains'": "createPhysicalNetwork: domainid",
    "a project is an account's: its users are all alike": """
        createProject: userid
        updateProject: userid""",
    "placement follows room and tags": """
        createServiceOffering: deploymentplanner
        deployVirtualMachine: deploymentplanner
        startVirtualMachine: considerlasthost=false deploymentplanner""",
    _NO_HARDWARE: """
        createServiceOffering: dynamicscalingenabled=false gpucount gpudisplay=false limitcpuuse=false serviceofferingdetails vgpuprofileid
        deployVirtualMachine: bootintosetup=false bootmode boottype dynamicscalingenabled=false extraconfig keyboard nicmultiqueuenumber
            nicpackedvirtqueuesenabled=false password properties
        rebootVirtualMachine: bootintosetup=false
        startVirtualMachine: bootintosetup=false
        updateVirtualMachine: extraconfig isdynamicallyscalable=false ostypeid""",
    "nothing shapes a guest's traffic": "createServiceOffering: networkrate",
    "service offerings are for all domains and zones": """
        createServiceOffering: domainid zoneid
        updateServiceOffering: domainid zoneid""",
    "there are no system machines": "createServiceOffering: systemvmtype",
    _NO_LEASES: """
        createServiceOffering: leaseduration leaseexpiryaction
        deployVirtualMachine: leaseduration leaseexpiryaction
        updateVirtualMachine: leaseduration leaseexpiryaction""",
    "lists are in the order of names, or of age": """
        updateNetworkOffering: sortkey
        updateServiceOffering: sortkey
        updateTemplate: sortkey
        updateZone: sortkey""",
    "a service offering is there until it is deleted": "updateServiceOffering: state=active",
    _NO_TEMPLATE_FILE: """
        createTemplate: arch bits details isdynamicallyscalable=false passwordenabled=false requireshvm=false sshkeyenabled=false
            templatetag url
        registerTemplate: arch bits checksum deployasis=false details directdownload=false forcks=false isdynamicallyscalable=false
            isextractable=false isrouting=false passwordenabled=false requireshvm=false sshkeyenabled=false templatetag templatetype=user
        updateTemplate: arch bootable=false cleanupdetails=false details forceupdateostype=false forcks=false format
            isdynamicallyscalable=false isrouting=false passwordenabled=false requireshvm=false sshkeyenabled=false templatetag
            templatetype=user""",
    "a template is in the zone of the machine, and in all others": "createTemplate: zoneid",
    "there are no system templates to delete": "deleteTemplate: issystem=false",
    "there are no public addresses": """
        createVlanIpRange: account domainid forsystemvms=false forvirtualnetwork=false podid projectid
        updateVlanIpRange: forsystemvms=false""",
    "IPv6 is stated when the network is made": """
        createVlanIpRange: startipv6 endipv6 ip6cidr ip6gateway
        updateVlanIpRange: startipv6 endipv6 ip6cidr ip6gateway""",
    "there are no edge zones": "createZone: isedge=false",
    _NO_GROUPS: """
        deployVirtualMachine: affinitygroupids affinitygroupnames securitygroupids securitygroupnames
        updateVirtualMachine: securitygroupids securitygroupnames""",
    _NO_USER_DATA: """
        deployVirtualMachine: userdataid userdatadetails
        updateVirtualMachine: userdataid userdatadetails""",
    "projects are accounts'": "listProjects: username",
    "only one kind of capacity is listed": "listCapacity: sortby tag",
    "an event is a moment and stands alone": "listEvents: duration entrytime startid",
    "numbers are found by vnet": "listGuestVlans: keyword",
    "count is in every answer; ask with page=1 and pagesize=1": """
        listNetworks: retrieveonlyresourcecount=false
        listVirtualMachines: retrieveonlyresourcecount=false
        listVolumes: retrieveonlyresourcecount=false""",
    "ask with networkid": "listVirtualMachines: forvirtualnetwork",
    "getVirtualMachineUserData tells it": "listVirtualMachines: userdata=false",
    "families of operating systems are the same everywhere": "listOsCategories: zoneid",
    "sizes are listed as they are: compare them yourself": "listServiceOfferings: cpunumber cpuspeed memory",
    "what was deleted is not listed": "listTemplates: showremoved=false",
    "families of operating systems are not kept with templates": "listTemplates: oscategoryid",
    "machines have tags, volumes have none to look for": "listVolumes: tags",
    "jobs are asked for by jobid; listAsyncJobs finds them by resource": "queryAsyncJobResult: resourceid resourcetype",
    "the key pair is one of the machine's owner": "resetSSHKeyForVirtualMachine: account domainid",
    "an object's id stays": """
        updateNetwork: customid
        updateVirtualMachine: customid instancename""",
    "who may destroy a machine may destroy it": "updateVirtualMachine: deleteprotection=false",
    "families of operating systems are not kept with hosts": "updateHost: oscategoryid",
    "tags are words, not rules": "updateHost: istagarule=false",
    "nobody here reads it": "updateZone: details dnssearchorder",
    "zones are everybody's": "updateZone: ispublic=true",
}
"""Why it cannot be given → command: parameters."""

_UNKNOWN = {
    "there are no affinity groups": "listVirtualMachines: affinitygroupid",
    "there are no groups that scale themselves": "listVirtualMachines: autoscalevmgroupid",
    "there are no backups": "listVirtualMachines: backupofferingid",
    _NO_EXTENSIONS: """
        listTemplates: extensionid
        listVirtualMachines: extensionid""",
    "there are no ISO images": "listVirtualMachines: isoid",
    "there are no security groups": "listVirtualMachines: securitygroupid",
    _NO_STORAGE: """
        listTemplates: imagestoreid storageid
        listVirtualMachines: storageid
        listVolumes: diskofferingid storageid""",
    "no user data is registered": "listVirtualMachines: userdataid",
    "there are no VPCs": """
        listNetworks: vpcid
        listVirtualMachines: vpcid""",
    "servers are not listed": """
        listAsyncJobs: managementserverid
        listHosts: managementserverid""",
    "members of a project are its admins or its regular members": "listProjectAccounts: projectroleid",
    "there are no GPUs": "listServiceOfferings: vgpuprofileid",
    "limits have no ids": "listResourceLimits: id",
}
_EMPTY = {
    "accounts are gone when they are deleted": "listAccounts: iscleanuprequired=false",
    "all clusters are managed": "listClusters: managedstate=managed",
    _NO_STORAGE: """
        listClusters: storageaccessgroup
        listHosts: storageaccessgroup
        listPods: storageaccessgroup
        listServiceOfferings: encryptroot=false storagetype=shared
        listVolumes: isencrypted=false
        listZones: storageaccessgroup""",
    "settings have no groups": "listConfigurations: group parent subgroup",
    "power is not managed": "listHosts: outofbandmanagementenabled=false outofbandmanagementpowerstate",
    _NO_BGP: "listNetworkOfferings: routingmode",
    _NO_ROUTER: "listNetworkOfferings: sourcenatsupported=false",
    "everything is displayed": """
        listNics: fordisplay=true
        listOsTypes: fordisplay=true
        listVolumes: displayvolume=true""",
    "nothing of the kind is here": """
        listOsCategories: isfeatured=false isiso=false isvnf=false
        listServiceOfferings: gpuenabled=false systemvmtype
        listTemplates: forcks=false isvnf=false parenttemplateid
        listVirtualMachines: gpuenabled=false isvnf=false leased=false""",
    "nothing of them has a name to look for": """
        listCapacity: keyword
        listDedicatedGuestVlanRanges: keyword
        listInternalLoadBalancerElements: keyword
        listNics: keyword
        listResourceLimits: keyword
        listVirtualRouterElements: keyword""",
    "accounts are members of projects, users are not": "listProjectAccounts: userid",
    "limits have no tags": "listResourceLimits: tag",
    "no network is the system's, a default one, or a VPC's": "listNetworks: forvpc=false isdefault=false issystem=false",
    "machines may be on every network": "listNetworks: canusefordeploy=true",
    "there are no private gateways": "listNetworks: associatednetworkid",
    "no host is kept free for high availability": "listHosts: hahost=false",
    "roles are enabled": "listRoles: state=enabled",
    "offerings are there until they are deleted": "listServiceOfferings: state=active=all",
    "templates are ready at once": "listTemplates: isready=true",
    "there are no system, routing or built-in templates": "listTemplates: templatetype=user",
    "volumes are ready at once": "listVolumes: state=ready",
    "users are kept here": "listUsers: usersource=native",
    "zones are nobody's own": "listZones: domainid",
    "zones have no tags": "listZones: tags",
}
_IDLE = {
    "there are no icons": """
        listAccounts: showicon
        listDomainChildren: showicon
        listDomains: showicon
        listNetworks: showicon
        listOsCategories: showicon
        listProjects: showicon
        listTemplates: showicon
        listUsers: showicon
        listVirtualMachines: showicon
        listZones: showicon""",
    "it asks for fields, not for objects: the answer has all there are": """
        listAccounts: details tag
        listClusters: showcapacities
        listDomains: details tag
        listPods: showcapacities
        listProjects: details
        listTemplates: details
        listVirtualMachines: accumulate details
        listZones: showcapacities""",
    "all that the caller may see are listed, either way": """
        listDomainChildren: listall
        listDomains: listall""",
    "it is counted at every call": "listCapacity: fetchlatest",
    "there are no system machines to list beside": "listVolumes: listsystemvms",
    "every service offering is everybody's, in all zones": """
        listServiceOfferings: account domainid isrecursive listall projectid templateid zoneid""",
    "it counts for ISO images, with CloudStack too; Ansible's cs_instance sends it": "deployVirtualMachine: hypervisor",
    "a template is in all zones; Ansible's cs_template always sends it": "registerTemplate: zoneid zoneids",
    "machines keep a template that is deleted": "deleteTemplate: forced",
    "hosts join by themselves; Ansible's cs_cluster and cs_host send them": """
        addCluster: url username password
        addHost: username password
        updateHost: url""",
    "no machine is lost with a host's storage": "deleteHost: forcedestroylocalstorage",
    "a network is deleted when nobody uses it, or not at all; libcloud always sends it": "deleteNetwork: forced",
    "a namespace is made anew at once, either way": "rebootVirtualMachine: forced",
    "nothing is interrupted, either way; Ansible's cs_network always sends it": "restartNetwork: cleanup",
    "the cookie says which session; the web interface sends it": "logout: sessionkey",
    "the key pair is one of the machine's owner; Ansible's cs_instance sends it": "resetSSHKeyForVirtualMachine: projectid",
}
TABLES = ((Effect.REFUSED, _REFUSED), (Effect.UNKNOWN, _UNKNOWN), (Effect.EMPTY, _EMPTY), (Effect.IDLE, _IDLE))


@cache
def _all() -> Mapping[str, tuple[Untaken, ...]]:
    found: dict[str, list[Untaken]] = {}
    for effect, table in TABLES:
        for why, text in table.items():
            for command, words in rows(text):
                for name, *harmless in (word.split("=") for word in words):
                    found.setdefault(command, []).append(Untaken(name, effect, why, tuple(harmless)))
    return MappingProxyType({command: tuple(sorted(some, key=lambda one: one.name)) for command, some in found.items()})


def rows(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield command → words of a table's text: a command's row goes on until the next."""
    command, words = "", list[str]()
    for word in text.split():
        if word.endswith(":"):
            if command:
                yield command, words
            command, words = word[:-1], []
        else:
            words.append(word)
    yield command, words
