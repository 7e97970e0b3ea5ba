"""listVirtualRouterElements."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import physical
from vxloom.server.lifecycle.services import ROUTER_PROVIDERS
from vxloom.server.listing import listed
from vxloom.server.parameters import PAGE, PAGE_SIZE, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.providers import ELEMENT, element_views
from vxloom.store import records


class ListVirtualRouterElements(Command):
    """Lists the elements of the providers VirtualRouter and VpcVirtualRouter, as clients look for them; there is no router behind them."""

    name = "listVirtualRouterElements"
    parameters = (
        Parameter("id", Kind.UUID, "only this element", related="listVirtualRouterElements"),
        Parameter("nspid", Kind.UUID, "only the element of this provider", related="listNetworkServiceProviders"),
        Parameter("enabled", Kind.BOOLEAN, "only elements of which this is so"),
        PAGE,
        PAGE_SIZE,
    )
    answer = ELEMENT
    example = "listVirtualRouterElements nspid=ID"

    def run(self, call: Call) -> Fields:
        """Return a page of elements."""
        given = call.arguments
        where: dict[str, object] = {"name": ROUTER_PROVIDERS}
        with call.read() as rx:
            if element := given.filled("id"):
                where["element"] = physical.fetch_element(rx, element, ROUTER_PROVIDERS).element
            if provider := given.filled("nspid"):
                where["id"] = owners.fetch(rx, records.Provider, provider, "nspid").id
            if (enabled := given.choice("enabled")) is not None:
                where["enabled"] = enabled
            return listed(rx, given, records.Provider, "virtualrouterelement", element_views, where)
