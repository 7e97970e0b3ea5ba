"""cancelHostMaintenance."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import maintenance
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.hosts import HOST, host_views
from vxloom.store import records


class CancelHostMaintenance(Command):
    """Ends a host's maintenance, also while it is being prepared: it is Enabled again, and its machines stay where they are now.

    A job that was preparing it fails and says so; a move that has begun ends as any move does.
    """

    name = "cancelHostMaintenance"
    asynchronous = True
    parameters = (Parameter("id", Kind.UUID, "the host", required=True, related="listHosts"),)
    answer = HOST
    example = "cancelHostMaintenance id=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id; raises 431 for a host that is not in maintenance."""
        with call.write() as tx:
            host = owners.fetch(tx, records.Host, call.arguments.need("id"))
            host = maintenance.cancel(call, tx, host)
            call.event(tx, "MAINT.CANCEL", f"Cancelled maintenance of host {host.name}", maintenance.INSTANCE, host.id)
            view = host_views(tx, [host], call.fleet)[0]
            return call.finished_job(tx, maintenance.INSTANCE, host.id, one("host", view))
