"""addNicToVirtualMachine."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import access, deployment, machines, nics
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.machines import MACHINE
from vxloom.server.waiting import Step
from vxloom.store import records

EVENT = "NIC.CREATE"


class AddNicToVirtualMachine(Command):
    """Gives a machine a NIC on one more network.

    On a running machine the job waits until its host has plugged it in; when the host says nothing in time the NIC is taken back. On a
    stopped one it is there from its next start.
    """

    name = "addNicToVirtualMachine"
    asynchronous = True
    for_users = True
    parameters = (
        Parameter("virtualmachineid", Kind.UUID, "the machine, running or stopped", required=True, related="listVirtualMachines"),
        Parameter("networkid", Kind.UUID, "the network; a machine has one NIC in a network", required=True, related="listNetworks"),
        Parameter("ipaddress", Kind.STRING, "its IPv4 address; default: the next free one"),
        Parameter("ip6address", Kind.STRING, "its IPv6 address; default: the one made of its MAC"),
        Parameter("macaddress", Kind.STRING, "its MAC; default: a random one"),
    )
    answer = MACHINE
    example = "addNicToVirtualMachine virtualmachineid=ID networkid=ID ipaddress=10.2.1.5"

    def run(self, call: Call) -> Fields:
        """Return the job's id."""
        given = call.arguments
        ip, ip6 = deployment.parse_family(given.filled("ipaddress"), 4), deployment.parse_family(given.filled("ip6address"), 6)
        wish = deployment.Wish(given.need("networkid"), ip, ip6, given.filled("macaddress"))
        with call.write() as tx:
            vm = owners.fetch_owned(call, tx, records.Vm, given.need("virtualmachineid"), "virtualmachineid")
            account, zone = owners.fetch(tx, records.Account, vm.account), owners.fetch(tx, records.Zone, vm.zone)
            access.fetch(call, tx, wish.network, "networkid", account)
            [network] = deployment.networks_of(call, tx, [wish], account, zone)
            nics.require_steady(vm, "add a NIC to")
            job = nics.add(call, tx, vm, network, wish)
            text = f"Adding a NIC in network {network.name} to instance {vm.name}"
            call.event(tx, EVENT, text, machines.INSTANCE, vm.id, state="Started", job=job.id)
        return {"jobid": job.id}

    def advance(self, step: Step) -> None:
        """There, once its host said so; taken back when it did not."""
        vm = machines.machine_of(step)
        if vm is None:
            machines.gone(step)
        elif nics.refused(step, vm):
            nic = step.tx.get(records.Nic, step.text("nic"))
            if nic is not None:
                nics.take_away(step.tx, nic)
            machines.silent(step, vm, EVENT, "add a NIC to")
        else:
            machines.audit(step, EVENT, f"Added a NIC to instance {vm.name}", vm)
            machines.finish(step)
