"""addIpToNic."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import machines, nics
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.networks import SECONDARY_IP, secondary_view
from vxloom.server.waiting import Step, end
from vxloom.store import records

EVENT = "NIC.SECONDARY.IP.ASSIGN"


class AddIpToNic(Command):
    """Gives a NIC one more address: its filter admits it, and hosts answer for it.

    A namespace guest has it at once; other guests must set it up themselves. When the host says nothing in time it is taken back.
    """

    name = "addIpToNic"
    asynchronous = True
    for_users = True
    parameters = (
        Parameter("nicid", Kind.UUID, "the NIC, of a running or stopped machine", required=True, related="listNics"),
        Parameter("ipaddress", Kind.STRING, "the address, IPv4 or IPv6; default: the next free IPv4 one"),
    )
    answer = SECONDARY_IP
    example = "addIpToNic nicid=ID ipaddress=10.1.1.78"

    def run(self, call: Call) -> Fields:
        """Return the address's id and the job's."""
        with call.write() as tx:
            nic, vm = nics.reached(call, tx, call.arguments.need("nicid"))
            nics.require_steady(vm, "add an address to a NIC of")
            most = tx.setting_int(nics.MOST_SECONDARIES)
            if tx.count(records.NicIp, nic=nic.id, secondary=True) >= most:
                raise RequestError(f"NIC {nic.id} has {most} secondary addresses already", remedy=f"the setting {nics.MOST_SECONDARIES}")
            row = nics.give(tx, nic, call.arguments.filled("ipaddress"), secondary=True)
            job = nics.begin(call, tx, vm, [nic.network], address=row.id)
            text = f"Adding {row.address} to NIC {nic.id} of instance {vm.name}"
            call.event(tx, EVENT, text, machines.INSTANCE, vm.id, state="Started", job=job.id)
        return {"id": row.id, "jobid": job.id}

    def advance(self, step: Step) -> None:
        """There, once its host said so; taken back when it did not."""
        vm = machines.machine_of(step)
        row = step.tx.get(records.NicIp, step.text("address"))
        nic = step.tx.get(records.Nic, row.nic) if row else None
        if vm is None or row is None or nic is None:
            machines.gone(step)
        elif nics.refused(step, vm):
            step.tx.release_ip(nic.network, row.address)
            machines.silent(step, vm, EVENT, "add an address to a NIC of")
        else:
            machines.audit(step, EVENT, f"Added {row.address} to a NIC of instance {vm.name}", vm)
            end(step, {"nicsecondaryip": secondary_view(nic, row)})
