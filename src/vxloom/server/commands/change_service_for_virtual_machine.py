"""changeServiceForVirtualMachine."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import machines, resizing
from vxloom.server.responses import Fields, one
from vxloom.server.views.machines import MACHINE, machine_view


class ChangeServiceForVirtualMachine(Command):
    """Gives a stopped machine another service offering; it counts from its next start."""

    name = "changeServiceForVirtualMachine"
    for_users = True
    parameters = resizing.PARAMETERS
    answer = MACHINE
    example = "changeServiceForVirtualMachine id=ID serviceofferingid=ID"

    def run(self, call: Call) -> Fields:
        """Return the machine."""
        with call.write() as tx:
            vm = resizing.resize(call, tx)
            call.event(tx, resizing.EVENT, f"Changed the size of instance {vm.name}", machines.INSTANCE, vm.id)
            return one("virtualmachine", machine_view(tx, vm, root=call.caller.root))
