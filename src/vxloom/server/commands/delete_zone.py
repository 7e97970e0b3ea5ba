"""deleteZone."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, success
from vxloom.store import records

_HOLDS = ((records.Host, "hosts"), (records.Network, "networks"), (records.PhysicalNetwork, "physical networks"), (records.Vm, "instances"))


class DeleteZone(Command):
    """Removes a zone that holds nothing but the pod and cluster it was made with."""

    name = "deleteZone"
    parameters = (Parameter("id", Kind.UUID, "the zone", required=True, related="listZones"),)
    example = "deleteZone id=ID"

    def run(self, call: Call) -> Fields:
        """Return success; raises 536 while something is in it."""
        with call.write() as tx:
            zone = owners.fetch(tx, records.Zone, call.arguments.need("id"))
            held = [f"{count} {what}" for kind, what in _HOLDS if (count := tx.count(kind, zone=zone.id))]
            pods = tx.all(records.Pod, zone=zone.id)
            clusters = tx.all(records.Cluster, zone=zone.id)
            others = [pod.name for pod in pods if pod.name != f"{zone.name}-pod"]
            held += [f"pod {name}" for name in others]
            if held:
                raise RequestError(
                    f"The zone {zone.name} is not deletable because there are {', '.join(held)} in it",
                    code=536,
                    cs_code=4375,
                    remedy="delete those first",
                )
            for cluster in clusters:
                tx.delete(records.Cluster, cluster.id)
            for pod in pods:
                tx.delete(records.Pod, pod.id)
            tx.delete(records.Zone, zone.id)
            call.event(tx, "ZONE.DELETE", f"Deleted zone {zone.name}", "Zone", zone.id)
        return success()
