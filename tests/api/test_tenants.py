"""Tenants through the unmodified `cs` client: a created user acts with its own keys, and sees its own objects only; a browser's login."""

from __future__ import annotations

import http.cookiejar
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest
from cs import CloudStack, CloudStackApiException

from tests.api.world import Hosts, Server, make_zone, offering, result, sizes


@pytest.fixture(scope="module")
def zone(api: CloudStack, hosts: Hosts) -> str:
    zone = make_zone(api)
    hosts.join(api, zone, "h1")
    return zone


def tenant(server: Server, api: CloudStack, name: str, **more: Any) -> CloudStack:
    """createAccount, createUser, registerUserKeys: the client of the second user."""
    who = {"password": "secret", "firstname": name, "lastname": name, "email": f"{name}@example.org"}
    made = api.createAccount(username=name, account=name, **who, **more)["account"]
    user = api.createUser(username=f"{name}-2", account=name, domainid=made["domainid"], **who)["user"]
    keys = api.registerUserKeys(id=user["id"])["userkeys"]
    return server.client(key=keys["apikey"], secret=keys["secretkey"])


def refused(call: Any) -> dict[str, Any]:
    with pytest.raises(CloudStackApiException) as error:
        call()
    return dict(error.value.error)


def test_a_created_user_has_its_own_objects_only(server: Server, api: CloudStack, hosts: Hosts, zone: str) -> None:
    domain = api.createDomain(name="tenants")["domain"]["id"]
    blue, red = (tenant(server, api, name, domainid=domain) for name in ("blue", "red"))
    network = blue.createNetwork(name="net", zoneid=zone, networkofferingid=offering(blue, "Isolated"))["network"]
    vm = result(blue, "deployVirtualMachine", name="web", zoneid=zone, networkids=network["id"], **sizes(blue))["virtualmachine"]
    assert (vm["state"], vm["account"], network["account"]) == ("Running", "blue", "blue")
    assert [row["id"] for row in blue.listVirtualMachines(fetch_list=True)] == [vm["id"]]
    for question in (red.listVirtualMachines, red.listNetworks, red.listEvents, red.listAsyncJobs):
        assert question(listall=True, fetch_list=True) == []
    unknown = "0e0e0e0e-0e0e-4e0e-8e0e-0e0e0e0e0e0e"
    for call, theirs in ((red.stopVirtualMachine, vm["id"]), (red.deleteNetwork, network["id"])):
        seen = refused(lambda call=call, theirs=theirs: call(id=theirs))
        nobodys = refused(lambda call=call: call(id=unknown))
        assert seen["errorcode"] == 431
        assert seen["errortext"].replace(theirs, unknown) == nobodys["errortext"]
    assert refused(lambda: red.createZone(name="x"))["errorcode"] == 401

    project = result(blue, "createProject", name="ours", displaytext="ours")["project"]["id"]
    result(blue, "addAccountToProject", projectid=project, account="red")
    shared = blue.createNetwork(name="shared", zoneid=zone, networkofferingid=offering(blue, "L2"), projectid=project)["network"]
    assert [row["id"] for row in red.listNetworks(projectid=project, fetch_list=True)] == [shared["id"]]

    tags = [{"key": "role", "value": "web"}]
    assert result(blue, "createTags", resourceids=vm["id"], resourcetype="UserVm", tags=tags) == {"success": True}
    assert blue.listVirtualMachines(tags=tags)["virtualmachine"][0]["tags"][0]["value"] == "web"

    assert result(blue, "deleteProject", id=project, cleanup=True) == {"success": True}
    account = api.listAccounts(name="blue", domainid=domain)["account"][0]["id"]
    assert result(api, "deleteAccount", id=account) == {"success": True}
    assert refused(blue.listZones)["errorcode"] == 401
    [agent] = hosts.agents.values()
    assert agent.document is not None
    assert (agent.document.ports, agent.tables) == ((), {})
    assert result(api, "deleteDomain", id=domain, cleanup=True) == {"success": True}


def test_a_browser_logs_in(server: Server, api: CloudStack) -> None:
    tenant(server, api, "carol")
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    base = f"http://127.0.0.1:{server.port}/client/api"

    def ask(method: str, **given: str) -> dict[str, Any]:
        text = urllib.parse.urlencode({"response": "json", **given})
        request = urllib.request.Request(base, text.encode()) if method == "POST" else urllib.request.Request(f"{base}?{text}")
        with browser.open(request, timeout=20) as answer:
            return dict(json.load(answer))

    entered = ask("POST", command="login", username="carol", password="secret", domain="/")["loginresponse"]
    assert (entered["account"], {cookie.name for cookie in jar}) == ("carol", {"JSESSIONID", "sessionkey"})
    users = ask("GET", command="listUsers", sessionkey=entered["sessionkey"])["listusersresponse"]["user"]
    assert {user["username"] for user in users} == {"carol", "carol-2"}
    for key in ("", "another"):
        with pytest.raises(urllib.error.HTTPError) as error:
            ask("GET", command="listUsers", sessionkey=key)
        with error.value as answer:
            assert answer.code == 401
    entered = ask("POST", command="login", username="carol", password="secret")["loginresponse"]
    ask("GET", command="logout")
    assert not list(jar)
