"""archiveAlerts."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import putting_aside
from vxloom.server.responses import Fields, success
from vxloom.store import records


class ArchiveAlerts(Command):
    """Puts alerts aside: lists no longer show them, unless asked with ``archived=true``.

    An open alert stays open: it is not raised anew while what it tells of lasts.
    """

    name = "archiveAlerts"
    parameters = putting_aside.ALERTS
    example = "archiveAlerts ids=ID"

    def run(self, call: Call) -> Fields:
        """Return success; raises 431 where nothing, or something that is not there, is named."""
        with call.write() as tx:
            rows = putting_aside.chosen_alerts(call, tx)
            for row in rows:
                tx.update(records.Alert, row.id, archived=True)
            call.event(tx, "ALERT.ARCHIVE", f"Archived {len(rows)} alerts", "Alert")
        return success()
