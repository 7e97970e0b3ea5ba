"""addNetworkServiceProvider."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import physical, services
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.providers import PROVIDER, provider_views
from vxloom.store import records


class AddNetworkServiceProvider(Command):
    """Adds a network service provider to a physical network that lacks it. It starts Disabled; what it names is kept, not provided."""

    name = "addNetworkServiceProvider"
    asynchronous = True
    parameters = (
        Parameter("name", Kind.STRING, "its name: VirtualRouter, ConfigDrive and the like", required=True),
        Parameter("physicalnetworkid", Kind.UUID, "the physical network", required=True, related="listPhysicalNetworks"),
        Parameter("servicelist", Kind.LIST, "the services it is to provide; default: all it may"),
    )
    answer = PROVIDER
    example = "addNetworkServiceProvider name=VirtualRouter physicalnetworkid=ID"

    def run(self, call: Call) -> Fields:
        """Return the provider's id and the job's."""
        given = call.arguments
        name = services.provider(given.need("name"))
        chosen = physical.provided(name, given.items("servicelist"))
        with call.write() as tx:
            network = owners.fetch(tx, records.PhysicalNetwork, given.need("physicalnetworkid"), "physicalnetworkid")
            if tx.one(records.Provider, physical_network=network.id, name=name):
                raise RequestError(f"The '{name}' provider already exists on physical network {network.name}", remedy="update it")
            row = tx.add(records.Provider(physical_network=network.id, name=name, services=chosen))
            text = f"Added provider {name} to physical network {network.name}"
            call.event(tx, "SERVICE.PROVIDER.CREATE", text, "PhysicalNetworkServiceProvider", row.id)
            result = one("networkserviceprovider", provider_views([row])[0])
            job = call.finished_job(tx, "PhysicalNetworkServiceProvider", row.id, result)
        return {"id": row.id, **job}
