"""scaleVirtualMachine."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import machines, resizing
from vxloom.server.responses import Fields, one
from vxloom.server.views.machines import MACHINE, machine_view


class ScaleVirtualMachine(Command):
    """Gives a stopped machine another service offering. No machine here can be scaled while it runs."""

    name = "scaleVirtualMachine"
    asynchronous = True
    for_users = True
    parameters = resizing.PARAMETERS
    answer = MACHINE
    example = "scaleVirtualMachine id=ID serviceofferingid=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id."""
        with call.write() as tx:
            vm = resizing.resize(call, tx)
            call.event(tx, resizing.EVENT, f"Changed the size of instance {vm.name}", machines.INSTANCE, vm.id)
            return call.finished_job(tx, machines.INSTANCE, vm.id, one("virtualmachine", machine_view(tx, vm, root=call.caller.root)))
