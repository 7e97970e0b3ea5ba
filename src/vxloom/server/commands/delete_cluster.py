"""deleteCluster."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, success
from vxloom.store import records


class DeleteCluster(Command):
    """Removes a cluster without hosts."""

    name = "deleteCluster"
    parameters = (Parameter("id", Kind.UUID, "the cluster", required=True, related="listClusters"),)
    example = "deleteCluster id=ID"

    def run(self, call: Call) -> Fields:
        """Return success; raises 536 while hosts are in it."""
        with call.write() as tx:
            cluster = owners.fetch(tx, records.Cluster, call.arguments.need("id"))
            if tx.count(records.Host, cluster=cluster.id):
                raise RequestError(
                    f"The cluster {cluster.name} cannot be deleted: there are hosts in it",
                    code=536,
                    cs_code=4375,
                    remedy="delete those first",
                )
            tx.delete(records.Cluster, cluster.id)
            call.event(tx, "CLUSTER.DELETE", f"Deleted cluster {cluster.name}", "Cluster", cluster.id)
        return success()
