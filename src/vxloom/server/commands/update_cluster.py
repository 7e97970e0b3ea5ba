"""updateCluster."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import places
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.zones import CLUSTER, cluster_views
from vxloom.store import records


class UpdateCluster(Command):
    """Changes a cluster."""

    name = "updateCluster"
    parameters = (
        Parameter("id", Kind.UUID, "the cluster", required=True, related="listClusters"),
        Parameter("clustername", Kind.STRING, "its new name"),
        Parameter("allocationstate", Kind.STRING, "Enabled or Disabled"),
    )
    answer = CLUSTER
    example = "updateCluster id=ID allocationstate=Disabled"

    def run(self, call: Call) -> Fields:
        """Return the cluster."""
        given = call.arguments
        changes: dict[str, object] = {}
        if name := given.filled("clustername"):
            changes["name"] = name
        if state := places.allocation_state(given):
            changes["allocation_state"] = state
        with call.write() as tx:
            cluster = owners.fetch(tx, records.Cluster, given.need("id"))
            cluster = tx.update(records.Cluster, cluster.id, **changes)
            call.event(tx, "CLUSTER.EDIT", f"Changed cluster {cluster.name}", "Cluster", cluster.id)
            return one("cluster", cluster_views(tx, [cluster])[0])
