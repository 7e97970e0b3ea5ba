"""createPod."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import places
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.zones import POD, pod_views
from vxloom.store import records


class CreatePod(Command):
    """Makes a pod: a rack, in the real server with a management subnet. Here its addresses are kept and shown only."""

    name = "createPod"
    parameters = (
        Parameter("name", Kind.STRING, "its name", required=True),
        Parameter("zoneid", Kind.UUID, "its zone", required=True, related="listZones"),
        Parameter("gateway", Kind.STRING, "gateway of the management subnet"),
        Parameter("netmask", Kind.STRING, "mask of the management subnet"),
        Parameter("startip", Kind.STRING, "first management address"),
        Parameter("endip", Kind.STRING, "last management address; default: the subnet's last"),
        Parameter("allocationstate", Kind.STRING, "Enabled (the default) or Disabled"),
    )
    answer = POD
    example = "createPod name=rack2 zoneid=ID gateway=192.0.2.1 netmask=255.255.255.0 startip=192.0.2.10"

    def run(self, call: Call) -> Fields:
        """Return the pod."""
        given = call.arguments
        subnet = places.management_subnet(given)
        state = places.allocation_state(given) or "Enabled"
        with call.write() as tx:
            zone = owners.fetch(tx, records.Zone, given.need("zoneid"), "zoneid")
            pod = tx.add(records.Pod(zone=zone.id, name=given.need("name").strip(), allocation_state=state, **subnet))
            call.event(tx, "POD.CREATE", f"Created pod {pod.name} in zone {zone.name}", "Pod", pod.id)
            return one("pod", pod_views(tx, [pod])[0])
