"""listTemplates."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.listing import alike, keyword, paged, same, select
from vxloom.server.parameters import LISTING, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.offerings import TEMPLATE, template_views
from vxloom.store import records

_FILTERS = {"featured", "self", "selfexecutable", "sharedexecutable", "executable", "community", "all"}
_NOBODY = {"self", "selfexecutable", "sharedexecutable", "community"}
"""Filters for templates of one's own: all of ours are everybody's, so only their owner has any."""


class ListTemplates(Command):
    """Lists templates, once for each zone."""

    name = "listTemplates"
    for_users = True
    parameters = (
        Parameter(
            "templatefilter", Kind.STRING, "featured, self, selfexecutable, sharedexecutable, executable, community or all", required=True
        ),
        Parameter("id", Kind.UUID, "only this template", related="listTemplates"),
        Parameter("name", Kind.STRING, "only templates of this name"),
        Parameter("zoneid", Kind.UUID, "only templates in this zone", related="listZones"),
        Parameter("hypervisor", Kind.STRING, "only templates of this hypervisor"),
        *LISTING,
    )
    answer = TEMPLATE
    example = "listTemplates templatefilter=executable"

    def run(self, call: Call) -> Fields:
        """Return a page of templates."""
        given = call.arguments
        wanted = given.need("templatefilter").strip().lower()
        if wanted not in _FILTERS:
            raise RequestError(f"Invalid templatefilter {wanted[:80]}", remedy=f"give one of {', '.join(sorted(_FILTERS))}")
        with call.read() as rx:
            if template := given.filled("id"):
                owners.fetch(rx, records.Template, template)
            zones = [owners.fetch(rx, records.Zone, zone, "zoneid")] if (zone := given.filled("zoneid")) else rx.all(records.Zone)
            where = same(given, id="id") | alike(given, name="name", hypervisor="hypervisor") | keyword(given, "name", "display_text")
            if wanted in _NOBODY:
                where["account"] = call.caller.account.id
            return paged(rx, given, "template", template_views(rx, select(rx, records.Template, where), zones))
