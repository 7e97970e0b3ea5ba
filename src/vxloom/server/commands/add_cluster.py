"""addCluster."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import hypervisors, places
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, many
from vxloom.server.views.zones import CLUSTER, cluster_views
from vxloom.store import records


class AddCluster(Command):
    """Makes a cluster. Answers with a list of one, as the real server does."""

    name = "addCluster"
    parameters = (
        Parameter("clustername", Kind.STRING, "its name", required=True),
        Parameter("clustertype", Kind.STRING, "CloudManaged", required=True),
        Parameter("hypervisor", Kind.STRING, "KVM or Simulator", required=True),
        Parameter("podid", Kind.UUID, "its pod", required=True, related="listPods"),
        Parameter("zoneid", Kind.UUID, "its zone", required=True, related="listZones"),
        Parameter("allocationstate", Kind.STRING, "Enabled (the default) or Disabled"),
    )
    answer = CLUSTER
    example = "addCluster clustername=c2 clustertype=CloudManaged hypervisor=KVM podid=ID zoneid=ID"

    def run(self, call: Call) -> Fields:
        """Return a list of one cluster."""
        given = call.arguments
        kind = hypervisors.hypervisor(given.need("hypervisor"))
        places.cluster_type(given)
        state = places.allocation_state(given) or "Enabled"
        with call.write() as tx:
            zone = owners.fetch(tx, records.Zone, given.need("zoneid"), "zoneid")
            pod = owners.fetch(tx, records.Pod, given.need("podid"), "podid")
            if pod.zone != zone.id:
                raise RequestError(f"Pod {pod.name} is not in zone {zone.name}")
            name = given.need("clustername").strip()
            cluster = tx.add(records.Cluster(zone=zone.id, pod=pod.id, name=name, hypervisor=kind, allocation_state=state))
            call.event(tx, "CLUSTER.CREATE", f"Created cluster {cluster.name} in pod {pod.name}", "Cluster", cluster.id)
            return many("cluster", cluster_views(tx, [cluster]))
