"""configureVirtualRouterElement."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import physical
from vxloom.server.lifecycle.services import ROUTER_PROVIDERS
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.providers import ELEMENT, element_views
from vxloom.store import records


class ConfigureVirtualRouterElement(Command):
    """Switches a virtual router element on or off. Kept for clients: there is no router behind it."""

    name = "configureVirtualRouterElement"
    asynchronous = True
    parameters = (
        Parameter("id", Kind.UUID, "the element", required=True, related="listVirtualRouterElements"),
        Parameter("enabled", Kind.BOOLEAN, "on or off", required=True),
    )
    answer = ELEMENT
    example = "configureVirtualRouterElement id=ID enabled=true"

    def run(self, call: Call) -> Fields:
        """Return the job's id."""
        given = call.arguments
        with call.write() as tx:
            row = physical.fetch_element(tx, given.need("id"), ROUTER_PROVIDERS)
            row = tx.update(records.Provider, row.id, enabled=given.flag("enabled"))
            text = f"Switched the element of provider {row.name} {'on' if row.enabled else 'off'}"
            call.event(tx, "NETWORK.ELEMENT.CONFIGURE", text, "VirtualRouterElement", row.element)
            result = one("virtualrouterelement", element_views([row])[0])
            return call.finished_job(tx, "VirtualRouterElement", row.element, result)
