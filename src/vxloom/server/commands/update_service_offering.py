"""updateServiceOffering."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import offerings
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.offerings import SERVICE_OFFERING, service_offering_views
from vxloom.store import records


class UpdateServiceOffering(Command):
    """Changes a service offering's name, text and host tags; its size stays: machines have it."""

    name = "updateServiceOffering"
    parameters = (
        Parameter("id", Kind.UUID, "the offering", required=True, related="listServiceOfferings"),
        Parameter("name", Kind.STRING, "its new name"),
        Parameter("displaytext", Kind.STRING, "its new text"),
        Parameter("hosttags", Kind.LIST, "tags a host must have, comma-separated; empty: none. They count from a machine's next start"),
    )
    answer = SERVICE_OFFERING
    example = "updateServiceOffering id=ID displaytext='1 core, 512 MiB'"

    def run(self, call: Call) -> Fields:
        """Return the offering."""
        given = call.arguments
        changes: dict[str, object] = {}
        if name := given.filled("name"):
            changes["name"] = name
        if text := given.filled("displaytext"):
            changes["display_text"] = text
        if "hosttags" in given:
            changes["host_tags"] = ",".join(given.items("hosttags")) or None
        with call.write() as tx:
            offering = offerings.size(tx, given.need("id"), "id")
            row = tx.update(records.ServiceOffering, offering.id, **changes)
            call.event(tx, "SERVICE.OFFERING.EDIT", f"Changed service offering {row.name}", "ServiceOffering", row.id)
        return one("serviceoffering", service_offering_views([row])[0])
