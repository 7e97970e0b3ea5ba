"""deleteNetworkOffering."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, success
from vxloom.store import records


class DeleteNetworkOffering(Command):
    """Removes a network offering no network is of."""

    name = "deleteNetworkOffering"
    parameters = (Parameter("id", Kind.UUID, "the offering", required=True, related="listNetworkOfferings"),)
    example = "deleteNetworkOffering id=ID"

    def run(self, call: Call) -> Fields:
        """Return success; raises 431 for a default one, 536 while networks are of it."""
        with call.write() as tx:
            row = owners.fetch(tx, records.NetworkOffering, call.arguments.need("id"))
            if row.is_default:
                raise RequestError(
                    f"Default network offering {row.name} can't be deleted", remedy="disable it with updateNetworkOffering state=Disabled"
                )
            if count := tx.count(records.Network, offering=row.id):
                raise RequestError(
                    f"Can't delete network offering {row.name} as its used by {count} networks",
                    code=536,
                    cs_code=4375,
                    remedy="to stop its use, disable it with updateNetworkOffering state=Disabled",
                )
            tx.delete(records.NetworkOffering, row.id)
            call.event(tx, "NETWORK.OFFERING.DELETE", f"Deleted network offering {row.name}", "NetworkOffering", row.id)
        return success()
