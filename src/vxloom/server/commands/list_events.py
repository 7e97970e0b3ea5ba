"""listEvents."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle.putting_aside import span
from vxloom.server.listing import alike, keyword, listed, paged, same, select
from vxloom.server.parameters import LISTING, OWNED, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.operations import EVENT, event_views
from vxloom.store import records


class ListEvents(Command):
    """Lists events, newest first: who did what to which object."""

    name = "listEvents"
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "only this event"),
        Parameter("type", Kind.STRING, "only events of this type: VM.CREATE"),
        Parameter("level", Kind.STRING, "INFO, WARN or ERROR"),
        Parameter("state", Kind.STRING, "Created, Scheduled, Started or Completed"),
        Parameter("resourceid", Kind.STRING, "only events of this object"),
        Parameter("resourcetype", Kind.STRING, "only events of this kind of object"),
        Parameter("startdate", Kind.DATE, "only events since"),
        Parameter("enddate", Kind.DATE, "only events until; a day counts to its end"),
        Parameter("archived", Kind.BOOLEAN, "those that were put aside, too"),
        *OWNED,
        *LISTING,
    )
    answer = EVENT
    example = "listEvents type=VM.CREATE listall=true"

    def run(self, call: Call) -> Fields:
        """Return a page of events."""
        given = call.arguments
        with call.read() as rx:
            where = same(given, id="id", resourceid="resource") | keyword(given, "description", "type")
            where |= alike(given, type="type", level="level", state="state", resourcetype="resource_type")
            accounts = owners.visible(call, rx)
            if accounts is not None:
                where["account"] = accounts
            if not (given.flag("archived") or given.filled("id")):
                where["archived"] = False
            first, last = span(given)
            if not (given.filled("startdate") or given.filled("enddate")):
                return listed(rx, given, records.Event, "event", lambda rows: event_views(rx, rows), where, order="-created")
            rows = [row for row in select(rx, records.Event, where, order="-created") if first <= row.created < last]
            return paged(rx, given, "event", event_views(rx, rows))
