"""Virtual machines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from vxloom.server.command import fields
from vxloom.server.lifecycle.sizes import size_of
from vxloom.server.responses import Fields
from vxloom.server.views.derived import group_id, os_type_id
from vxloom.server.views.networks import NIC, nic_views
from vxloom.server.views.tags import TAG, tags_of
from vxloom.server.views.values import by_id, owners, stamp, within
from vxloom.store import ReadTransaction, records

MACHINE = fields(
    """
id string the machine's id
name string its host name
displayname string what people read
instancename string its name on the host; root admins only
state string Starting, Running, Stopping, Stopped, Migrating, Destroyed, Expunging or Error
account string the owner; absent where a project owns it
project string the owning project
projectid string that project's id
domainid string the owner's domain
domain string that domain's name
userid string who made it
zoneid string its zone's id
zonename string its zone's name
hostid string the host it runs on; root admins only
hostname string that host's name; root admins only
hypervisor string of its host, the last one it was on, or its template: KVM, or Simulator: it runs nowhere
serviceofferingid string its offering's id
serviceofferingname string its offering's name
templateid string its template's id
templatename string its template's name
templatedisplaytext string its template's text
ostypename string operating system
osdisplayname string operating system
guestosid string operating system's id
ostypeid string operating system's id
cpunumber integer processors
cpuspeed integer MHz
memory integer MiB
haenable boolean whether it is restarted elsewhere
displayvm boolean whether users see it
passwordenabled boolean always false
isdynamicallyscalable boolean always false
group string its group
groupid string that group's id
keypair string its SSH key pair
rootdeviceid long always 0
rootdevicetype string ROOT
ipaddress string address of its default NIC
details map what was given at deployment
nic list its NICs
tags list tags of the machine
securitygroup list always empty
affinitygroup list always empty
created date when it was made
pendinghosts list in a job's result: hosts that have not yet acknowledged
narrowpath string in a job's result: which path between hosts carries less than a network of it needs; root admins only
""",
    nic=NIC,
    tags=TAG,
)


def machine_views(rx: ReadTransaction, machines: Sequence[records.Vm], *, root: bool) -> list[Fields]:
    """Return machines with all their NICs; where they run is for root admins."""
    zones = by_id(rx, records.Zone, (vm.zone for vm in machines))
    offerings = by_id(rx, records.ServiceOffering, (vm.service_offering for vm in machines))
    templates = by_id(rx, records.Template, (vm.template for vm in machines))
    whose = owners(rx, (vm.account for vm in machines))
    tags = tags_of(rx, (vm.id for vm in machines), whose)
    hosts = rx.hosts_of([vm.id for vm in machines]) if root and machines else {}
    nics = _nics(rx, machines, root=root)
    last = by_id(rx, records.Host, (vm.last_host for vm in machines))
    return [
        {
            "id": vm.id,
            "name": vm.name,
            "displayname": vm.display_name,
            "instancename": vm.instance_name or None if root else None,
            "state": vm.state.value,
            **whose[vm.account],
            "userid": vm.user,
            "zoneid": vm.zone,
            "zonename": zones[vm.zone].name,
            "hostid": hosts[vm.id].id if vm.id in hosts else None,
            "hostname": hosts[vm.id].name if vm.id in hosts else None,
            **_built_from(vm, offerings[vm.service_offering], templates[vm.template]),
            "hypervisor": last[vm.last_host].hypervisor if vm.last_host in last else templates[vm.template].hypervisor,
            "haenable": vm.ha_enable,
            "displayvm": vm.display_vm,
            "passwordenabled": False,
            "isdynamicallyscalable": False,
            "group": vm.group_name,
            "groupid": group_id(vm.account, vm.group_name) if vm.group_name else None,
            "keypair": vm.keypair,
            "rootdeviceid": 0,
            "rootdevicetype": "ROOT",
            "ipaddress": next((nic.get("ipaddress") for nic in nics[vm.id] if nic["isdefault"]), None),
            "details": vm.details or None,
            "nic": nics[vm.id],
            "tags": tags[vm.id],
            "securitygroup": [],
            "affinitygroup": [],
            "created": stamp(vm.created),
        }
        for vm in machines
    ]


def machine_view(rx: ReadTransaction, vm: records.Vm, *, root: bool) -> Fields:
    """Return one machine."""
    return machine_views(rx, [vm], root=root)[0]


def _built_from(vm: records.Vm, offering: records.ServiceOffering, template: records.Template) -> Fields:
    size = size_of(offering, vm.details)
    return {
        "serviceofferingid": offering.id,
        "serviceofferingname": offering.name,
        "templateid": template.id,
        "templatename": template.name,
        "templatedisplaytext": template.display_text,
        "ostypename": template.os_type,
        "guestosid": os_type_id(template.os_type),
        "ostypeid": os_type_id(template.os_type),
        "osdisplayname": template.os_type,
        "cpunumber": size.cpus,
        "cpuspeed": size.speed,
        "memory": size.memory,
    }


def _nics(rx: ReadTransaction, machines: Sequence[records.Vm], *, root: bool) -> dict[str, list[Fields]]:
    rows = within(rx, records.Nic, "vm", (vm.id for vm in machines), order="position")
    found: dict[str, list[Fields]] = defaultdict(list)
    for row, view in zip(rows, nic_views(rx, rows, root=root), strict=True):
        found[row.vm].append(view)
    return found
