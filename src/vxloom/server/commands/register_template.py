"""registerTemplate."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import templates
from vxloom.server.lifecycle.hypervisors import hypervisor
from vxloom.server.parameters import OWNER, Kind, Parameter
from vxloom.server.responses import Fields, many
from vxloom.server.views.offerings import TEMPLATE, template_views
from vxloom.store import records


class RegisterTemplate(Command):
    """Makes a template of what the hosts' sources of guests can run.

    Nothing is fetched: ``url=vxloom:namespace`` are guests the agent makes, ``url=vxloom:external`` (root admins) guests that others
    start, whose tap is found by its name or MAC. Any other URL is refused. Templates are in all zones.
    """

    name = "registerTemplate"
    for_users = True
    parameters = (
        Parameter("name", Kind.STRING, "its name", required=True),
        Parameter("url", Kind.STRING, "vxloom:namespace or vxloom:external", required=True, length=2048),
        Parameter("hypervisor", Kind.STRING, "KVM, or Simulator: for simulated hosts", required=True),
        Parameter("format", Kind.STRING, "kept and shown only; default QCOW2"),
        *templates.SHOWN,
        *OWNER,
    )
    answer = TEMPLATE
    example = "registerTemplate name=router url=vxloom:external hypervisor=KVM"

    def run(self, call: Call) -> Fields:
        """Return the template, once for each zone."""
        given = call.arguments
        name = given.need("name").strip()
        kind = hypervisor(given.need("hypervisor"))
        source = templates.source_of(call, given.need("url"))
        columns = templates.shown(call, given)
        with call.write() as tx:
            row = records.Template(
                name=name,
                display_text=name,
                account=owners.owner(call, tx).id,
                hypervisor=kind,
                format=(given.filled("format") or "QCOW2").upper(),
                guest_source=source,
                is_public=False,
                is_featured=False,
            )
            row = tx.update(records.Template, tx.add(row).id, **columns)
            call.event(tx, "TEMPLATE.CREATE", f"Registered template {name}", "Template", row.id)
            return many("template", template_views(tx, [row], tx.all(records.Zone)))
