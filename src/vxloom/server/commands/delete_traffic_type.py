"""deleteTrafficType."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, success
from vxloom.store import records


class DeleteTrafficType(Command):
    """Takes a kind of traffic off a physical network."""

    name = "deleteTrafficType"
    asynchronous = True
    parameters = (Parameter("id", Kind.UUID, "the traffic type", required=True, related="listTrafficTypes"),)
    example = "deleteTrafficType id=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id; raises 536 for guest traffic while networks are there."""
        with call.write() as tx:
            row = owners.fetch(tx, records.TrafficType, call.arguments.need("id"))
            if row.traffic_type == "Guest" and tx.count(records.Network, physical_network=row.physical_network):
                raise RequestError("The traffic type Guest is not deletable because there are guest networks on it", code=536, cs_code=4375)
            tx.delete(records.TrafficType, row.id)
            call.event(tx, "TRAFFIC.TYPE.DELETE", f"Deleted traffic type {row.traffic_type}", "TrafficType", row.id)
            return call.finished_job(tx, "TrafficType", row.id, success())
