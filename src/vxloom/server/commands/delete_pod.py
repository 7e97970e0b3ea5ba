"""deletePod."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, success
from vxloom.store import records


class DeletePod(Command):
    """Removes a pod without clusters."""

    name = "deletePod"
    parameters = (Parameter("id", Kind.UUID, "the pod", required=True, related="listPods"),)
    example = "deletePod id=ID"

    def run(self, call: Call) -> Fields:
        """Return success; raises 536 while clusters are in it."""
        with call.write() as tx:
            pod = owners.fetch(tx, records.Pod, call.arguments.need("id"))
            if tx.count(records.Cluster, pod=pod.id):
                raise RequestError(
                    f"The pod {pod.name} is not deletable because there are clusters in it",
                    code=536,
                    cs_code=4375,
                    remedy="delete those first",
                )
            tx.delete(records.Pod, pod.id)
            call.event(tx, "POD.DELETE", f"Deleted pod {pod.name}", "Pod", pod.id)
        return success()
