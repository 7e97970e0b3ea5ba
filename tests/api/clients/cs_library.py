"""What a script with the `cs` library does: odd text in both methods, a machine's life, lists page by page. Runs with any release.

python cs_library.py ZONE-ID NAME        # endpoint and keys in CLOUDSTACK_*; what was seen goes to standard output as JSON
"""

from __future__ import annotations

import json
import os
import sys

from cs import CloudStack, CloudStackException

AWKWARD = ["a b", "a+b", "100%", "a&b=c", "a/b", "a*b", "a~b", "[x]", "ümlaut", "汉字", "'\"<>\\", "x;y,z", "*~[]+ &é"]


def client(method: str = "get") -> CloudStack:
    endpoint, key, secret = (os.environ[f"CLOUDSTACK_{name}"] for name in ("ENDPOINT", "KEY", "SECRET"))
    return CloudStack(endpoint, key, secret, method=method, poll_interval=0.05)


def awkward(zone: str, offering: str) -> int:
    """How many texts came back as they were sent."""
    kept = 0
    for method in ("get", "post"):
        api = client(method)
        for text in AWKWARD:
            made = api.createNetwork(name=text, displaytext=text, zoneid=zone, networkofferingid=offering)["network"]
            listed = api.listNetworks(id=made["id"])["network"][0]
            kept += (made["displaytext"], listed["name"], listed["displaytext"]) == (text, text, text)
            api.deleteNetwork(id=made["id"], fetch_result=True)
    return kept


def machine(api: CloudStack, zone: str, offering: str, name: str) -> list[str]:
    """Deploy, tag, stop, start and expunge one; return the states it went through."""
    network = api.createNetwork(name=name, zoneid=zone, networkofferingid=offering)["network"]["id"]
    sizes = {
        "serviceofferingid": api.listServiceOfferings()["serviceoffering"][0]["id"],
        "templateid": api.listTemplates(templatefilter="executable")["template"][0]["id"],
    }
    # a list becomes a comma string, a mapping name[0].key
    deployed = api.deployVirtualMachine(name=name, zoneid=zone, networkids=[network], details={"rack": "9"}, fetch_result=True, **sizes)
    vm = deployed["virtualmachine"]
    api.createTags(
        resourceids=[vm["id"]], resourcetype="UserVm", tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}], fetch_result=True
    )
    tags = {tag["key"]: tag["value"] for tag in api.listVirtualMachines(id=vm["id"])["virtualmachine"][0]["tags"]}
    assert tags == {"a": "1", "b": "2"}, tags
    stopped = api.stopVirtualMachine(id=vm["id"], fetch_result=True)["virtualmachine"]
    started = api.startVirtualMachine(id=vm["id"], fetch_result=True)["virtualmachine"]
    refused = 0
    try:
        api.deleteNetwork(id=network, fetch_result=True)
    except CloudStackException as error:
        refused = error.response.status_code
    assert refused in {431, 536}, refused
    api.destroyVirtualMachine(id=vm["id"], expunge=True, fetch_result=True)
    api.deleteNetwork(id=network, fetch_result=True)
    return [vm["state"], stopped["state"], started["state"]]


def main(zone: str, name: str) -> None:
    api = client()
    offering = next(offer["id"] for offer in api.listNetworkOfferings(fetch_list=True) if offer["guestiptype"] == "L2")
    report = {"awkward": awkward(zone, offering), "machine": machine(api, zone, offering, name)}
    left = {
        kind: getattr(api, command)(keyword=name, fetch_list=True)
        for kind, command in (("network", "listNetworks"), ("virtualmachine", "listVirtualMachines"))
    }
    json.dump({**report, "left": {kind: len(rows) for kind, rows in left.items()}}, sys.stdout)


main(*sys.argv[1:])
