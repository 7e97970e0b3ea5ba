"""listTags."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.listing import alike, keyword, listed, same
from vxloom.server.parameters import LISTING, OWNED, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.tags import TAG, tag_views
from vxloom.store import records


class ListTags(Command):
    """Lists tags."""

    name = "listTags"
    for_users = True
    parameters = (
        Parameter("resourceid", Kind.STRING, "only those of this object"),
        Parameter("resourcetype", Kind.STRING, "only those of this kind of object"),
        Parameter("key", Kind.STRING, "only those of this key"),
        Parameter("value", Kind.STRING, "only those of this value"),
        Parameter("customer", Kind.STRING, "only those for this customer"),
        *OWNED,
        *LISTING,
    )
    answer = TAG
    example = "listTags resourcetype=UserVm"

    def run(self, call: Call) -> Fields:
        """Return a page of tags."""
        given = call.arguments
        with call.read() as rx:
            where = same(given, resourceid="resource", key="key", value="value", customer="customer") | alike(
                given, resourcetype="resource_type"
            )
            where |= keyword(given, "key", "value")
            accounts = owners.visible(call, rx, pinned=("resourceid",))
            if accounts is not None:
                where["account"] = accounts
            return listed(rx, given, records.Tag, "tag", lambda rows: tag_views(rx, rows), where)
