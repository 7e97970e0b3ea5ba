"""listTemplates."""

from __future__ import annotations

from collections.abc import Sequence

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import offerings
from vxloom.server.listing import alike, keyword, paged, same, select, tagged
from vxloom.server.parameters import LISTING, OWNED, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.offerings import TEMPLATE, template_views
from vxloom.store import ReadTransaction, records

_FILTERS = {"featured", "self", "selfexecutable", "sharedexecutable", "executable", "community", "all"}


class ListTemplates(Command):
    """Lists templates, once for each zone."""

    name = "listTemplates"
    for_users = True
    parameters = (
        Parameter(
            "templatefilter", Kind.STRING, "featured, self, selfexecutable, sharedexecutable, executable, community or all", required=True
        ),
        Parameter("id", Kind.UUID, "only this template", related="listTemplates"),
        Parameter("ids", Kind.LIST, "only these templates", length=40000),
        Parameter("name", Kind.STRING, "only templates of this name"),
        Parameter("zoneid", Kind.UUID, "only templates in this zone", related="listZones"),
        Parameter("showunique", Kind.BOOLEAN, "true: each template once, not once for each zone"),
        Parameter("hypervisor", Kind.STRING, "only templates of this hypervisor"),
        Parameter("tags", Kind.MAP, "only templates with one of these: tags[0].key=KEY&tags[0].value=VALUE"),
        *OWNED,
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
        if wanted == "all" and not call.caller.root:
            raise RequestError("Filter all can be specified by root admins only", remedy="give templatefilter=executable")
        with call.read() as rx:
            if template := given.filled("id"):
                offerings.template(call, rx, template, "id")
            zones = [owners.fetch(rx, records.Zone, zone, "zoneid")] if (zone := given.filled("zoneid")) else rx.all(records.Zone)
            where = same(given, id="id") | alike(given, name="name", hypervisor="hypervisor") | keyword(given, "name", "display_text")
            where |= tagged(given)
            ids, places = given.items("ids"), zones[:1] if given.flag("showunique") else zones
            found = [row for row in select(rx, records.Template, where | {"removed": None}) if not ids or row.id in ids]
            return paged(rx, given, "template", template_views(rx, _shown(call, rx, found, wanted), places))


def _shown(call: Call, rx: ReadTransaction, templates: Sequence[records.Template], wanted: str) -> list[records.Template]:
    """Return those of the templates that a filter lets through; there are few, so all of them are looked at."""
    accounts = owners.visible(call, rx)
    mine = {template.id for template in select(rx, records.Template, {} if accounts is None else {"account": accounts})}
    reached = {account: owners.reaches(rx, call.caller, account) for account in {template.account for template in templates}}

    def fits(template: records.Template) -> bool:
        own = template.id in mine
        match wanted:
            case "featured":
                return template.is_public and template.is_featured
            case "community":
                return template.is_public and not template.is_featured
            case "self" | "selfexecutable":
                return own
            case "sharedexecutable":
                return False  # a template is everybody's or its owner's
            case "executable":
                return template.is_public or (own and reached[template.account])
        return True

    return [template for template in templates if fits(template)]
