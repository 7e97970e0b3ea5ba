"""updateNetworkServiceProvider."""

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


class UpdateNetworkServiceProvider(Command):
    """Enables or disables a network service provider, or chooses its services. Kept for clients: nothing provides what it names."""

    name = "updateNetworkServiceProvider"
    asynchronous = True
    parameters = (
        Parameter("id", Kind.UUID, "the provider", required=True, related="listNetworkServiceProviders"),
        Parameter("state", Kind.STRING, "Enabled or Disabled"),
        Parameter("servicelist", Kind.LIST, "the services it is to provide"),
    )
    answer = PROVIDER
    example = "updateNetworkServiceProvider id=ID state=Enabled"

    def run(self, call: Call) -> Fields:
        """Return the job's id; raises 431 for a provider whose element was not switched on."""
        given = call.arguments
        state = physical.state(given)
        with call.write() as tx:
            row = owners.fetch(tx, records.Provider, given.need("id"))
            if state == "Enabled" and row.name in services.ELEMENT_PROVIDERS and not row.enabled:
                raise RequestError(
                    f"Provider is not ready, please configure the provider: {row.name} before enabling",
                    remedy="configureVirtualRouterElement or configureInternalLoadBalancerElement enabled=true",
                )
            changes: dict[str, object] = {"state": state} if state else {}
            if chosen := given.items("servicelist"):
                changes["services"] = physical.provided(row.name, chosen)
            row = tx.update(records.Provider, row.id, **changes)
            call.event(tx, "SERVICE.PROVIDER.UPDATE", f"Changed provider {row.name}", "PhysicalNetworkServiceProvider", row.id)
            result = one("networkserviceprovider", provider_views([row])[0])
            return call.finished_job(tx, "PhysicalNetworkServiceProvider", row.id, result)
