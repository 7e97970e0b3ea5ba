"""listNics."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import access
from vxloom.server.listing import listed
from vxloom.server.parameters import PAGE, PAGE_SIZE, Kind, Parameter
from vxloom.server.responses import Fields, many
from vxloom.server.views.networks import NIC, nic_views
from vxloom.server.views.values import within
from vxloom.store import ReadTransaction, records


class ListNics(Command):
    """Lists the NICs of a machine, or of a network."""

    name = "listNics"
    for_users = True
    parameters = (
        Parameter("virtualmachineid", Kind.UUID, "the machine", related="listVirtualMachines"),
        Parameter("networkid", Kind.UUID, "the network", related="listNetworks"),
        Parameter("nicid", Kind.UUID, "only this NIC"),
        PAGE,
        PAGE_SIZE,
    )
    answer = NIC
    example = "listNics virtualmachineid=ID"

    def run(self, call: Call) -> Fields:
        """Return a page of NICs."""
        given = call.arguments
        vm, network, nic = given.filled("virtualmachineid"), given.filled("networkid"), given.filled("nicid")
        if vm is None and network is None:
            raise RequestError(
                "Unable to execute API command listnics due to missing parameter virtualmachineid", remedy="or give networkid"
            )
        where: dict[str, object] = {}
        with call.read() as rx:
            if vm is not None:
                where["vm"] = owners.fetch_owned(call, rx, records.Vm, vm, "virtualmachineid").id
            if network is not None:
                where["network"] = access.fetch(call, rx, network, "networkid").id
            if nic is not None:
                row = owners.fetch_nic(call, rx, nic)
                if vm not in {None, row.vm}:
                    return many("nic", [])
                where["id"] = row.id
            elif vm is None and not call.caller.root:
                where |= _own(call, rx, str(network))
            return listed(rx, given, records.Nic, "nic", lambda rows: nic_views(rx, rows, root=call.caller.root), where, order="position")


def _own(call: Call, rx: ReadTransaction, network: str) -> dict[str, object]:
    """Return the condition that leaves out NICs of accounts the caller does not reach: a network may be many accounts'."""
    vms = within(rx, records.Vm, "id", (nic.vm for nic in rx.all(records.Nic, network=network)))
    reached = {account: owners.reaches(rx, call.caller, account) for account in {vm.account for vm in vms}}
    return {} if all(reached.values()) else {"vm": [vm.id for vm in vms if reached[vm.account]]}
