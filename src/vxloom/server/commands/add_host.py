"""addHost."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import hypervisors
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, many
from vxloom.server.views.hosts import HOST, host_views
from vxloom.store import Fold, Transaction, records


class AddHost(Command):
    """Adopts a host whose agent has joined, or makes a simulated one. Answers with a list of one.

    The real server logs in over SSH and installs an agent; this one never holds a host's password. An agent joins with a token of
    ``createHostJoinToken``; for a host that has not, this command says so. With ``hypervisor=Simulator`` the host is one inside the
    server, without a kernel; any URL does, and names it: ``http://sim/c0/h0`` is ``c0-h0``.
    """

    name = "addHost"
    parameters = (
        Parameter("hypervisor", Kind.STRING, "KVM or Simulator", required=True),
        Parameter("url", Kind.STRING, "http://NAME-OR-ADDRESS of the host", required=True),
        Parameter("zoneid", Kind.UUID, "its zone", required=True, related="listZones"),
        Parameter("podid", Kind.UUID, "its pod", required=True, related="listPods"),
        Parameter("clusterid", Kind.UUID, "its cluster; default: the pod's first of this hypervisor", related="listClusters"),
        Parameter("clustername", Kind.STRING, "its cluster's name; one that is not there is made"),
        Parameter("hosttags", Kind.LIST, "tags, comma-separated"),
    )
    answer = HOST
    example = "addHost hypervisor=KVM url=http://h1 zoneid=ID podid=ID clusterid=ID"

    def run(self, call: Call) -> Fields:
        """Return a list of one host; raises 530 for a host that has not joined, saying how."""
        given = call.arguments
        kind = hypervisors.hypervisor(given.need("hypervisor"))
        name = hypervisors.name_in(given.need("url"))
        tags = ",".join(given.items("hosttags")) or None
        with call.write() as tx:
            zone = owners.fetch(tx, records.Zone, given.need("zoneid"), "zoneid")
            pod = owners.fetch(tx, records.Pod, given.need("podid"), "podid")
            if pod.zone != zone.id:
                raise RequestError(f"Pod {pod.name} is not in zone {zone.name}")
            cluster = _cluster(call, tx, pod, kind)
            if kind is hypervisors.SIMULATOR:
                _refuse_taken(tx, zone, name)
                host = hypervisors.add_simulated(tx, cluster, name, tags)
            else:
                found = _joined(tx, zone, name)
                host = tx.update(records.Host, found.id, pod=pod.id, cluster=cluster.id, tags=tags or found.tags)
            hypervisors.note_mixture(tx, zone.id)
            simulated = "simulated " if kind is hypervisors.SIMULATOR else ""
            call.event(tx, "HOST.ADD", f"Put {simulated}host {host.name} into cluster {cluster.name}", "Host", host.id)
            if kind is hypervisors.SIMULATOR:
                call.after_commit(lambda: call.fleet.simulate(host.id))
        with call.read() as rx:
            return many("host", host_views(rx, [owners.fetch(rx, records.Host, host.id)], call.fleet))


def _joined(tx: Transaction, zone: records.Zone, name: str) -> records.Host:
    host = tx.one(records.Host, zone=zone.id, name=Fold(name)) or tx.one(records.Host, zone=zone.id, address=name)
    if host is None:
        raise RequestError(
            f"Unable to add the host {name}: no agent of that name or address has joined zone {zone.name}",
            code=530,
            cs_code=4250,
            remedy=f"make a token with createHostJoinToken name={name} zoneid={zone.id} and start 'vxloom agent' there with it",
        )
    if host.hypervisor != hypervisors.KVM:
        raise RequestError(f"Host {host.name} is a simulated one", remedy="choose another name, or delete it first")
    return host


def _refuse_taken(tx: Transaction, zone: records.Zone, name: str) -> None:
    if tx.one(records.Host, zone=zone.id, name=Fold(name)) is not None:
        raise RequestError(f"There is a host {name} in zone {zone.name} already", remedy="give another url: it names a simulated host")


def _cluster(call: Call, tx: Transaction, pod: records.Pod, kind: records.Hypervisor) -> records.Cluster:
    """Return the host's cluster, made if it was only named; raises 431 where its hypervisor is another."""
    given = call.arguments
    if wanted := given.filled("clusterid"):
        cluster = owners.fetch(tx, records.Cluster, wanted, "clusterid")
        if cluster.pod != pod.id:
            raise RequestError(f"Cluster {cluster.name} is not in pod {pod.name}")
    elif name := given.filled("clustername"):
        found = tx.one(records.Cluster, pod=pod.id, name=Fold(name))
        cluster = found or tx.add(records.Cluster(zone=pod.zone, pod=pod.id, name=name.strip(), hypervisor=kind))
    else:
        first = tx.one(records.Cluster, pod=pod.id, hypervisor=kind)
        if first is None:
            raise RequestError(
                f"There is no cluster for {kind} in pod {pod.name}",
                remedy=f"make one: addCluster hypervisor={kind}, or give clustername",
            )
        cluster = first
    if cluster.hypervisor != kind:
        raise RequestError(
            f"Cluster {cluster.name} is for {cluster.hypervisor}, a {kind} host cannot be in it",
            remedy=f"make one with addCluster hypervisor={kind}",
        )
    return cluster
