"""updatePod."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import places
from vxloom.server.parameters import Arguments, Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.zones import POD, pod_views
from vxloom.store import records

_SUBNET = {"gateway": "gateway", "netmask": "netmask", "startip": "start_ip", "endip": "end_ip"}


class UpdatePod(Command):
    """Changes a pod."""

    name = "updatePod"
    parameters = (
        Parameter("id", Kind.UUID, "the pod", required=True, related="listPods"),
        Parameter("name", Kind.STRING, "its new name"),
        Parameter("gateway", Kind.STRING, "gateway of the management subnet"),
        Parameter("netmask", Kind.STRING, "mask of the management subnet"),
        Parameter("startip", Kind.STRING, "first management address"),
        Parameter("endip", Kind.STRING, "last management address"),
        Parameter("allocationstate", Kind.STRING, "Enabled or Disabled"),
    )
    answer = POD
    example = "updatePod id=ID name=rack3"

    def run(self, call: Call) -> Fields:
        """Return the pod."""
        given = call.arguments
        with call.write() as tx:
            pod = owners.fetch(tx, records.Pod, given.need("id"))
            # What is not given stays, and is checked together with what is.
            stated = {name: given.filled(name) or getattr(pod, column) for name, column in _SUBNET.items()}
            changes: dict[str, object] = dict(places.management_subnet(Arguments({name: text for name, text in stated.items() if text})))
            if name := given.filled("name"):
                changes["name"] = name
            if state := places.allocation_state(given):
                changes["allocation_state"] = state
            pod = tx.update(records.Pod, pod.id, **changes)
            call.event(tx, "POD.EDIT", f"Changed pod {pod.name}", "Pod", pod.id)
            return one("pod", pod_views(tx, [pod])[0])
