"""restoreVirtualMachine."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.model.intent import GuestSource
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import machines, offerings
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.machines import MACHINE, machine_view
from vxloom.server.waiting import Step
from vxloom.store import records

EVENT = "VM.RESTORE"


class RestoreVirtualMachine(Command):
    """Makes a machine anew from its template, or from another one, with the NICs and addresses it has.

    A running namespace guest is taken down with all that runs in it and made again; a stopped one is made at its next start. Guests that
    others plug in cannot be restored from here.
    """

    name = "restoreVirtualMachine"
    wrapper = "restorevmresponse"
    asynchronous = True
    for_users = True
    parameters = (
        Parameter("virtualmachineid", Kind.UUID, "the machine, running or stopped", required=True, related="listVirtualMachines"),
        Parameter("templateid", Kind.UUID, "the template; default: its own", related="listTemplates"),
    )
    answer = MACHINE
    example = "restoreVirtualMachine virtualmachineid=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id."""
        given = call.arguments
        with call.write() as tx:
            vm = owners.fetch_owned(call, tx, records.Vm, given.need("virtualmachineid"), "virtualmachineid")
            machines.require(vm, records.VmState.RUNNING, records.VmState.STOPPED, to="restore")
            if vm.guest_source is GuestSource.EXTERNAL:
                raise RequestError(f"Unable to restore instance {vm.name}: others run it", remedy="restore it where it runs")
            if wanted := given.filled("templateid"):
                template = offerings.template(call, tx, wanted)
                if template.guest_source is not vm.guest_source:
                    raise RequestError(f"Instance {vm.name} cannot be made from template {template.name}", remedy="deploy it anew")
                vm = tx.update(records.Vm, vm.id, template=template.id)
            if vm.state is records.VmState.STOPPED:
                call.event(tx, EVENT, f"Restored instance {vm.name}", machines.INSTANCE, vm.id)
                return call.finished_job(tx, machines.INSTANCE, vm.id, one("virtualmachine", machine_view(tx, vm, root=call.caller.root)))
            job = machines.begin_withdraw(call, tx, vm, records.VmState.STOPPING)
            call.event(tx, EVENT, f"Restoring instance {vm.name}", machines.INSTANCE, vm.id, state="Started", job=job.id)
        return {"jobid": job.id}

    def advance(self, step: Step) -> None:
        """Down first, then up."""
        if step.job.phase == "withdraw":
            machines.restart(step, event=EVENT)
        else:
            machines.end_start(step, event=EVENT)
