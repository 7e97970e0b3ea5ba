"""listHypervisors."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command, fields
from vxloom.server.lifecycle import hypervisors
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, many
from vxloom.store import records


class ListHypervisors(Command):
    """Lists hypervisors: KVM, and Simulator where there is a cluster for simulated hosts."""

    name = "listHypervisors"
    for_users = True
    parameters = (Parameter("zoneid", Kind.UUID, "only those of this zone", related="listZones"),)
    answer = fields("name string the hypervisor")
    example = "listHypervisors"

    def run(self, call: Call) -> Fields:
        """Return the hypervisors there are clusters for; KVM always."""
        given = call.arguments
        with call.read() as rx:
            zone = owners.fetch(rx, records.Zone, wanted, "zoneid").id if (wanted := given.filled("zoneid")) else None
            return many("hypervisor", [{"name": kind.value} for kind in hypervisors.kinds_in(rx, zone)])
