"""getVirtualMachineUserData."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command, fields
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, one
from vxloom.store import records


class GetVirtualMachineUserData(Command):
    """Tells a machine's user data, as it was given."""

    name = "getVirtualMachineUserData"
    for_users = True
    parameters = (Parameter("virtualmachineid", Kind.UUID, "the machine", required=True, related="listVirtualMachines"),)
    answer = fields("virtualmachineid string the machine's id\nuserdata string Base64 text; absent when there is none")
    example = "getVirtualMachineUserData virtualmachineid=ID"

    def run(self, call: Call) -> Fields:
        """Return the user data."""
        with call.read() as rx:
            vm = owners.fetch_owned(call, rx, records.Vm, call.arguments.need("virtualmachineid"), "virtualmachineid")
            return one("virtualmachineuserdata", {"virtualmachineid": vm.id, "userdata": vm.user_data})
