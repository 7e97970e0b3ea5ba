"""A zone of simulated hosts, for clients that need a cloud to work on."""

from __future__ import annotations

import dataclasses

from cs import CloudStack

from tests.api.world import make_zone, offering, result, sizes
from tests.waiting import wait_until


@dataclasses.dataclass(frozen=True)
class Cloud:
    """Ids of what a client may name; `hosts` by name."""

    api: CloudStack
    zone: str
    pod: str
    cluster: str
    hosts: dict[str, str]

    @property
    def sizes(self) -> dict[str, str]:
        return sizes(self.api)

    def offering(self, kind: str) -> str:
        return offering(self.api, kind)

    def network(self, name: str, kind: str = "Isolated", **parameters: str) -> dict[str, str]:
        addresses = {"gateway": "10.1.1.1", "netmask": "255.255.255.0"} if kind == "Isolated" else {}
        given = {"zoneid": self.zone, "networkofferingid": self.offering(kind)} | addresses | parameters
        return self.api.createNetwork(name=name, **given)["network"]


def make_cloud(api: CloudStack, name: str, *hosts: str) -> Cloud:
    """An enabled zone with a pod, a cluster and these hosts, all of them Up."""
    zone = make_zone(api, name)
    addresses = {"gateway": "192.0.2.1", "netmask": "255.255.255.0", "startip": "192.0.2.10", "endip": "192.0.2.99"}
    pod = api.createPod(name="rack1", zoneid=zone, **addresses)["pod"]["id"]
    where = {"zoneid": zone, "podid": pod, "hypervisor": "Simulator"}
    cluster = api.addCluster(clustername="rack1", clustertype="CloudManaged", **where)["cluster"][0]["id"]
    for host in hosts:
        api.addHost(url=f"http://{host}", username="placeholder", password="placeholder", clusterid=cluster, **where)
    wait_until(lambda: [host["state"] for host in api.listHosts(zoneid=zone)["host"]] == ["Up"] * len(hosts), "the hosts are Up")
    return Cloud(api, zone, pod, cluster, {host["name"]: host["id"] for host in api.listHosts(zoneid=zone)["host"]})


def deployed(cloud: Cloud, name: str, network: str, **parameters: str) -> dict[str, object]:
    """A running machine."""
    given = {"name": name, "zoneid": cloud.zone, "networkids": network} | cloud.sizes | parameters
    return result(cloud.api, "deployVirtualMachine", **given)["virtualmachine"]
