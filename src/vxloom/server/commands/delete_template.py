"""deleteTemplate."""

from __future__ import annotations

import time

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import SUCCESS, Command
from vxloom.server.lifecycle import offerings
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, success
from vxloom.store import ReadTransaction, records


class DeleteTemplate(Command):
    """Deletes a template: machines made of it keep it, nobody else gets it."""

    name = "deleteTemplate"
    asynchronous = True
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "the template", required=True, related="listTemplates"),
        Parameter("zoneid", Kind.STRING, "-1, or the only zone there is: templates are in all zones", related="listZones"),
    )
    answer = SUCCESS
    example = "deleteTemplate id=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id."""
        with call.write() as tx:
            row = offerings.own_template(call, tx, call.arguments.need("id"))
            _refuse_part(call, tx)
            tx.update(records.Template, row.id, removed=time.time())
            tx.delete_where(records.Tag, resource=row.id)
            call.event(tx, "TEMPLATE.DELETE", f"Deleted template {row.name}", "Template", row.id)
            return call.finished_job(tx, "Template", row.id, success())


def _refuse_part(call: Call, rx: ReadTransaction) -> None:
    """Raise 431 for one zone of several: a template is in all zones, or in none."""
    wanted = call.arguments.filled("zoneid")
    if wanted in {None, "-1"}:
        return
    zone = owners.fetch(rx, records.Zone, wanted.lower(), "zoneid")
    if rx.count(records.Zone) > 1:
        raise RequestError(f"A template cannot be deleted from zone {zone.name} alone", remedy="leave zoneid out: it goes from all zones")
