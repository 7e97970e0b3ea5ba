"""releaseDedicatedGuestVlanRange."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, success
from vxloom.store import records


class ReleaseDedicatedGuestVlanRange(Command):
    """Gives a range of VNIs that was kept for an account back to everybody. Networks that have one of them keep it."""

    name = "releaseDedicatedGuestVlanRange"
    asynchronous = True
    parameters = (Parameter("id", Kind.UUID, "the dedication", required=True, related="listDedicatedGuestVlanRanges"),)
    example = "releaseDedicatedGuestVlanRange id=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id."""
        with call.write() as tx:
            row = owners.fetch(tx, records.DedicatedRange, call.arguments.need("id"))
            tx.delete(records.DedicatedRange, row.id)
            call.event(tx, "GUESTVLANRANGE.RELEASE", f"Released VNIs {row.start}-{row.end}", "GuestVlanRange", row.id)
            return call.finished_job(tx, "GuestVlanRange", row.id, success())
