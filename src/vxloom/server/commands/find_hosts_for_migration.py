"""findHostsForMigration."""

from __future__ import annotations

from collections.abc import Sequence

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command, fields
from vxloom.server.lifecycle import machines, moves
from vxloom.server.listing import keyword, listed
from vxloom.server.parameters import LISTING, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.hosts import HOST, host_views
from vxloom.store import records


class FindHostsForMigration(Command):
    """Lists the hosts a running machine could move to: all others of its zone, each with whether it fits."""

    name = "findHostsForMigration"
    parameters = (
        Parameter("virtualmachineid", Kind.UUID, "the machine", required=True, related="listVirtualMachines"),
        *LISTING,
    )
    answer = HOST + fields("requiresStorageMotion boolean always false: there is no storage to move")
    example = "findHostsForMigration virtualmachineid=ID"

    def run(self, call: Call) -> Fields:
        """Return a page of hosts; raises 431 for a machine that does not run."""
        given = call.arguments
        with call.read() as rx:
            vm = owners.fetch(rx, records.Vm, given.need("virtualmachineid"), "virtualmachineid")
            machines.require(vm, records.VmState.RUNNING, to="find hosts for migration of")
            found = moves.destinations(rx, vm, rx.host_of(vm.id), call.fleet.live())
            where = {"id": list(found)} | keyword(given, "name")

            def view(hosts: Sequence[records.Host]) -> list[Fields]:
                return [{**row, "requiresStorageMotion": False} for row in host_views(rx, hosts, call.fleet, moves=found)]

            return listed(rx, given, records.Host, "host", view, where, order="number")
