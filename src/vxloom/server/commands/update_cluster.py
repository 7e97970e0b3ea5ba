"""updateCluster."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import hypervisors, places
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
        Parameter("hypervisor", Kind.STRING, "KVM or Simulator; only while no hosts are in it"),
        Parameter("clustertype", Kind.STRING, "CloudManaged"),
        Parameter("managedstate", Kind.STRING, "Managed"),
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
        places.cluster_type(given)
        if (managed := given.filled("managedstate") or "Managed").lower() != "managed":
            raise RequestError(f"Unable to make the cluster {managed[:80]}", remedy="its hosts are managed as long as it is there")
        kind = hypervisors.hypervisor(wanted) if (wanted := given.filled("hypervisor")) else None
        with call.write() as tx:
            cluster = owners.fetch(tx, records.Cluster, given.need("id"))
            if kind is not None and kind != cluster.hypervisor:
                if tx.count(records.Host, cluster=cluster.id):
                    raise RequestError(
                        f"Cluster {cluster.name} has {cluster.hypervisor} hosts, it cannot be for {kind}", code=536, cs_code=4375
                    )
                changes["hypervisor"] = kind.value
            cluster = tx.update(records.Cluster, cluster.id, **changes)
            call.event(tx, "CLUSTER.EDIT", f"Changed cluster {cluster.name}", "Cluster", cluster.id)
            return one("cluster", cluster_views(tx, [cluster])[0])
