"""deleteVlanIpRange."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import ranges
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, success
from vxloom.store import records


class DeleteVlanIpRange(Command):
    """Removes a range of addresses none of which a NIC has."""

    name = "deleteVlanIpRange"
    parameters = (Parameter("id", Kind.UUID, "the range", required=True, related="listVlanIpRanges"),)
    example = "deleteVlanIpRange id=ID"

    def run(self, call: Call) -> Fields:
        """Return success; raises 536 while NICs have addresses of it."""
        with call.write() as tx:
            row = owners.fetch(tx, records.IpRange, call.arguments.need("id"))
            ranges.refuse_loss(tx, row, None)
            tx.delete(records.IpRange, row.id)
            call.event(tx, "VLAN.IP.RANGE.DELETE", f"Deleted addresses {row.start_ip} to {row.end_ip}", "VlanIpRange", row.id)
        return success()
