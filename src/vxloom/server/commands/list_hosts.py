"""listHosts."""

from __future__ import annotations

from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import hypervisors
from vxloom.server.listing import alike, keyword, listed, same
from vxloom.server.parameters import LISTING, Kind, Parameter
from vxloom.server.responses import Fields
from vxloom.server.views.hosts import HOST, host_views
from vxloom.store import Fold, records


class ListHosts(Command):
    """Lists hosts: hypervisors that have joined."""

    name = "listHosts"
    parameters = (
        Parameter("id", Kind.UUID, "only this host", related="listHosts"),
        Parameter("name", Kind.STRING, "only the host of this name"),
        Parameter("type", Kind.STRING, "Routing"),
        Parameter("state", Kind.STRING, "Up, Disconnected, Down or Alert"),
        Parameter("resourcestate", Kind.STRING, "Enabled or Disabled"),
        Parameter("zoneid", Kind.UUID, "only hosts of this zone", related="listZones"),
        Parameter("podid", Kind.UUID, "only hosts of this pod", related="listPods"),
        Parameter("clusterid", Kind.UUID, "only hosts of this cluster", related="listClusters"),
        Parameter("hypervisor", Kind.STRING, "KVM or Simulator; what is no hypervisor is ignored"),
        Parameter("virtualmachineid", Kind.UUID, "only the host this machine runs on", related="listVirtualMachines"),
        *LISTING,
    )
    answer = HOST
    example = "listHosts type=Routing state=Up"

    def run(self, call: Call) -> Fields:
        """Return a page of hosts."""
        given = call.arguments
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
            where |= alike(given, name="name", type="type", state="state", resourcestate="resource_state")
            if (hypervisor := (given.filled("hypervisor") or "").lower()) in hypervisors.CLOUDSTACKS:
                where["hypervisor"] = Fold(hypervisor)
            if vm := given.filled("virtualmachineid"):
                host = rx.host_of(vm)
                where["id"] = [host.id] if host and where.get("id") in {None, host.id} else []
            return listed(rx, given, records.Host, "host", lambda hosts: host_views(rx, hosts, call.fleet), where)
