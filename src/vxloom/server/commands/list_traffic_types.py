"""listTrafficTypes."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.listing import keyword, listed
from vxloom.server.parameters import LISTING, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.physical import TRAFFIC, traffic_views
from vxloom.store import records


class ListTrafficTypes(Command):
    """Lists the traffic types of a physical network."""

    name = "listTrafficTypes"
    parameters = (
        Parameter("physicalnetworkid", Kind.UUID, "the physical network", required=True, related="listPhysicalNetworks"),
        *LISTING,
    )
    answer = TRAFFIC
    example = "listTrafficTypes physicalnetworkid=ID"

    def run(self, call: Call) -> Fields:
        """Return a page of traffic types."""
        given = call.arguments
        with call.read() as rx:
            network = owners.fetch(rx, records.PhysicalNetwork, given.need("physicalnetworkid"), "physicalnetworkid")
            where = {"physical_network": network.id} | keyword(given, "traffic_type")
            return listed(rx, given, records.TrafficType, "traffictype", traffic_views, where)
