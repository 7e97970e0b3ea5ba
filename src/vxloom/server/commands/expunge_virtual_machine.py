"""expungeVirtualMachine."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import SUCCESS, Command
from vxloom.server.lifecycle import machines
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, success
from vxloom.store import records

EVENT = "VM.EXPUNGE"


class ExpungeVirtualMachine(Command):
    """Removes a destroyed machine for good: its NICs and addresses are given back."""

    name = "expungeVirtualMachine"
    asynchronous = True
    for_users = True
    parameters = (Parameter("id", Kind.UUID, "the machine", required=True, related="listVirtualMachines"),)
    answer = SUCCESS
    example = "expungeVirtualMachine id=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id; raises 431 for a machine that is not destroyed."""
        with call.write() as tx:
            vm = owners.fetch_owned(call, tx, records.Vm, call.arguments.need("id"))
            machines.require(vm, records.VmState.DESTROYED, records.VmState.EXPUNGING, records.VmState.ERROR, to="expunge")
            machines.remove(tx, vm)
            call.event(tx, EVENT, f"Expunged instance {vm.name}", machines.INSTANCE, vm.id)
            return call.finished_job(tx, machines.INSTANCE, vm.id, success())
