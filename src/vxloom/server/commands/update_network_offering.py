"""updateNetworkOffering."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import offerings, physical
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.offerings import NETWORK_OFFERING, network_offering_views
from vxloom.store import records


class UpdateNetworkOffering(Command):
    """Changes a network offering; ``state=Enabled`` lets it be used."""

    name = "updateNetworkOffering"
    parameters = (
        Parameter("id", Kind.UUID, "the offering", required=True, related="listNetworkOfferings"),
        Parameter("name", Kind.STRING, "its new name"),
        Parameter("displaytext", Kind.STRING, "what people read"),
        Parameter("state", Kind.STRING, "Enabled or Disabled"),
        Parameter("availability", Kind.STRING, "Optional, Required or Unavailable"),
        Parameter("maxconnections", Kind.INTEGER, "connections of a load balancer"),
        Parameter("domainid", Kind.LIST, "domains it is for, and those below them; all: every one", length=40000),
        Parameter("zoneid", Kind.LIST, "zones it is for; all: every one", length=40000),
        Parameter("tags", Kind.STRING, "tag of the physical network to use; empty: none"),
    )
    answer = NETWORK_OFFERING
    example = "updateNetworkOffering id=ID state=Enabled"

    def run(self, call: Call) -> Fields:
        """Return the offering."""
        given = call.arguments
        changes: dict[str, object] = {}
        for name, column in (("name", "name"), ("displaytext", "display_text"), ("availability", "availability")):
            if text := given.filled(name):
                changes[column] = text
        if state := physical.state(given):
            changes["state"] = state
        if (connections := given.number("maxconnections")) is not None:
            changes["max_connections"] = connections
        if "tags" in given:
            changes["tags"] = given.filled("tags")
        with call.write() as tx:
            row = owners.fetch(tx, records.NetworkOffering, given.need("id"))
            if given.filled("domainid"):
                changes["domains"] = offerings.named(tx, given, "domainid", records.Domain)
            if given.filled("zoneid"):
                changes["zones"] = offerings.named(tx, given, "zoneid", records.Zone)
            row = tx.update(records.NetworkOffering, row.id, **changes)
            call.event(tx, "NETWORK.OFFERING.EDIT", f"Changed network offering {row.name}", "NetworkOffering", row.id)
            return one("networkoffering", network_offering_views(tx, [row])[0])
