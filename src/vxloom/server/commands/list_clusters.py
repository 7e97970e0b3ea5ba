"""listClusters."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.listing import alike, keyword, listed, same
from vxloom.server.parameters import LISTING, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.zones import CLUSTER, cluster_views
from vxloom.store import records


class ListClusters(Command):
    """Lists clusters."""

    name = "listClusters"
    parameters = (
        Parameter("id", Kind.UUID, "only this cluster", related="listClusters"),
        Parameter("name", Kind.STRING, "only clusters of this name"),
        Parameter("zoneid", Kind.UUID, "only clusters of this zone", related="listZones"),
        Parameter("podid", Kind.UUID, "only clusters of this pod", related="listPods"),
        Parameter("hypervisor", Kind.STRING, "only clusters of this hypervisor"),
        Parameter("clustertype", Kind.STRING, "only clusters of this type"),
        Parameter("allocationstate", Kind.STRING, "only clusters in this state"),
        *LISTING,
    )
    answer = CLUSTER
    example = "listClusters zoneid=ID"

    def run(self, call: Call) -> Fields:
        """Return a page of clusters."""
        given = call.arguments
        with call.read() as rx:
            for name, kind in (("id", records.Cluster), ("zoneid", records.Zone), ("podid", records.Pod)):
                if wanted := given.filled(name):
                    owners.fetch(rx, kind, wanted, name)
            where = same(given, id="id", zoneid="zone", podid="pod") | keyword(given, "name")
            where |= alike(given, name="name", hypervisor="hypervisor", clustertype="cluster_type", allocationstate="allocation_state")
            return listed(rx, given, records.Cluster, "cluster", lambda clusters: cluster_views(rx, clusters), where)
