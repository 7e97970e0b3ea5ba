"""The main job through the unmodified `cs` library: from an empty server to two tenants' machines, and back to nothing."""

from __future__ import annotations

import stat

import pytest
from cs import CloudStack, CloudStackApiException

from tests.api.world import Hosts, Server, make_zone, offering, result, sizes

PREFIXES = {"gateway": "10.1.1.1", "netmask": "255.255.255.0", "ip6cidr": "fd00:1::/64", "ip6gateway": "fd00:1::1"}


def test_the_main_job(server: Server, api: CloudStack, hosts: Hosts) -> None:
    # long: one story; its steps build on one another
    assert api.listZones() == {}
    assert stat.S_IMODE((server.data / "admin.env").stat().st_mode) == 0o600
    zone = make_zone(api)
    h1, h2, h3 = (hosts.join(api, zone, name) for name in ("h1", "h2", "h3"))
    listed = api.listHosts(type="Routing", fetch_list=True)
    assert [(host["name"], host["state"]) for host in listed] == [("h1", "Up"), ("h2", "Up"), ("h3", "Up")]

    domain = api.listDomains()["domain"][0]["id"]
    machines, networks = {}, {}
    for tenant in ("blue", "red"):
        who = {"username": tenant, "password": "x", "firstname": tenant, "lastname": tenant, "email": f"{tenant}@example.org"}
        api.createAccount(account=tenant, **who)
        own = {"account": tenant, "domainid": domain}
        networks[tenant] = api.createNetwork(
            name=f"net-{tenant}", zoneid=zone, networkofferingid=offering(api, "Isolated"), **PREFIXES, **own
        )["network"]
        assert networks[tenant]["state"] == "Allocated"
        for number, host in enumerate((h1, h2, h3), 1):
            given = {"name": f"{tenant}{number}", "networkids": networks[tenant]["id"], "hostid": host, "ipaddress": f"10.1.1.1{number}"}
            vm = result(api, "deployVirtualMachine", zoneid=zone, **given, **own, **sizes(api))["virtualmachine"]
            assert (vm["state"], vm["hostid"], vm["nic"][0]["ipaddress"]) == ("Running", host, f"10.1.1.1{number}")
            assert "pendinghosts" not in vm
            machines[tenant, number] = vm

    listed = {network["name"]: network for network in api.listNetworks(listall=True, fetch_list=True)}
    assert {network["state"] for network in listed.values()} == {"Implemented"}
    vnis = {tenant: int(listed[f"net-{tenant}"]["vlan"]) for tenant in ("blue", "red")}
    assert vnis["blue"] != vnis["red"]
    assert listed["net-blue"]["broadcasturi"] == f"vxlan://{vnis['blue']}"
    # every host was sent both segments, with all three ports each, and nothing else
    for agent in hosts.agents.values():
        assert {vni: len(table.ports) for vni, table in agent.tables.items()} == dict.fromkeys(vnis.values(), 3)

    moved = result(api, "migrateVirtualMachine", virtualmachineid=machines["blue", 1]["id"], hostid=h3)["virtualmachine"]
    assert (moved["state"], moved["hostname"]) == ("Running", "h3")
    assert moved["nic"][0]["macaddress"] == machines["blue", 1]["nic"][0]["macaddress"]
    assert set(hosts.agents["h1"].tables) == {vnis["red"]}

    with pytest.raises(CloudStackApiException) as refused:
        result(api, "deleteNetwork", id=networks["blue"]["id"])
    assert refused.value.error["errorcode"] == 536
    for vm in machines.values():
        result(api, "destroyVirtualMachine", id=vm["id"], expunge=True)
    for network in networks.values():
        assert result(api, "deleteNetwork", id=network["id"]) == {"success": True}
    assert api.listVirtualMachines(listall=True) == {}
    assert api.listNetworks(listall=True) == {}
    for agent in hosts.agents.values():
        assert agent.document is not None
        assert (agent.document.ports, agent.tables) == ((), {})

    kinds = {event["type"] for event in api.listEvents(listall=True, fetch_list=True)}
    assert {"ZONE.CREATE", "NETWORK.CREATE", "VM.CREATE", "VM.MIGRATE", "VM.DESTROY", "NETWORK.DELETE", "ACCOUNT.CREATE"} <= kinds
    for host in (h1, h2, h3):
        api.deleteHost(id=host, forced=True)
    assert api.listHosts() == {}
    physical = api.listPhysicalNetworks(zoneid=zone)["physicalnetwork"][0]["id"]
    result(api, "deletePhysicalNetwork", id=physical)
    assert api.deleteZone(id=zone) == {"success": True}
