"""listServiceOfferings."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import offerings
from vxloom.server.listing import alike, keyword, listed, same, select
from vxloom.server.parameters import LISTING, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.offerings import SERVICE_OFFERING, service_offering_views
from vxloom.store import records


class ListServiceOfferings(Command):
    """Lists service offerings: sizes of machines. A customized one shows the least it may have."""

    name = "listServiceOfferings"
    for_users = True
    parameters = (
        Parameter("id", Kind.UUID, "only this offering", related="listServiceOfferings"),
        Parameter("name", Kind.STRING, "only the offering of this name"),
        Parameter("issystem", Kind.BOOLEAN, "true: those of system machines; for root admins, others find none"),
        Parameter("virtualmachineid", Kind.UUID, "only those this machine could be changed to", related="listVirtualMachines"),
        *LISTING,
    )
    answer = SERVICE_OFFERING
    example = "listServiceOfferings"

    def run(self, call: Call) -> Fields:
        """Return a page of offerings."""
        given = call.arguments
        with call.read() as rx:
            if wanted := given.filled("id"):
                offerings.size(rx, wanted, "id")
            where = same(given, id="id") | alike(given, name="name") | keyword(given, "name", "display_text")
            where |= {"is_system": given.flag("issystem"), "removed": None}
            if given.flag("issystem") and not call.caller.root:
                where["id"] = []
            if machine := given.filled("virtualmachineid"):
                vm = owners.fetch_owned(call, rx, records.Vm, machine, "virtualmachineid")
                others = select(rx, records.ServiceOffering, where)
                where["id"] = [offering.id for offering in others if offering.id != vm.service_offering]
            return listed(rx, given, records.ServiceOffering, "serviceoffering", service_offering_views, where)
