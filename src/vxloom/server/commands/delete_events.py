"""deleteEvents."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import putting_aside
from vxloom.server.responses import Fields, success
from vxloom.store import records


class DeleteEvents(Command):
    """Deletes events. That it was done, by whom, is an event, too."""

    name = "deleteEvents"
    for_users = True
    parameters = putting_aside.EVENTS
    example = "deleteEvents ids=ID"

    def run(self, call: Call) -> Fields:
        """Return success; raises 431 where nothing, or something that is not there, is named."""
        with call.write() as tx:
            rows = putting_aside.chosen_events(call, tx)
            for row in rows:
                tx.delete(records.Event, row.id)
            call.event(tx, "EVENT.DELETE", f"Deleted {len(rows)} events", "Event")
        return success()
