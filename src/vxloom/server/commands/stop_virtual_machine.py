"""stopVirtualMachine."""

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

EVENT = "VM.STOP"
_FROM = (records.VmState.RUNNING, records.VmState.STARTING, records.VmState.STOPPING, records.VmState.MIGRATING, records.VmState.ERROR)


class StopVirtualMachine(Command):
    """Stops a machine: its host takes down its tap and filters. With ``forced=true`` a silent host is not waited for."""

    name = "stopVirtualMachine"
    asynchronous = True
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "the machine", required=True, related="listVirtualMachines"),
        Parameter("forced", Kind.BOOLEAN, "do not wait for its host"),
    )
    answer = MACHINE
    example = "stopVirtualMachine id=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id."""
        given = call.arguments
        with call.write() as tx:
            vm = owners.fetch_owned(call, tx, records.Vm, given.need("id"))
            machines.require(vm, records.VmState.RUNNING, records.VmState.ERROR, *(_FROM if given.flag("forced") else ()), to="stop")
            job = machines.begin_withdraw(call, tx, vm, records.VmState.STOPPING, wait=not given.flag("forced"))
            call.event(tx, EVENT, f"Stopping instance {vm.name}", machines.INSTANCE, vm.id, state="Started", job=job.id)
        return {"jobid": job.id}

    def advance(self, step: Step) -> None:
        """Stopped, once its host said so."""
        machines.end_withdraw(step, records.VmState.STOPPED, event=EVENT, verb="stop", done="Stopped")
