"""listSupportedNetworkServices."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import services
from vxloom.server.listing import paged
from vxloom.server.parameters import LISTING, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.providers import SERVICE, service_views


class ListSupportedNetworkServices(Command):
    """Lists the services an offering may name, and who would provide each.

    Of these only Connectivity is delivered today: the network itself. A network shows what it really has.
    """

    name = "listSupportedNetworkServices"
    for_users = True
    parameters = (
        Parameter("service", Kind.STRING, "only this service"),
        Parameter("provider", Kind.STRING, "only services this provider may provide"),
        *LISTING,
    )
    answer = SERVICE
    example = "listSupportedNetworkServices provider=VirtualRouter"

    def run(self, call: Call) -> Fields:
        """Return a page of services; raises 431 for an unknown service or provider."""
        given = call.arguments
        wanted = [services.service(text)] if (text := given.filled("service")) else services.SERVICES
        provider = services.provider(text) if (text := given.filled("provider")) else None
        with call.read() as rx:
            part = (given.filled("keyword") or "").lower()
            return paged(rx, given, "networkservice", service_views([name for name in wanted if part in name.lower()], provider))
