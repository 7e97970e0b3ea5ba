"""updateTrafficType."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import physical
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.physical import TRAFFIC, traffic_views
from vxloom.store import records


class UpdateTrafficType(Command):
    """Changes a traffic type's labels."""

    name = "updateTrafficType"
    asynchronous = True
    parameters = (
        Parameter("id", Kind.UUID, "the traffic type", required=True, related="listTrafficTypes"),
        *(Parameter(name, Kind.STRING, "bridge or interface on the hosts of this hypervisor; empty: none") for name in physical.LABELS),
    )
    answer = TRAFFIC
    example = "updateTrafficType id=ID kvmnetworklabel=cloudbr1"

    def run(self, call: Call) -> Fields:
        """Return the job's id."""
        given = call.arguments
        changes: dict[str, object] = {column: given.filled(name) for name, column in physical.LABELS.items() if name in given}
        with call.write() as tx:
            row = owners.fetch(tx, records.TrafficType, given.need("id"))
            row = tx.update(records.TrafficType, row.id, **changes)
            network = owners.fetch(tx, records.PhysicalNetwork, row.physical_network)
            for host in tx.all(records.Host, zone=network.zone):
                tx.touch_host(host.id)  # labels are part of what hosts are sent
            call.event(tx, "TRAFFIC.TYPE.UPDATE", f"Changed traffic type {row.traffic_type} of {network.name}", "TrafficType", row.id)
            return call.finished_job(tx, "TrafficType", row.id, one("traffictype", traffic_views([row])[0]))
