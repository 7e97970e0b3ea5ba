"""configureInternalLoadBalancerElement."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import physical
from vxloom.server.lifecycle.services import INTERNAL_LB_PROVIDERS
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.providers import ELEMENT, element_views
from vxloom.store import records


class ConfigureInternalLoadBalancerElement(Command):
    """Switches an internal load balancer element on or off. Kept for clients: there is no load balancer behind it."""

    name = "configureInternalLoadBalancerElement"
    asynchronous = True
    parameters = (
        Parameter("id", Kind.UUID, "the element", required=True, related="listInternalLoadBalancerElements"),
        Parameter("enabled", Kind.BOOLEAN, "on or off", required=True),
    )
    answer = ELEMENT
    example = "configureInternalLoadBalancerElement id=ID enabled=true"

    def run(self, call: Call) -> Fields:
        """Return the job's id."""
        given = call.arguments
        with call.write() as tx:
            row = physical.fetch_element(tx, given.need("id"), INTERNAL_LB_PROVIDERS)
            row = tx.update(records.Provider, row.id, enabled=given.flag("enabled"))
            text = f"Switched the element of provider {row.name} {'on' if row.enabled else 'off'}"
            call.event(tx, "NETWORK.ELEMENT.CONFIGURE", text, "InternalLoadBalancerElement", row.element)
            result = one("internalloadbalancerelement", element_views([row])[0])
            return call.finished_job(tx, "InternalLoadBalancerElement", row.element, result)
