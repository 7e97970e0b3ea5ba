"""updateHost."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import places
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.hosts import HOST, host_views
from vxloom.store import records


class UpdateHost(Command):
    """Changes a host's tags, or whether it takes further machines."""

    name = "updateHost"
    parameters = (
        Parameter("id", Kind.UUID, "the host", required=True, related="listHosts"),
        Parameter("hosttags", Kind.LIST, "tags, comma-separated; empty: none"),
        Parameter("allocationstate", Kind.STRING, "Enable or Disable"),
    )
    answer = HOST
    example = "updateHost id=ID allocationstate=Disable"

    def run(self, call: Call) -> Fields:
        """Return the host."""
        given = call.arguments
        changes: dict[str, object] = {}
        if "hosttags" in given:
            changes["tags"] = ",".join(given.items("hosttags")) or None
        if state := places.allocation_state(given):
            changes["resource_state"] = state
        with call.write() as tx:
            host = owners.fetch(tx, records.Host, given.need("id"))
            host = tx.update(records.Host, host.id, **changes)
            call.event(tx, "HOST.EDIT", f"Changed host {host.name}", "Host", host.id)
            return one("host", host_views(tx, [host], call.fleet)[0])
