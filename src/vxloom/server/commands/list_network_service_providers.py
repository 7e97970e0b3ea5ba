"""listNetworkServiceProviders."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.listing import alike, keyword, listed, same
from vxloom.server.parameters import LISTING, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.providers import PROVIDER, provider_views
from vxloom.store import records


class ListNetworkServiceProviders(Command):
    """Lists the network service providers of physical networks.

    Whether they are enabled is kept and shown, as clients set it up; there is no virtual router behind them, and networks show only the
    services they really have.
    """

    name = "listNetworkServiceProviders"
    parameters = (
        Parameter("name", Kind.STRING, "only providers of this name"),
        Parameter("physicalnetworkid", Kind.UUID, "only providers of this physical network", related="listPhysicalNetworks"),
        Parameter("state", Kind.STRING, "Enabled or Disabled"),
        *LISTING,
    )
    answer = PROVIDER
    example = "listNetworkServiceProviders physicalnetworkid=ID"

    def run(self, call: Call) -> Fields:
        """Return a page of providers."""
        given = call.arguments
        with call.read() as rx:
            if wanted := given.filled("physicalnetworkid"):
                owners.fetch(rx, records.PhysicalNetwork, wanted, "physicalnetworkid")
            where = same(given, physicalnetworkid="physical_network") | alike(given, name="name", state="state") | keyword(given, "name")
            return listed(rx, given, records.Provider, "networkserviceprovider", provider_views, where)
