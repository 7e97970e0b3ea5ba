"""addHost."""

from __future__ import annotations

from urllib.parse import urlsplit

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, many
from vxloom.server.views.hosts import HOST, host_views
from vxloom.store import Fold, ReadTransaction, records


class AddHost(Command):
    """Adopts a host whose agent has joined: puts it into a pod and cluster. Answers with a list of one.

    The real server logs in over SSH and installs an agent; this one never holds a host's password. An agent joins with a token of
    ``createHostJoinToken``; for a host that has not, this command says so.
    """

    name = "addHost"
    parameters = (
        Parameter("hypervisor", Kind.STRING, "KVM", required=True),
        Parameter("url", Kind.STRING, "http://NAME-OR-ADDRESS of the host", required=True),
        Parameter("zoneid", Kind.UUID, "its zone", required=True, related="listZones"),
        Parameter("podid", Kind.UUID, "its pod", required=True, related="listPods"),
        Parameter("clusterid", Kind.UUID, "its cluster; default: the pod's first", related="listClusters"),
        Parameter("clustername", Kind.STRING, "its cluster's name"),
        Parameter("hosttags", Kind.LIST, "tags, comma-separated"),
        Parameter("username", Kind.STRING, "taken and ignored"),
        Parameter("password", Kind.STRING, "taken and ignored; do not send one"),
    )
    answer = HOST
    example = "addHost hypervisor=KVM url=http://h1 zoneid=ID podid=ID clusterid=ID"

    def run(self, call: Call) -> Fields:
        """Return a list of one host; raises 530 for a host that has not joined, saying how."""
        given = call.arguments
        name = _name(given.need("url"))
        with call.write() as tx:
            zone = owners.fetch(tx, records.Zone, given.need("zoneid"), "zoneid")
            pod = owners.fetch(tx, records.Pod, given.need("podid"), "podid")
            cluster = _cluster(tx, pod, given.filled("clusterid"), given.filled("clustername"))
            host = tx.one(records.Host, zone=zone.id, name=Fold(name))
            host = host or tx.one(records.Host, zone=zone.id, address=name)
            if pod.zone != zone.id:
                raise RequestError(f"Pod {pod.name} is not in zone {zone.name}")
            if host is None:
                raise RequestError(
                    f"Unable to add the host {name}: no agent of that name or address has joined zone {zone.name}",
                    code=530,
                    cs_code=4250,
                    remedy=f"make a token with createHostJoinToken name={name} zoneid={zone.id} and start 'vxloom agent' there with it",
                )
            tags = ",".join(given.items("hosttags")) or host.tags
            host = tx.update(records.Host, host.id, pod=pod.id, cluster=cluster.id, tags=tags)
            call.event(tx, "HOST.ADD", f"Put host {host.name} into cluster {cluster.name}", "Host", host.id)
            return many("host", host_views(tx, [host], call.fleet))


def _name(url: str) -> str:
    try:
        return urlsplit(url if "//" in url else f"//{url}").hostname or url.strip()
    except ValueError:
        raise RequestError(f"Invalid url {url[:80]}", remedy="write http://h1") from None


def _cluster(rx: ReadTransaction, pod: records.Pod, given: str | None, name: str | None) -> records.Cluster:
    if given:
        cluster = owners.fetch(rx, records.Cluster, given, "clusterid")
        if cluster.pod != pod.id:
            raise RequestError(f"Cluster {cluster.name} is not in pod {pod.name}")
        return cluster
    found = rx.one(records.Cluster, pod=pod.id, **({"name": Fold(name)} if name else {}))
    if found is None:
        raise RequestError(f"There is no such cluster in pod {pod.name}", remedy="make one with addCluster")
    return found
