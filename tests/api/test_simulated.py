"""A cloud of simulated hosts through the unmodified `cs` library: from nothing to running machines, maintenance, restarts in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cs import CloudStack

from tests.api.world import Server, make_zone, offering, result, running, sizes
from tests.waiting import wait_until


def hosts_in(api: CloudStack, zone: str, count: int) -> list[str]:
    """A pod, a cluster and simulated hosts; their ids."""
    pod = api.createPod(name="sims", zoneid=zone, gateway="192.0.2.1", netmask="255.255.255.0", startip="192.0.2.10")["pod"]["id"]
    place = {"zoneid": zone, "podid": pod}
    cluster = api.addCluster(clustername="sims", clustertype="CloudManaged", hypervisor="Simulator", **place)["cluster"][0]["id"]
    added = [
        api.addHost(hypervisor="Simulator", url=f"http://sim/c0/h{n}", username="u", password="p", clusterid=cluster, **place)["host"][0]
        for n in range(count)
    ]
    assert {host["state"] for host in added} == {"Up"}
    return [host["id"] for host in added]


def machine(api: CloudStack, vm: str) -> dict[str, Any]:
    return dict(api.listVirtualMachines(id=vm)["virtualmachine"][0])


def test_a_cloud_without_a_hypervisor(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        api = server.client()
        zone = make_zone(api)
        h0, h1, h2 = hosts_in(api, zone, 3)
        network = api.createNetwork(name="n", zoneid=zone, networkofferingid=offering(api, "Isolated"))["network"]["id"]
        vms = [
            result(api, "deployVirtualMachine", name=f"vm{n}", zoneid=zone, networkids=network, hostid=host, **sizes(api))["virtualmachine"]
            for n, host in enumerate((h0, h0, h1, h2))
        ]
        assert {(vm["state"], vm["hypervisor"]) for vm in vms} == {("Running", "Simulator")}
        assert all("pendinghosts" not in vm for vm in vms)

        host = result(api, "prepareHostForMaintenance", id=h0)["host"]
        assert host["resourcestate"] == "Maintenance"
        moved = [machine(api, vm["id"]) for vm in vms]
        assert all(vm["state"] == "Running" and vm["hostid"] in {h1, h2} for vm in moved)
        assert [vm["nic"][0]["macaddress"] for vm in moved] == [vm["nic"][0]["macaddress"] for vm in vms]
        assert "nothing to do" in api.vxloomPlanHost(id=h0)["plan"]["plan"]

        server.stop()
        server.start()
        api = server.client()
        assert {host["id"]: (host["state"], host["resourcestate"]) for host in api.listHosts(fetch_list=True)} == {
            h0: ("Up", "Maintenance"),
            h1: ("Up", "Enabled"),
            h2: ("Up", "Enabled"),
        }
        wait_until(lambda: all(_is_done(api, host) for host in (h1, h2)), "the kernels are built anew", seconds=15)
        vm = result(api, "deployVirtualMachine", name="later", zoneid=zone, networkids=network, **sizes(api))["virtualmachine"]
        assert vm["hostid"] in {h1, h2}
        assert "pendinghosts" not in vm
        assert result(api, "cancelHostMaintenance", id=h0)["host"]["resourcestate"] == "Enabled"
        assert result(api, "migrateVirtualMachine", virtualmachineid=vm["id"], hostid=h0)["virtualmachine"]["hostid"] == h0
        assert result(api, "reconnectHost", id=h0)["host"]["id"] == h0

        for one in (*vms, vm):
            result(api, "destroyVirtualMachine", id=one["id"], expunge=True)
        result(api, "deleteNetwork", id=network)
        for host in (h0, h1, h2):
            result(api, "prepareHostForMaintenance", id=host)
            assert api.deleteHost(id=host)["success"]
        assert api.listHosts() == {}
        assert api.listAlerts() == {}


def _is_done(api: CloudStack, host: str) -> bool:
    return api.vxloomPlanHost(id=host)["plan"]["steps"] == 0


def test_maintenance_goes_on_after_a_server_was_killed_in_the_middle(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        api = server.client()
        zone = make_zone(api)
        h0, h1 = hosts_in(api, zone, 2)
        network = api.createNetwork(name="n", zoneid=zone, networkofferingid=offering(api, "L2"))["network"]["id"]
        vms = [
            result(api, "deployVirtualMachine", name=f"vm{n}", zoneid=zone, networkids=network, hostid=h0, **sizes(api))["virtualmachine"][
                "id"
            ]
            for n in range(8)
        ]
        job = _asked(server, h0)
        server.kill()
        server.start()
        api = server.client()
        wait_until(lambda: api.queryAsyncJobResult(jobid=job)["jobstatus"] == 1, "maintenance is prepared", seconds=30)
        assert api.listHosts(id=h0)["host"][0]["resourcestate"] == "Maintenance"
        assert {machine(api, vm)["hostid"] for vm in vms} == {h1}


def _asked(server: Server, host: str) -> str:
    return str(server.client().prepareHostForMaintenance(id=host)["jobid"])
