"""updateVirtualMachine."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import deployment, machines, sizes
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.server.views.machines import MACHINE, machine_view
from vxloom.store import records


class UpdateVirtualMachine(Command):
    """Changes a machine's names, group, details and flags. A new ``name`` counts from its next start."""

    name = "updateVirtualMachine"
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "the machine", required=True, related="listVirtualMachines"),
        Parameter("name", Kind.STRING, "its new host name; the machine must be stopped"),
        Parameter("displayname", Kind.STRING, "what people read"),
        Parameter("group", Kind.STRING, "its group"),
        Parameter("haenable", Kind.BOOLEAN, "kept and shown only"),
        Parameter("displayvm", Kind.BOOLEAN, "kept and shown only; for root admins"),
        Parameter("userdata", Kind.STRING, "Base64 text; kept, and answered by getVirtualMachineUserData", length=1 << 20),
        Parameter("details", Kind.MAP, "details[0].key=value: all of its details but size and vxloom's own, which stay"),
        Parameter("cleanupdetails", Kind.BOOLEAN, "remove them all, but size and vxloom's own"),
    )
    answer = MACHINE
    example = "updateVirtualMachine id=ID displayname='web server 1'"

    def run(self, call: Call) -> Fields:
        """Return the machine."""
        given = call.arguments
        columns = {"displayname": "display_name", "group": "group_name", "name": "name"}
        changes: dict[str, object] = {column: text for name, column in columns.items() if (text := given.filled(name))}
        if (data := deployment.user_data(given)) is not None:
            changes["user_data"] = data
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
            if given.rows("details") or given.flag("cleanupdetails"):
                changes["details"] = _details(vm, {} if given.flag("cleanupdetails") else given.details())
            vm = tx.update(records.Vm, vm.id, **changes)
            call.event(tx, "VM.UPDATE", f"Changed instance {vm.name}", machines.INSTANCE, vm.id)
            return one("virtualmachine", machine_view(tx, vm, root=call.caller.root))


def _details(vm: records.Vm, wanted: dict[str, str]) -> dict[str, str]:
    """Return a machine's new details; who plugs it in and how big it is stay as they are. Raises 431 for another value of those."""
    kept = {key: value for key, value in vm.details.items() if _is_fixed(key)}
    changed = sorted(key for key, value in wanted.items() if _is_fixed(key) and kept.get(sizes.spelled(key)) != value)
    if changed:
        listed = ", ".join(changed)[:80]
        raise RequestError(f"Details {listed} cannot be changed", remedy="scaleVirtualMachine changes a size; else deploy it anew")
    return {key: value for key, value in wanted.items() if not _is_fixed(key)} | kept


def _is_fixed(key: str) -> bool:
    return sizes.spelled(key) in sizes.MOST or key.startswith(deployment.OURS)
