"""Volumes: one for each machine, so that clients can name what a machine is made of."""

from __future__ import annotations

from collections.abc import Sequence

from vxloom.server.command import fields
from vxloom.server.responses import Fields
from vxloom.server.views.derived import root_volume_id
from vxloom.server.views.tags import TAG, tags_of
from vxloom.server.views.values import by_id, owners, stamp
from vxloom.store import ReadTransaction, records

VOLUME = fields(
    """
id string the volume's id
name string ROOT- and the machine's internal name
type string ROOT
state string Ready
size long bytes of the template it was made from
deviceid long always 0
virtualmachineid string its machine's id
vmname string that machine's name
vmdisplayname string what people read
vmstate string that machine's state
templateid string its template's id
templatename string its template's name
templatedisplaytext string its template's text
zoneid string its zone's id
zonename string its zone's name
hypervisor string KVM
isextractable boolean always false
account string the owner
domainid string the owner's domain
domain string that domain's name
created date when it was made
tags list tags of the volume
""",
    tags=TAG,
)
PREFIX = "ROOT-"


def volume_views(rx: ReadTransaction, machines: Sequence[records.Vm]) -> list[Fields]:
    """Return machines' ROOT volumes."""
    zones = by_id(rx, records.Zone, (vm.zone for vm in machines))
    templates = by_id(rx, records.Template, (vm.template for vm in machines))
    whose = owners(rx, (vm.account for vm in machines))
    tags = tags_of(rx, (root_volume_id(vm.id) for vm in machines), whose)
    return [
        {
            "id": root_volume_id(vm.id),
            "name": f"{PREFIX}{vm.instance_name}",
            "type": "ROOT",
            "state": "Ready",
            "size": templates[vm.template].size,
            "deviceid": 0,
            "virtualmachineid": vm.id,
            "vmname": vm.name,
            "vmdisplayname": vm.display_name,
            "vmstate": vm.state.value,
            "templateid": vm.template,
            "templatename": templates[vm.template].name,
            "templatedisplaytext": templates[vm.template].display_text,
            "zoneid": vm.zone,
            "zonename": zones[vm.zone].name,
            "hypervisor": templates[vm.template].hypervisor,
            "isextractable": False,
            **whose[vm.account],
            "created": stamp(vm.created),
            "tags": tags[root_volume_id(vm.id)],
        }
        for vm in machines
    ]
