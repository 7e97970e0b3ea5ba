"""startVirtualMachine."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import machines
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.machines import MACHINE
from vxloom.server.waiting import Step
from vxloom.store import records

EVENT = "VM.START"


class StartVirtualMachine(Command):
    """Starts a stopped machine, where it was last if that host fits."""

    name = "startVirtualMachine"
    asynchronous = True
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "the machine", required=True, related="listVirtualMachines"),
        Parameter("hostid", Kind.UUID, "the host it starts on; for root admins", related="listHosts"),
        Parameter("podid", Kind.UUID, "the pod it starts in; for root admins", related="listPods"),
        Parameter("clusterid", Kind.UUID, "the cluster it starts in; for root admins", related="listClusters"),
    )
    answer = MACHINE
    example = "startVirtualMachine id=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id."""
        given = call.arguments
        with call.write() as tx:
            vm = owners.fetch_owned(call, tx, records.Vm, given.need("id"))
            where = machines.Place.asked(call, tx)
            machines.require(vm, records.VmState.STOPPED, records.VmState.ERROR, to="start")
            machines.unbind_all(tx, vm)
            job = machines.begin_start(call, tx, vm, where=where)
            call.event(tx, EVENT, f"Starting instance {vm.name}", machines.INSTANCE, vm.id, state="Started", job=job.id)
        return {"jobid": job.id}

    def advance(self, step: Step) -> None:
        """Running, once its host said so."""
        machines.end_start(step, event=EVENT)
