"""rebootVirtualMachine."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import machines
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.machines import MACHINE
from vxloom.server.waiting import Step
from vxloom.store import records

EVENT = "VM.REBOOT"


class RebootVirtualMachine(Command):
    """Takes a machine down and brings it up again on the same host."""

    name = "rebootVirtualMachine"
    asynchronous = True
    for_users = True
    parameters = (Parameter("id", Kind.UUID, "the machine", required=True, related="listVirtualMachines"),)
    answer = MACHINE
    example = "rebootVirtualMachine id=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id."""
        with call.write() as tx:
            vm = owners.fetch_owned(call, tx, records.Vm, call.arguments.need("id"))
            machines.require(vm, records.VmState.RUNNING, to="reboot")
            job = machines.begin_withdraw(call, tx, vm, records.VmState.STOPPING)
            call.event(tx, EVENT, f"Rebooting instance {vm.name}", machines.INSTANCE, vm.id, state="Started", job=job.id)
        return {"jobid": job.id}

    def advance(self, step: Step) -> None:
        """Down first, then up."""
        if step.job.phase == "withdraw":
            machines.restart(step, event=EVENT)
        else:
            machines.end_start(step, event=EVENT)
