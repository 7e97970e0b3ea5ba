"""Another size for a machine that is down."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.lifecycle import offerings, sizes
from vxloom.server.parameters import Kind, Parameter
from vxloom.store import Transaction, records

EVENT = "VM.UPGRADE"
PARAMETERS = (
    Parameter("id", Kind.UUID, "the machine, stopped", required=True, related="listVirtualMachines"),
    Parameter("serviceofferingid", Kind.UUID, "its new size", required=True, related="listServiceOfferings"),
    Parameter("details", Kind.MAP, "details[0].cpuNumber=2 and .memory=1024 of a customized offering"),
)


def resize(call: Call, tx: Transaction) -> records.Vm:
    """Give the machine asked for its new size, and return it; raises :class:`RequestError` 431."""
    given = call.arguments
    vm = owners.fetch_owned(call, tx, records.Vm, given.need("id"))
    offering = offerings.size(tx, given.need("serviceofferingid"))
    if vm.state is not records.VmState.STOPPED:
        raise RequestError(
            f"Unable to change the size of instance {vm.name}: it is {vm.state.value}, not Stopped", cs_code=4250, remedy="stop it first"
        )
    rest = {key: value for key, value in vm.details.items() if key not in sizes.MOST}
    details = rest | sizes.chosen(offering, given.details())
    return tx.update(records.Vm, vm.id, service_offering=offering.id, details=details)
