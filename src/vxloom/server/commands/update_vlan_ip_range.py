"""updateVlanIpRange."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import ranges
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.ranges import RANGE, range_views
from vxloom.store import records


class UpdateVlanIpRange(Command):
    """Changes which addresses a range holds. Addresses that NICs have must stay in it, with their gateway and mask."""

    name = "updateVlanIpRange"
    asynchronous = True
    parameters = (
        Parameter("id", Kind.UUID, "the range", required=True, related="listVlanIpRanges"),
        Parameter("startip", Kind.STRING, "first address"),
        Parameter("endip", Kind.STRING, "last address"),
        Parameter("gateway", Kind.STRING, "gateway of its prefix"),
        Parameter("netmask", Kind.STRING, "mask of its prefix"),
    )
    answer = RANGE
    example = "updateVlanIpRange id=ID endip=10.3.0.199"

    def run(self, call: Call) -> Fields:
        """Return the job's id; raises 431 where it would overlap another range, 536 where NICs would lose their addresses."""
        with call.write() as tx:
            row = owners.fetch(tx, records.IpRange, call.arguments.need("id"))
            network = owners.fetch(tx, records.Network, row.network or "", "networkid")
            span = ranges.checked(tx, network, call.arguments, row)
            ranges.refuse_loss(tx, row, span)
            row = tx.update(records.IpRange, row.id, **span)
            text = f"Changed a range of network {network.name} to {row.start_ip} to {row.end_ip}"
            call.event(tx, "VLAN.IP.RANGE.UPDATE", text, "VlanIpRange", row.id)
            return call.finished_job(tx, "VlanIpRange", row.id, one("vlan", range_views(tx, [row])[0]))
