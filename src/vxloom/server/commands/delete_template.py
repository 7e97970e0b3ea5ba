"""deleteTemplate."""

from __future__ import annotations

import time

from vxloom.server.call import Call
from vxloom.server.command import SUCCESS, Command
from vxloom.server.lifecycle import offerings
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, success
from vxloom.store import records


class DeleteTemplate(Command):
    """Deletes a template: machines made of it keep it, nobody else gets it."""

    name = "deleteTemplate"
    asynchronous = True
    for_users = True
    parameters = (Parameter("id", Kind.UUID, "the template", required=True, related="listTemplates"),)
    answer = SUCCESS
    example = "deleteTemplate id=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id."""
        with call.write() as tx:
            row = offerings.own_template(call, tx, call.arguments.need("id"))
            tx.update(records.Template, row.id, removed=time.time())
            tx.delete_where(records.Tag, resource=row.id)
            call.event(tx, "TEMPLATE.DELETE", f"Deleted template {row.name}", "Template", row.id)
            return call.finished_job(tx, "Template", row.id, success())
