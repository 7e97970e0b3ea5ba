"""Network offerings, service offerings, templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vxloom.model.intent import GuestSource
from vxloom.server.command import fields
from vxloom.server.responses import Fields
from vxloom.server.views.derived import os_type_id
from vxloom.server.views.tags import TAG, tags_of
from vxloom.server.views.values import owners, stamp
from vxloom.store import ReadTransaction, records

NETWORK_OFFERING = fields(
    """
id string the offering's id
name string its name
displaytext string what people read
guestiptype string L2, Isolated or Shared
traffictype string Guest
state string Enabled or Disabled
availability string Optional, Required or Unavailable
isdefault boolean whether it came with the system
conservemode boolean whether one address may serve several services
specifyvlan boolean whether networks of it state their VNI
specifyipranges boolean whether networks of it state their addresses
ispersistent boolean whether networks of it have a VNI at once
egressdefaultpolicy boolean whether traffic outwards is let through
forvpc boolean always false
networkrate integer Mbit/s
maxconnections integer connections of a load balancer
tags string tag of the physical network to use
serviceofferingid string offering of the routers
domainid string domains that may use it, comma-separated
zoneid string zones it is for, comma-separated
created date when it was made
details map further details
service list services and their providers
""",
    service=fields("name string the service\ncapability list its capabilities\nprovider list who provides it"),
)

SERVICE_OFFERING = fields("""
id string the offering's id
name string its name
displaytext string what people read
cpunumber integer processors
cpuspeed integer MHz
memory integer MiB
hosttags string tags a host must have
issystem boolean whether it is for system machines
defaultuse boolean whether it is a default
offerha boolean whether machines of it are restarted elsewhere
limitcpuuse boolean whether the processor share is a limit
isvolatile boolean whether disks are reset
iscustomized boolean whether size is chosen at deployment
serviceofferingdetails map bounds of a customized one: mincpunumber, maxcpunumber, minmemory, maxmemory
storagetype string shared
state string Active
created date when it was made
""")

TEMPLATE = fields(
    """
id string the template's id
name string its name
displaytext string what people read
hypervisor string KVM
format string QCOW2
ostypename string operating system
ostypeid string operating system's id
size long bytes
status string Download Complete
templatetype string USER
zoneid string the zone asked for
zonename string its name
ispublic boolean whether all accounts see it
isfeatured boolean whether it is shown first
isready boolean whether it can be used
isextractable boolean whether it can be downloaded
passwordenabled boolean whether passwords are set
sshkeyenabled boolean whether keys are set
crosszones boolean whether it is in all zones
account string the owner
domainid string the owner's domain
domain string that domain's name
details map vxloom.source: who runs machines made of it, where that is not the host's agent
created date when it was made
tags list tags of the template
""",
    tags=TAG,
)


def network_offering_views(rx: ReadTransaction, offerings: Sequence[records.NetworkOffering]) -> list[Fields]:
    """Return network offerings; serviceofferingid and forvpc are always there (libcloud indexes them hard)."""
    routers = rx.one(records.ServiceOffering)
    return [
        {
            "id": offering.id,
            "name": offering.name,
            "displaytext": offering.display_text,
            "guestiptype": offering.guest_type,
            "traffictype": offering.traffic_type,
            "state": offering.state,
            "availability": offering.availability,
            "isdefault": offering.is_default,
            "conservemode": offering.conserve_mode,
            "specifyvlan": offering.specify_vlan,
            "specifyipranges": offering.specify_ip_ranges,
            "ispersistent": offering.is_persistent,
            "egressdefaultpolicy": offering.egress_default,
            "forvpc": offering.for_vpc,
            "networkrate": offering.network_rate,
            "maxconnections": offering.max_connections,
            "tags": offering.tags,
            "serviceofferingid": offering.service_offering or (routers.id if routers else ""),
            "domainid": ",".join(offering.domains) or None,
            "zoneid": ",".join(offering.zones) or None,
            "created": stamp(offering.created),
            "details": offering.details or None,
            "service": services(offering.services),
        }
        for offering in offerings
    ]


def services(offered: Mapping[str, tuple[str, ...]]) -> list[Fields]:
    """Return services as clients see them: all of an offering's, or those a network has."""
    return [
        {"name": name, "capability": [], "provider": [{"name": provider} for provider in providers]}
        for name, providers in sorted(offered.items())
    ]


def service_offering_views(offerings: Sequence[records.ServiceOffering]) -> list[Fields]:
    """Return service offerings; memory and cpunumber are always there (libcloud)."""
    return [
        {
            "id": offering.id,
            "name": offering.name,
            "displaytext": offering.display_text,
            "cpunumber": offering.cpu_number,
            "cpuspeed": offering.cpu_speed,
            "memory": offering.memory,
            "hosttags": offering.host_tags,
            "issystem": offering.is_system,
            "defaultuse": False,
            "offerha": offering.offer_ha,
            "limitcpuuse": False,
            "isvolatile": False,
            "iscustomized": offering.limits is not None,
            "serviceofferingdetails": {key.lower(): value for key, value in offering.limits.items()} if offering.limits else None,
            "storagetype": "shared",
            "state": "Active",
            "created": stamp(offering.created),
        }
        for offering in offerings
    ]


def template_views(rx: ReadTransaction, templates: Sequence[records.Template], zones: Sequence[records.Zone]) -> list[Fields]:
    """Return templates, once for each of ``zones``, as the real server does; without any zone: once."""
    whose = owners(rx, (template.account for template in templates))
    tags = tags_of(rx, (template.id for template in templates), whose)
    places: Sequence[records.Zone | None] = zones or [None]
    return [
        {
            "id": template.id,
            "name": template.name,
            "displaytext": template.display_text,
            "hypervisor": template.hypervisor,
            "format": template.format,
            "ostypename": template.os_type,
            "ostypeid": os_type_id(template.os_type),
            "size": template.size,
            "status": "Download Complete" if template.is_ready else "Not ready",
            "templatetype": "USER",
            "zoneid": zone.id if zone is not None else None,
            "zonename": zone.name if zone is not None else None,
            "ispublic": template.is_public,
            "isfeatured": template.is_featured,
            "isready": template.is_ready,
            "isextractable": False,
            "passwordenabled": False,
            "sshkeyenabled": False,
            "crosszones": True,
            **whose.get(template.account, {}),
            "details": None if template.guest_source is GuestSource.NAMESPACE else {"vxloom.source": template.guest_source.value},
            "created": stamp(template.created),
            "tags": tags[template.id],
        }
        for template in templates
        for zone in places
    ]
