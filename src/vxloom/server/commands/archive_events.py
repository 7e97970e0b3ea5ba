"""archiveEvents."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import putting_aside
from vxloom.server.responses import Fields, success
from vxloom.store import records


class ArchiveEvents(Command):
    """Puts events aside: lists no longer show them, unless asked with ``archived=true``."""

    name = "archiveEvents"
    for_users = True
    parameters = putting_aside.EVENTS
    example = "archiveEvents ids=ID"

    def run(self, call: Call) -> Fields:
        """Return success; raises 431 where nothing, or something that is not there, is named."""
        with call.write() as tx:
            rows = putting_aside.chosen_events(call, tx)
            for row in rows:
                tx.update(records.Event, row.id, archived=True)
            call.event(tx, "EVENT.ARCHIVE", f"Archived {len(rows)} events", "Event")
        return success()
