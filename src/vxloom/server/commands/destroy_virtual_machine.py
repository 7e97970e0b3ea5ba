"""destroyVirtualMachine."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import machines
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.machines import MACHINE, machine_view
from vxloom.server.waiting import Step
from vxloom.store import records

EVENT = "VM.DESTROY"


class DestroyVirtualMachine(Command):
    """Destroys a machine. It can be recovered until it is expunged, ``expunge.delay`` seconds later.

    With ``expunge=true`` its NICs and addresses are given back at once, and it is gone from every list. Destroying it again is no error.
    """

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
            if vm.state is records.VmState.EXPUNGING or (vm.state is records.VmState.DESTROYED and not expunge):
                # As the real server: what is destroyed is destroyed.
                return call.finished_job(tx, machines.INSTANCE, vm.id, one("virtualmachine", machine_view(tx, vm, root=call.caller.root)))
            state = records.VmState.EXPUNGING if expunge else records.VmState.DESTROYED
            job = machines.begin_withdraw(call, tx, vm, state)
            call.event(tx, EVENT, f"Destroying instance {vm.name}", machines.INSTANCE, vm.id, state="Started", job=job.id)
        return {"jobid": job.id}

    def advance(self, step: Step) -> None:
        """Destroyed or gone, whatever its host said: what was withdrawn stays withdrawn."""
        machines.end_destroy(step, event=EVENT)
