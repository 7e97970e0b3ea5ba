"""deleteNetworkServiceProvider."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, success
from vxloom.store import records


class DeleteNetworkServiceProvider(Command):
    """Removes a network service provider from a physical network."""

    name = "deleteNetworkServiceProvider"
    asynchronous = True
    parameters = (Parameter("id", Kind.UUID, "the provider", required=True, related="listNetworkServiceProviders"),)
    example = "deleteNetworkServiceProvider id=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id; raises 536 while networks' offerings name it."""
        with call.write() as tx:
            row = owners.fetch(tx, records.Provider, call.arguments.need("id"))
            used = {network.offering for network in tx.all(records.Network, physical_network=row.physical_network)}
            offerings = tx.all(records.NetworkOffering, id=used)
            naming = [one.name for one in offerings if any(row.name in names for names in one.services.values())]
            if naming:
                raise RequestError(
                    f"Provider {row.name} is not deletable as networks are of offerings that name it, such as {naming[0]}",
                    code=536,
                    cs_code=4375,
                    remedy="disable it instead, or delete those networks first",
                )
            tx.delete(records.Provider, row.id)
            call.event(tx, "SERVICE.PROVIDER.DELETE", f"Deleted provider {row.name}", "PhysicalNetworkServiceProvider", row.id)
            return call.finished_job(tx, "PhysicalNetworkServiceProvider", row.id, success())
