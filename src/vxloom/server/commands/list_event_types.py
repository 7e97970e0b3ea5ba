"""listEventTypes."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command, fields
from vxloom.server.event_types import EVENT_TYPES
from vxloom.server.responses import Fields, many


class ListEventTypes(Command):
    """Lists the types of events there may be."""

    name = "listEventTypes"
    for_users = True
    answer = fields("name string the type: VM.CREATE")
    example = "listEventTypes"

    def run(self, call: Call) -> Fields:
        """Return all of them."""
        return many("eventtype", [{"name": name} for name in EVENT_TYPES])
