"""listAlerts."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.listing import alike, keyword, listed, paged, same, select
from vxloom.server.parameters import LISTING, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.operations import ALERT, alert_views
from vxloom.store import records


class ListAlerts(Command):
    """Lists alerts that are open, newest first; with ``resolved=true`` those that are over."""

    name = "listAlerts"
    parameters = (
        Parameter("id", Kind.UUID, "only this alert, open or not"),
        Parameter("name", Kind.STRING, "only alerts of this kind: host.silent"),
        Parameter("type", Kind.INTEGER, "only alerts of this number"),
        Parameter("archived", Kind.BOOLEAN, "vxloom's own: those that were put aside, too"),
        Parameter("resolved", Kind.BOOLEAN, "vxloom's own: those that are over"),
        *LISTING,
    )
    answer = ALERT
    example = "listAlerts"

    def run(self, call: Call) -> Fields:
        """Return a page of alerts."""
        given = call.arguments
        with call.read() as rx:
            where = same(given, id="id") | alike(given, name="name") | keyword(given, "name", "description")
            if (kind := given.number("type")) is not None:
                where["type"] = kind
            if not (given.flag("archived") or given.filled("id")):
                where["archived"] = False
            if given.flag("resolved"):
                rows = [row for row in select(rx, records.Alert, where, order="-sent") if row.resolved is not None]
                return paged(rx, given, "alert", alert_views(rows))
            if not given.filled("id"):
                where["resolved"] = None
            return listed(rx, given, records.Alert, "alert", alert_views, where, order="-sent")
