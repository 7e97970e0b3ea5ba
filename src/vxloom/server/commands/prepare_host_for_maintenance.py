"""prepareHostForMaintenance."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import maintenance
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.hosts import HOST
from vxloom.server.waiting import Step
from vxloom.store import records


class PrepareHostForMaintenance(Command):
    """Moves all machines off a host, and keeps new ones away until ``cancelHostMaintenance``.

    The host is PrepareForMaintenance until its machines have moved and it has said that nothing of them is left, then Maintenance. When one
    cannot be moved it is ErrorInMaintenance: the job fails and an alert says which, and why; the others have moved. So it is when the
    host does not say so in time: guests may still be up on it.
    """

    name = "prepareHostForMaintenance"
    asynchronous = True
    parameters = (Parameter("id", Kind.UUID, "the host", required=True, related="listHosts"),)
    answer = HOST
    example = "prepareHostForMaintenance id=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id; raises 431 for a host in maintenance already."""
        with call.write() as tx:
            host = owners.fetch(tx, records.Host, call.arguments.need("id"))
            return {"jobid": maintenance.begin(call, tx, host).id}

    def advance(self, step: Step) -> None:
        """Move the rest, or end."""
        maintenance.advance(step)
