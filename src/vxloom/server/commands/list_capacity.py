"""listCapacity."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command, fields
from vxloom.server.lifecycle.collector import vni_usage
from vxloom.server.listing import paged
from vxloom.server.parameters import PAGE, PAGE_SIZE, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.values import percent
from vxloom.store import ReadTransaction, records

VNIS = 7
"""CloudStack's CAPACITY_TYPE_VLAN (Capacity.java)."""


class ListCapacity(Command):
    """Lists how much of what there is is used: VNIs (type 7)."""

    name = "listCapacity"
    parameters = (
        Parameter("zoneid", Kind.UUID, "only this zone", related="listZones"),
        Parameter("type", Kind.INTEGER, "7: VNIs; other kinds are not counted here"),
        Parameter("podid", Kind.UUID, "VNIs are not of a pod: nothing is listed", related="listPods"),
        Parameter("clusterid", Kind.UUID, "VNIs are not of a cluster: nothing is listed", related="listClusters"),
        PAGE,
        PAGE_SIZE,
    )
    answer = fields("""
type integer 7
name string VLAN
zoneid string the zone's id
zonename string the zone's name
capacityused long VNIs taken or not yet free
capacityallocated long the same
capacitytotal long VNIs of the pool
percentused string share in use
""")
    example = "listCapacity type=7"

    def run(self, call: Call) -> Fields:
        """Return a line for each zone."""
        given = call.arguments
        with call.read() as rx:
            zones = [owners.fetch(rx, records.Zone, zone, "zoneid")] if (zone := given.filled("zoneid")) else rx.all(records.Zone)
            for name, kind in (("podid", records.Pod), ("clusterid", records.Cluster)):
                if below := given.filled(name):
                    owners.fetch(rx, kind, below, name)
            wanted = given.number("type") in {None, VNIS} and not (given.filled("podid") or given.filled("clusterid"))
            return paged(rx, given, "capacity", [_capacity(rx, zone) for zone in zones] if wanted else [])


def _capacity(rx: ReadTransaction, zone: records.Zone) -> Fields:
    used, total = vni_usage(rx, zone.id)
    return {
        "type": VNIS,
        "name": "VLAN",
        "zoneid": zone.id,
        "zonename": zone.name,
        "capacityused": used,
        "capacityallocated": used,
        "capacitytotal": total,
        "percentused": percent(used, total),
    }
