"""confirmHost."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle.naming import named
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.hosts import HOST, host_views
from vxloom.store import records


class ConfirmHost(Command):
    """Tells a holding host that what it was sent is the truth, and that it may remove the rest. vxloom's own.

    An agent holds after a restored or exchanged database, or when a plan would remove more than its share of ports (see the setting
    ``vxloom.removal.share``). Look at ``vxloomPlanHost`` first: it says what would be removed.
    """

    name = "confirmHost"
    parameters = (
        Parameter("id", Kind.UUID, "the host", related="listHosts"),
        Parameter("name", Kind.STRING, "the host's name, instead of id"),
    )
    answer = HOST
    example = "confirmHost name=h1"

    def run(self, call: Call) -> Fields:
        """Return the host; raises 534 when it is not connected."""
        with call.read() as rx:
            host = named(rx, records.Host, call.arguments, "id", "name")
        call.fleet.confirm(host.id)
        with call.write() as tx:
            host = tx.update(records.Host, host.id, confirmed_epoch=call.store.epoch)
            call.event(tx, "HOST.CONFIRM", f"Confirmed what host {host.name} was sent", "Host", host.id)
            return one("host", host_views(tx, [host], call.fleet)[0])
