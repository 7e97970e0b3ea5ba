"""removeIpFromNic."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server.call import Call
from vxloom.server.command import SUCCESS, Command
from vxloom.server.lifecycle import machines, nics
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, success
from vxloom.server.waiting import Step, end

EVENT = "NIC.SECONDARY.IP.UNASSIGN"


class RemoveIpFromNic(Command):
    """Takes a secondary address away from a NIC; it is given to nobody until every host has forgotten it."""

    name = "removeIpFromNic"
    asynchronous = True
    for_users = True
    parameters = (Parameter("id", Kind.UUID, "the secondary address's id, as listNics shows it", required=True, related="listNics"),)
    answer = SUCCESS
    example = "removeIpFromNic id=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id."""
        with call.write() as tx:
            row, nic, vm = nics.of_address(call, tx, call.arguments.need("id"))
            if not row.secondary:
                raise RequestError(f"{row.address} is no secondary address", remedy="updateVmNicIp changes a NIC's own one")
            nics.require_steady(vm, "remove an address from a NIC of")
            tx.release_ip(nic.network, row.address)
            job = nics.begin(call, tx, vm, [nic.network])
            text = f"Removing {row.address} from NIC {nic.id} of instance {vm.name}"
            call.event(tx, EVENT, text, machines.INSTANCE, vm.id, state="Started", job=job.id)
        return {"jobid": job.id}

    def advance(self, step: Step) -> None:
        """Gone, once its host said so."""
        vm = machines.machine_of(step)
        if vm is None:
            machines.gone(step)
        elif nics.refused(step, vm):
            machines.silent(step, vm, EVENT, "remove an address from a NIC of")
        else:
            machines.audit(step, EVENT, f"Removed an address from a NIC of instance {vm.name}", vm)
            end(step, success())
