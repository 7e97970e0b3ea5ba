"""recoverVirtualMachine."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import machines
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.machines import MACHINE, machine_view
from vxloom.store import records

EVENT = "VM.RECOVER"


class RecoverVirtualMachine(Command):
    """Takes back a machine's destruction: it is stopped, with its NICs and addresses, until it is started."""

    name = "recoverVirtualMachine"
    for_users = True
    parameters = (Parameter("id", Kind.UUID, "the destroyed machine", required=True, related="listVirtualMachines"),)
    answer = MACHINE
    example = "recoverVirtualMachine id=ID"

    def run(self, call: Call) -> Fields:
        """Return the machine; raises 431 for one that is not destroyed."""
        with call.write() as tx:
            vm = owners.fetch_owned(call, tx, records.Vm, call.arguments.need("id"))
            machines.require(vm, records.VmState.DESTROYED, to="recover")
            machines.supersede(tx, vm, records.VmState.STOPPED)
            vm = tx.update(records.Vm, vm.id, state=records.VmState.STOPPED, destroyed=None)
            call.event(tx, EVENT, f"Recovered instance {vm.name}", machines.INSTANCE, vm.id)
            return one("virtualmachine", machine_view(tx, vm, root=call.caller.root))
