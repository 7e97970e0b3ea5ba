"""createTemplate."""

from __future__ import annotations

import time
from dataclasses import replace

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import machines, templates, volumes
from vxloom.server.parameters import OWNER, Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.offerings import TEMPLATE, template_views
from vxloom.store import Transaction, records


class CreateTemplate(Command):
    """Makes a template of a stopped machine's ROOT volume.

    A namespace guest has no disk of its own: a template made of it is what it was made from, under another name. A guest that others run
    cannot be copied from here.
    """

    name = "createTemplate"
    asynchronous = True
    for_users = True
    parameters = (
        Parameter("name", Kind.STRING, "its name", required=True),
        Parameter("volumeid", Kind.UUID, "the machine's ROOT volume", related="listVolumes"),
        Parameter("virtualmachineid", Kind.UUID, "the machine, instead of its volume", related="listVirtualMachines"),
        *templates.SHOWN,
        *OWNER,
    )
    answer = TEMPLATE
    example = "createTemplate name=golden volumeid=ID"

    def run(self, call: Call) -> Fields:
        """Return the template's id and the job's."""
        given = call.arguments
        name = given.need("name").strip()
        volume, machine = given.filled("volumeid"), given.filled("virtualmachineid")
        if not volume and not machine:
            raise RequestError("Failed to create a template: specify the volume", remedy="give volumeid; see listVolumes type=ROOT")
        with call.write() as tx:
            vm = _machine(call, tx, volume, machine)
            machines.require(vm, records.VmState.STOPPED, to="make a template of")
            templates.refuse_external(vm)
            row = replace(
                owners.fetch(tx, records.Template, vm.template),
                id=records.new_id(),
                name=name,
                display_text=name,
                account=owners.owner(call, tx).id,
                is_public=False,
                is_featured=False,
                removed=None,
                created=time.time(),
            )
            row = tx.update(records.Template, tx.add(row).id, **templates.shown(call, given))
            call.event(tx, "TEMPLATE.CREATE", f"Made template {name} of instance {vm.name}", "Template", row.id)
            view = template_views(tx, [row], tx.all(records.Zone, id=vm.zone))[0]
            return {"id": row.id, **call.finished_job(tx, "Template", row.id, one("template", view))}


def _machine(call: Call, tx: Transaction, volume: str | None, machine: str | None) -> records.Vm:
    if volume:
        return volumes.machine_of(call, tx, volume)
    return owners.fetch_owned(call, tx, records.Vm, machine or "", "virtualmachineid")
