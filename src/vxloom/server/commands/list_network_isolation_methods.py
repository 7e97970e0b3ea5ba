"""listNetworkIsolationMethods."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command, fields
from vxloom.server.listing import paged
from vxloom.server.parameters import LISTING
from vxloom.server.responses import Fields


class ListNetworkIsolationMethods(Command):
    """Lists the isolation methods hosts can carry: VXLAN."""

    name = "listNetworkIsolationMethods"
    parameters = LISTING
    answer = fields("name string the method")
    example = "listNetworkIsolationMethods"

    def run(self, call: Call) -> Fields:
        """Return a list of one."""
        given = call.arguments
        rows: list[Fields] = [{"name": "VXLAN"}] if (given.filled("keyword") or "").lower() in "vxlan" else []
        with call.read() as rx:
            return paged(rx, given, "isolationmethod", rows)
