"""updateDefaultNicForVirtualMachine."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import machines, nics
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.machines import MACHINE
from vxloom.server.waiting import Step
from vxloom.store import records

EVENT = "NIC.UPDATE"


class UpdateDefaultNicForVirtualMachine(Command):
    """Makes another NIC a machine's default one: its way out.

    A namespace guest's default route follows at once; in guests that others plug in it is the guest's own business.
    """

    name = "updateDefaultNicForVirtualMachine"
    asynchronous = True
    for_users = True
    parameters = (
        Parameter("virtualmachineid", Kind.UUID, "the machine, running or stopped", required=True, related="listVirtualMachines"),
        Parameter("nicid", Kind.UUID, "the NIC that is to be the default one", required=True, related="listNics"),
    )
    answer = MACHINE
    example = "updateDefaultNicForVirtualMachine virtualmachineid=ID nicid=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id."""
        with call.write() as tx:
            nic, vm = nics.of_machine(call, tx)
            nics.require_steady(vm, "change the default NIC of")
            if nic.is_default:
                raise RequestError(f"NIC {nic.id} is already the default NIC of instance {vm.name}")
            for other in machines.nics_of(tx, vm.id):
                tx.update(records.Nic, other.id, is_default=other.id == nic.id)
            job = nics.begin(call, tx, vm, [])
            text = f"Changing the default NIC of instance {vm.name} to {nic.id}"
            call.event(tx, EVENT, text, machines.INSTANCE, vm.id, state="Started", job=job.id)
        return {"jobid": job.id}

    def advance(self, step: Step) -> None:
        """Done, once its host said so."""
        nics.end_change(step, EVENT, "change the default NIC of", "Changed the default NIC of")
