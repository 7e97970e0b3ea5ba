"""removeNicFromVirtualMachine."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import machines, nics
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.machines import MACHINE
from vxloom.server.waiting import Step

EVENT = "NIC.DELETE"


class RemoveNicFromVirtualMachine(Command):
    """Takes a NIC away from a machine; not the default one.

    It is withdrawn at once. On a running machine the job waits until its host has unplugged it; a host that says nothing in time is told
    when it answers, and until then its addresses are given to nobody.
    """

    name = "removeNicFromVirtualMachine"
    asynchronous = True
    for_users = True
    parameters = (
        Parameter("virtualmachineid", Kind.UUID, "the machine, running or stopped", required=True, related="listVirtualMachines"),
        Parameter("nicid", Kind.UUID, "the NIC", required=True, related="listNics"),
    )
    answer = MACHINE
    example = "removeNicFromVirtualMachine virtualmachineid=ID nicid=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id."""
        with call.write() as tx:
            nic, vm = nics.of_machine(call, tx)
            nics.require_steady(vm, "remove a NIC from")
            if nic.is_default:
                raise RequestError(
                    f"Unable to remove NIC {nic.id} from instance {vm.name}: it is the default NIC",
                    remedy="make another one the default with updateDefaultNicForVirtualMachine",
                )
            job = nics.remove(call, tx, vm, nic)
            text = f"Removing NIC {nic.id} from instance {vm.name}"
            call.event(tx, EVENT, text, machines.INSTANCE, vm.id, state="Started", job=job.id)
        return {"jobid": job.id}

    def advance(self, step: Step) -> None:
        """Gone, once its host said so."""
        nics.end_change(step, EVENT, "remove a NIC from", "Removed a NIC from")
