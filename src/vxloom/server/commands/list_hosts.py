"""listHosts."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import hypervisors, moves
from vxloom.server.listing import alike, keyword, listed, same
from vxloom.server.parameters import LISTING, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.hosts import HOST, host_views
from vxloom.store import Fold, records

_DETAILS = {"all", "capacity", "events", "stats", "min"}


class ListHosts(Command):
    """Lists hosts: hypervisors that have joined."""

    name = "listHosts"
    parameters = (
        Parameter("id", Kind.UUID, "only this host", related="listHosts"),
        Parameter("name", Kind.STRING, "only the host of this name"),
        Parameter("type", Kind.STRING, "Routing"),
        Parameter("state", Kind.STRING, "Up, Disconnected, Down or Alert"),
        Parameter("resourcestate", Kind.STRING, "Enabled, Disabled, PrepareForMaintenance, Maintenance or ErrorInMaintenance"),
        Parameter("version", Kind.STRING, "only hosts whose agent is of this version"),
        Parameter("zoneid", Kind.UUID, "only hosts of this zone", related="listZones"),
        Parameter("podid", Kind.UUID, "only hosts of this pod", related="listPods"),
        Parameter("clusterid", Kind.UUID, "only hosts of this cluster", related="listClusters"),
        Parameter("hypervisor", Kind.STRING, "KVM or Simulator; what is no hypervisor is ignored"),
        Parameter(
            "virtualmachineid", Kind.UUID, "only hosts this machine is not on, each with whether it fits", related="listVirtualMachines"
        ),
        Parameter("details", Kind.LIST, "all, capacity, events, stats or min; the answer is the same"),
        *LISTING,
    )
    answer = HOST
    example = "listHosts type=Routing state=Up"

    def run(self, call: Call) -> Fields:
        """Return a page of hosts."""
        given = call.arguments
        if unknown := {item.lower() for item in given.items("details")} - _DETAILS:
            shown = ", ".join(sorted(unknown))[:80]
            allowed = ", ".join(sorted(_DETAILS))
            raise RequestError(f"The details parameter contains a non permitted value: {shown}", remedy=f"the allowed values are {allowed}")
        kinds = {
            "id": records.Host,
            "zoneid": records.Zone,
            "podid": records.Pod,
            "clusterid": records.Cluster,
            "virtualmachineid": records.Vm,
        }
        with call.read() as rx:
            for name, kind in kinds.items():
                if wanted := given.filled(name):
                    owners.fetch(rx, kind, wanted, name)
            where = same(given, id="id", zoneid="zone", podid="pod", clusterid="cluster") | keyword(given, "name")
            where |= alike(given, name="name", type="type", state="state", resourcestate="resource_state", version="version")
            if (hypervisor := (given.filled("hypervisor") or "").lower()) in hypervisors.CLOUDSTACKS:
                where["hypervisor"] = Fold(hypervisor)
            found: dict[str, str] | None = None
            if wanted := given.filled("virtualmachineid"):
                vm = owners.fetch(rx, records.Vm, wanted, "virtualmachineid")
                found = moves.destinations(rx, vm, rx.host_of(vm.id), call.fleet.live())
                where["id"] = [host for host in found if where.get("id") in {None, host}]
            return listed(rx, given, records.Host, "host", lambda hosts: host_views(rx, hosts, call.fleet, moves=found), where)
