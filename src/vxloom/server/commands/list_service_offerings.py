"""listServiceOfferings."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.listing import alike, keyword, listed, same
from vxloom.server.parameters import LISTING, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.offerings import SERVICE_OFFERING, service_offering_views
from vxloom.store import records


class ListServiceOfferings(Command):
    """Lists service offerings: sizes of machines."""

    name = "listServiceOfferings"
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "only this offering", related="listServiceOfferings"),
        Parameter("name", Kind.STRING, "only the offering of this name"),
        Parameter("issystem", Kind.BOOLEAN, "true: those of system machines; there are none"),
        *LISTING,
    )
    answer = SERVICE_OFFERING
    example = "listServiceOfferings"

    def run(self, call: Call) -> Fields:
        """Return a page of offerings."""
        given = call.arguments
        with call.read() as rx:
            if wanted := given.filled("id"):
                owners.fetch(rx, records.ServiceOffering, wanted)
            where = same(given, id="id") | alike(given, name="name") | keyword(given, "name", "display_text")
            where["is_system"] = given.flag("issystem")
            return listed(rx, given, records.ServiceOffering, "serviceoffering", service_offering_views, where)
