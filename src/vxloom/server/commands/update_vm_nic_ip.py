"""updateVmNicIp."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import machines, nics
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.machines import MACHINE
from vxloom.server.waiting import Step

EVENT = "NIC.UPDATE"


class UpdateVmNicIp(Command):
    """Gives a NIC another address; the old one is given to nobody until every host has forgotten it.

    In a second range of its network it takes over that range's gateway and mask. A namespace guest changes at once; in other guests the
    address is the guest's own business, and its filter admits the new one only.
    """

    name = "updateVmNicIp"
    asynchronous = True
    for_users = True
    parameters = (
        Parameter("nicid", Kind.UUID, "the NIC, of a running or stopped machine", required=True, related="listNics"),
        Parameter("ipaddress", Kind.STRING, "its new address, IPv4 or IPv6; default: the next free IPv4 one"),
    )
    answer = MACHINE
    example = "updateVmNicIp nicid=ID ipaddress=10.1.1.77"

    def run(self, call: Call) -> Fields:
        """Return the job's id; the address it has already is no change, and no error."""
        with call.write() as tx:
            nic, vm = nics.reached(call, tx, call.arguments.need("nicid"))
            nics.require_steady(vm, "change the address of a NIC of")
            new = nics.exchange(tx, nic, call.arguments.filled("ipaddress"))
            job = nics.begin(call, tx, vm, [nic.network])
            text = f"Changing the address of NIC {nic.id} of instance {vm.name} to {new}"
            call.event(tx, EVENT, text, machines.INSTANCE, vm.id, state="Started", job=job.id)
        return {"jobid": job.id}

    def advance(self, step: Step) -> None:
        """Done, once its host said so."""
        nics.end_change(step, EVENT, "change the address of a NIC of", "Changed the address of a NIC of")
