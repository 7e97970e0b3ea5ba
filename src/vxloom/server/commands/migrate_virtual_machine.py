"""migrateVirtualMachine."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import machines, moves
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.machines import MACHINE
from vxloom.server.waiting import Step
from vxloom.store import records


class MigrateVirtualMachine(Command):
    """Moves a running machine to another host, in any subnet: its MAC, addresses and VNI stay.

    The destination is prepared first; then it goes live there and is withdrawn here. A namespace guest is stopped here and started
    there in that moment.
    """

    name = "migrateVirtualMachine"
    asynchronous = True
    parameters = (
        Parameter("virtualmachineid", Kind.UUID, "the machine", required=True, related="listVirtualMachines"),
        Parameter("hostid", Kind.UUID, "the host it goes to; default: the emptiest", related="listHosts"),
        Parameter("autoselect", Kind.BOOLEAN, "false: do not choose a host where hostid is left out, refuse the call"),
    )
    answer = MACHINE
    example = "migrateVirtualMachine virtualmachineid=ID hostid=ID"

    def run(self, call: Call) -> Fields:
        """Return the job's id."""
        given = call.arguments
        if not given.flag("autoselect", default=True) and not given.filled("hostid"):
            raise RequestError("Please specify a host as destination", remedy="give hostid, or autoselect=true")
        with call.write() as tx:
            vm = owners.fetch(tx, records.Vm, given.need("virtualmachineid"), "virtualmachineid")
            wanted = given.filled("hostid")
            if wanted:
                owners.fetch(tx, records.Host, wanted, "hostid")
            machines.require(vm, records.VmState.RUNNING, to="migrate")
            source = tx.host_of(vm.id)
            if source is None:
                raise RequestError(f"Instance {vm.name} is on no host", cs_code=4250, remedy="stop and start it")
            if wanted == source.id:
                raise RequestError(f"Cannot migrate instance {vm.name}: it is on host {source.name} already")
            fleet, place = call.fleet, machines.Place(wanted)
            destination = machines.choose_host(tx, vm, fleet.live(), fleet.strained(), where=place, avoid=frozenset({source.id}))
            job = moves.begin(call, tx, vm, source, destination)
            text = f"Moving instance {vm.name} from host {source.name} to {destination.name}"
            call.event(tx, moves.EVENT, text, machines.INSTANCE, vm.id, state="Started", job=job.id)
        return {"jobid": job.id}

    def advance(self, step: Step) -> None:
        """Prepared, then flipped, then done."""
        moves.advance(step)
