"""resetSSHKeyForVirtualMachine."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import keys, machines
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.machines import MACHINE, machine_view
from vxloom.store import records


class ResetSSHKeyForVirtualMachine(Command):
    """Names another SSH key pair for a stopped machine. It is kept and shown: nothing puts it into the guest."""

    name = "resetSSHKeyForVirtualMachine"
    asynchronous = True
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "the machine, stopped", required=True, related="listVirtualMachines"),
        Parameter("keypair", Kind.STRING, "the key pair, one of the machine's owner"),
        Parameter("keypairs", Kind.LIST, "the same; one only"),
    )
    answer = MACHINE
    example = "resetSSHKeyForVirtualMachine id=ID keypair=mine"

    def run(self, call: Call) -> Fields:
        """Return the job's id."""
        with call.write() as tx:
            vm = owners.fetch_owned(call, tx, records.Vm, call.arguments.need("id"))
            name = keys.named(tx, owners.fetch(tx, records.Account, vm.account), call.arguments)
            if name is None:
                raise RequestError("Give keypair")
            machines.require(vm, records.VmState.STOPPED, to="change the key pair of")
            vm = tx.update(records.Vm, vm.id, keypair=name)
            call.event(tx, "VM.RESETSSHKEY", f"Named key pair {name} for instance {vm.name}", machines.INSTANCE, vm.id)
            return call.finished_job(tx, machines.INSTANCE, vm.id, one("virtualmachine", machine_view(tx, vm, root=call.caller.root)))
