"""listCapacity."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command, fields
from vxloom.server.listing import paged
from vxloom.server.parameters import LISTING, Kind, Parameter
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
        Parameter("fetchlatest", Kind.BOOLEAN, "counted at every call anyway"),
        *LISTING,
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
            wanted = given.number("type") in {None, VNIS}
            return paged(rx, given, "capacity", [_capacity(rx, zone) for zone in zones] if wanted else [])


def _capacity(rx: ReadTransaction, zone: records.Zone) -> Fields:
    usage = [rx.vni_usage(network.id) for network in rx.all(records.PhysicalNetwork, zone=zone.id)]
    used, total = sum(u for u, _ in usage), sum(t for _, t in usage)
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
