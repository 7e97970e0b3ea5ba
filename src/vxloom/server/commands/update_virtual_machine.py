"""updateVirtualMachine."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import deployment, machines
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.machines import MACHINE, machine_views
from vxloom.store import records


class UpdateVirtualMachine(Command):
    """Changes a machine's names, group and flags. A new ``name`` counts from its next start."""

    name = "updateVirtualMachine"
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "the machine", required=True, related="listVirtualMachines"),
        Parameter("name", Kind.STRING, "its new host name; the machine must be stopped"),
        Parameter("displayname", Kind.STRING, "what people read"),
        Parameter("group", Kind.STRING, "its group"),
        Parameter("haenable", Kind.BOOLEAN, "kept and shown only"),
        Parameter("displayvm", Kind.BOOLEAN, "kept and shown only; for root admins"),
        Parameter("userdata", Kind.STRING, "kept only", length=1 << 20),
    )
    answer = MACHINE
    example = "updateVirtualMachine id=ID displayname='web server 1'"

    def run(self, call: Call) -> Fields:
        """Return the machine."""
        given = call.arguments
        columns = {"displayname": "display_name", "group": "group_name", "userdata": "user_data", "name": "name"}
        changes: dict[str, object] = {column: text for name, column in columns.items() if (text := given.filled(name))}
        if (flag := given.choice("haenable")) is not None:
            changes["ha_enable"] = flag
        if (flag := given.choice("displayvm")) is not None and call.caller.root:
            changes["display_vm"] = flag
        with call.write() as tx:
            vm = owners.fetch_owned(call, tx, records.Vm, given.need("id"))
            name = given.filled("name")
            if name and name != vm.name:
                machines.require(vm, records.VmState.STOPPED, to="rename")
                networks = [owners.fetch(tx, records.Network, nic.network) for nic in machines.nics_of(tx, vm.id)]
                deployment.refuse_name(name)
                deployment.refuse_taken(tx, name, networks, but=vm.id)
            vm = tx.update(records.Vm, vm.id, **changes)
            call.event(tx, "VM.UPDATE", f"Changed instance {vm.name}", machines.INSTANCE, vm.id)
            return one("virtualmachine", machine_views(tx, [vm], root=call.caller.root)[0])
