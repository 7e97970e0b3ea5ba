"""deleteAlerts."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import putting_aside
from vxloom.server.responses import Fields, success
from vxloom.store import records


class DeleteAlerts(Command):
    """Deletes alerts. One whose reason lasts may be raised anew."""

    name = "deleteAlerts"
    parameters = putting_aside.ALERTS
    example = "deleteAlerts ids=ID"

    def run(self, call: Call) -> Fields:
        """Return success; raises 431 where nothing, or something that is not there, is named."""
        with call.write() as tx:
            rows = putting_aside.chosen_alerts(call, tx)
            for row in rows:
                tx.delete(records.Alert, row.id)
            call.event(tx, "ALERT.DELETE", f"Deleted {len(rows)} alerts", "Alert")
        return success()
