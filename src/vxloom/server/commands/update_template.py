"""updateTemplate."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import offerings, templates
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.offerings import TEMPLATE, template_views
from vxloom.store import records


class UpdateTemplate(Command):
    """Changes a template's names, operating system and who may use it."""

    name = "updateTemplate"
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "the template", required=True, related="listTemplates"),
        Parameter("name", Kind.STRING, "its new name"),
        *templates.SHOWN,
    )
    answer = TEMPLATE
    example = "updateTemplate id=ID displaytext='web server'"

    def run(self, call: Call) -> Fields:
        """Return the template."""
        given = call.arguments
        changes = templates.shown(call, given)
        if name := given.filled("name"):
            changes["name"] = name
        with call.write() as tx:
            row = tx.update(records.Template, offerings.own_template(call, tx, given.need("id")).id, **changes)
            call.event(tx, "TEMPLATE.UPDATE", f"Changed template {row.name}", "Template", row.id)
            return one("template", template_views(tx, [row], [])[0])
