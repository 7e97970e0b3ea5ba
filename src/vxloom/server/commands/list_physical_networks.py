"""listPhysicalNetworks."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.listing import alike, keyword, listed, same
from vxloom.server.parameters import LISTING, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.physical import PHYSICAL, physical_views
from vxloom.store import records


class ListPhysicalNetworks(Command):
    """Lists physical networks."""

    name = "listPhysicalNetworks"
    parameters = (
        Parameter("id", Kind.UUID, "only this physical network", related="listPhysicalNetworks"),
        Parameter("name", Kind.STRING, "only physical networks of this name"),
        Parameter("zoneid", Kind.UUID, "only physical networks of this zone", related="listZones"),
        *LISTING,
    )
    answer = PHYSICAL
    example = "listPhysicalNetworks zoneid=ID"

    def run(self, call: Call) -> Fields:
        """Return a page of physical networks."""
        given = call.arguments
        with call.read() as rx:
            for name, kind in (("id", records.PhysicalNetwork), ("zoneid", records.Zone)):
                if wanted := given.filled(name):
                    owners.fetch(rx, kind, wanted, name)
            where = same(given, id="id", zoneid="zone") | alike(given, name="name") | keyword(given, "name")
            return listed(rx, given, records.PhysicalNetwork, "physicalnetwork", lambda rows: physical_views(rx, rows), where)
