"""deleteServiceOffering."""

from __future__ import annotations

import time

from vxloom.server.call import Call
from vxloom.server.command import SUCCESS, Command
from vxloom.server.lifecycle import offerings
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, success
from vxloom.store import records


class DeleteServiceOffering(Command):
    """Deletes a service offering: machines that have it keep it, nobody else gets it."""

    name = "deleteServiceOffering"
    parameters = (Parameter("id", Kind.UUID, "the offering", required=True, related="listServiceOfferings"),)
    answer = SUCCESS
    example = "deleteServiceOffering id=ID"

    def run(self, call: Call) -> Fields:
        """Return success."""
        with call.write() as tx:
            row = offerings.size(tx, call.arguments.need("id"), "id")
            tx.update(records.ServiceOffering, row.id, removed=time.time())
            call.event(tx, "SERVICE.OFFERING.DELETE", f"Deleted service offering {row.name}", "ServiceOffering", row.id)
        return success()
