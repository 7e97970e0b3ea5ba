"""deletePhysicalNetwork."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, success
from vxloom.store import records


class DeletePhysicalNetwork(Command):
    """Removes a physical network without networks."""

    name = "deletePhysicalNetwork"
    asynchronous = True
    parameters = (Parameter("id", Kind.UUID, "the physical network", required=True, related="listPhysicalNetworks"),)
    example = "deletePhysicalNetwork id=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id; raises 536 while networks are on it."""
        with call.write() as tx:
            row = owners.fetch(tx, records.PhysicalNetwork, call.arguments.need("id"))
            if count := tx.count(records.Network, physical_network=row.id):
                raise RequestError(
                    f"The physical network {row.name} is not deletable as there are {count} networks on it",
                    code=536,
                    cs_code=4375,
                    remedy="delete those first",
                )
            tx.delete(records.PhysicalNetwork, row.id)
            call.event(tx, "PHYSICAL.NETWORK.DELETE", f"Deleted physical network {row.name}", "PhysicalNetwork", row.id)
            return call.finished_job(tx, "PhysicalNetwork", row.id, success())
