"""A cloud of simulated hosts: from an empty server to running machines, through its restart and maintenance, without a hypervisor."""

from __future__ import annotations

import time
from pathlib import Path

from tests.api.world import make_zone, offering, result, running, sizes


def simulated(api, zone: str, name: str = "sims", hosts: int = 3) -> list[dict]:
    pod = api.listPods(zoneid=zone)["pod"][0]["id"]
    cluster = api.addCluster(clustername=name, clustertype="CloudManaged", hypervisor="Simulator", zoneid=zone, podid=pod)["cluster"][0][
        "id"
    ]
    place = {"zoneid": zone, "podid": pod, "clusterid": cluster}
    return [api.addHost(hypervisor="Simulator", url=f"http://sim/c0/h{n}", **place)["host"][0] for n in range(hosts)]


def test_a_cloud_without_a_hypervisor(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        api = server.client()
        zone = make_zone(api)
        hosts = simulated(api, zone)
        assert [(h["name"], h["state"], h["hypervisor"], h["capabilities"]) for h in hosts] == [
            (f"c0-h{n}", "Up", "Simulator", "simulated") for n in range(3)
        ]
        network = api.createNetwork(name="n", zoneid=zone, networkofferingid=offering(api, "Isolated"))["network"]["id"]
        for n in range(6):
            began = time.perf_counter()
            vm = result(api, "deployVirtualMachine", name=f"vm{n}", zoneid=zone, networkids=network, **sizes(api))["virtualmachine"]
            print(time.perf_counter() - began)
            assert (vm["state"], vm["hypervisor"]) == ("Running", "Simulator")
        print(api.vxloomPlanHost(id=hosts[0]["id"]))
