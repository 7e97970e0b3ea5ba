"""listInternalLoadBalancerElements."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import physical
from vxloom.server.lifecycle.services import INTERNAL_LB_PROVIDERS
from vxloom.server.listing import listed
from vxloom.server.parameters import PAGE, PAGE_SIZE, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.providers import ELEMENT, element_views
from vxloom.store import records


class ListInternalLoadBalancerElements(Command):
    """Lists the elements of the provider InternalLbVm, as clients look for them; there is no load balancer behind them."""

    name = "listInternalLoadBalancerElements"
    parameters = (
        Parameter("id", Kind.UUID, "only this element", related="listInternalLoadBalancerElements"),
        Parameter("nspid", Kind.UUID, "only the element of this provider", related="listNetworkServiceProviders"),
        Parameter("enabled", Kind.BOOLEAN, "only elements of which this is so"),
        PAGE,
        PAGE_SIZE,
    )
    answer = ELEMENT
    example = "listInternalLoadBalancerElements nspid=ID"

    def run(self, call: Call) -> Fields:
        """Return a page of elements."""
        given = call.arguments
        where: dict[str, object] = {"name": INTERNAL_LB_PROVIDERS}
        with call.read() as rx:
            if element := given.filled("id"):
                where["element"] = physical.fetch_element(rx, element, INTERNAL_LB_PROVIDERS).element
            if provider := given.filled("nspid"):
                where["id"] = owners.fetch(rx, records.Provider, provider, "nspid").id
            if (enabled := given.choice("enabled")) is not None:
                where["enabled"] = enabled
            return listed(rx, given, records.Provider, "internalloadbalancerelement", element_views, where)
