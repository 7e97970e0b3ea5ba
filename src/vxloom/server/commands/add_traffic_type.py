"""addTrafficType."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import physical
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.physical import TRAFFIC, traffic_views
from vxloom.store import records


class AddTrafficType(Command):
    """Puts a kind of traffic on a physical network, with the label its hosts know it by."""

    name = "addTrafficType"
    asynchronous = True
    parameters = (
        Parameter("physicalnetworkid", Kind.UUID, "the physical network", required=True, related="listPhysicalNetworks"),
        Parameter("traffictype", Kind.STRING, "Guest, Management, Public or Storage", required=True),
        *(Parameter(name, Kind.STRING, "bridge or interface on the hosts of this hypervisor") for name in physical.LABELS),
        Parameter("isolationmethod", Kind.STRING, "kept and shown only"),
        Parameter("vlan", Kind.STRING, "kept and shown only"),
    )
    answer = TRAFFIC
    example = "addTrafficType physicalnetworkid=ID traffictype=Guest kvmnetworklabel=cloudbr0"

    def run(self, call: Call) -> Fields:
        """Return the traffic type's id and the job's."""
        given = call.arguments
        kind = physical.TRAFFIC.get(given.need("traffictype").strip().lower())
        if kind is None:
            raise RequestError(f"Invalid traffictype {given.need('traffictype')[:80]}", remedy="give Guest, Management, Public or Storage")
        with call.write() as tx:
            network = owners.fetch(tx, records.PhysicalNetwork, given.need("physicalnetworkid"), "physicalnetworkid")
            if tx.one(records.TrafficType, physical_network=network.id, traffic_type=kind):
                raise RequestError(f"This physical network already has the traffic type {kind}", remedy="see updateTrafficType")
            row = records.TrafficType(
                physical_network=network.id,
                traffic_type=kind,
                isolation_method=given.filled("isolationmethod"),
                vlan=given.filled("vlan"),
                **physical.labels(given),
            )
            tx.add(row)
            call.event(tx, "TRAFFIC.TYPE.CREATE", f"Added traffic type {kind} to physical network {network.name}", "TrafficType", row.id)
            job = call.finished_job(tx, "TrafficType", row.id, one("traffictype", traffic_views([row])[0]))
        return {"id": row.id, **job}
