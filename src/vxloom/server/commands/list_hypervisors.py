"""listHypervisors."""

from __future__ import annotations

from vxloom.server.call import Call
from vxloom.server.command import Command, fields
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, many


class ListHypervisors(Command):
    """Lists hypervisors: KVM."""

    name = "listHypervisors"
    for_users = True
    parameters = (Parameter("zoneid", Kind.UUID, "of this zone; all have the same", related="listZones"),)
    answer = fields("name string the hypervisor")
    example = "listHypervisors"

    def run(self, call: Call) -> Fields:
        """Return a list of one."""
        return many("hypervisor", [{"name": "KVM"}])
