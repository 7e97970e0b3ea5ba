"""destroyVirtualMachine."""

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

EVENT = "VM.DESTROY"


class DestroyVirtualMachine(Command):
    """Destroys a machine; with ``expunge=true`` its NICs and addresses are given back, too, and it is gone from every list."""

    name = "destroyVirtualMachine"
    asynchronous = True
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "the machine", required=True, related="listVirtualMachines"),
        Parameter("expunge", Kind.BOOLEAN, "whether it is removed for good at once"),
    )
    answer = MACHINE
    example = "destroyVirtualMachine id=ID expunge=true"

    def run(self, call: Call) -> Fields:
        """Return the job's id."""
        given = call.arguments
        with call.write() as tx:
            vm = owners.fetch_owned(call, tx, records.Vm, given.need("id"))
            expunge = given.flag("expunge")
            allowed = [
                state
                for state in records.VmState
                if state is not records.VmState.EXPUNGING and (expunge or state is not records.VmState.DESTROYED)
            ]
            machines.require(vm, *allowed, to="destroy")
            state = records.VmState.EXPUNGING if expunge else records.VmState.DESTROYED
            job = machines.begin_withdraw(call, tx, vm, state)
            call.event(tx, EVENT, f"Destroying instance {vm.name}", machines.INSTANCE, vm.id, state="Started", job=job.id)
        return {"jobid": job.id}

    def advance(self, step: Step) -> None:
        """Destroyed or gone, whatever its host said: what was withdrawn stays withdrawn."""
        machines.end_destroy(step, event=EVENT)
