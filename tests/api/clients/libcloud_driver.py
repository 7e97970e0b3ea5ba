"""What a script with Apache Libcloud's CloudStack driver does. Runs with any release.

python libcloud_driver.py ZONE-NAME NAME     # endpoint and keys in CLOUDSTACK_*; what was seen goes to standard output as JSON
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from libcloud.common.types import InvalidCredsError
from libcloud.compute.providers import get_driver
from libcloud.compute.types import KeyPairDoesNotExistError, Provider


def connect(**other: str) -> Any:
    key, secret = os.environ["CLOUDSTACK_KEY"], os.environ["CLOUDSTACK_SECRET"]
    given = {"key": key, "secret": secret, "url": os.environ["CLOUDSTACK_ENDPOINT"], "secure": False} | other
    driver = get_driver(Provider.CLOUDSTACK)(**given)
    driver.connection.poll_interval = 0.05
    return driver


def wrong_credentials() -> int:
    """How many of the wrong keys were refused as such."""
    refused = 0
    for wrong in ({"key": "nobody"}, {"secret": "wrong"}):
        try:
            connect(**wrong).list_locations()
        except InvalidCredsError:
            refused += 1
    return refused


def named(things: list[Any], name: str) -> Any:
    [found] = [thing for thing in things if thing.name == name]
    return found


def offers(driver: Any) -> dict[str, Any]:
    images, sizes = driver.list_images(), driver.list_sizes()
    return {
        "kinds": sorted({offering.guest_ip_type for offering in driver.ex_list_network_offerings()}),
        "formats": sorted({image.extra["format"] for image in images}),
        "sizes": all(size.ram > 0 and int(size.extra["cpu"]) > 0 for size in sizes) and len(sizes),
        "limits": sorted(driver.ex_limits()),
        "projects": [project.name for project in driver.ex_list_projects()],
        "ostypes": len(driver.ex_list_os_types()),
        "volumes": len(driver.list_volumes()),
    }


def keys(driver: Any, name: str) -> list[Any]:
    made = driver.create_key_pair(name)
    seen = [made.private_key.splitlines()[0], driver.get_key_pair(name).fingerprint == made.fingerprint]
    driver.delete_key_pair(made)
    try:
        driver.get_key_pair(name)
    except KeyPairDoesNotExistError:
        seen.append("gone")
    return seen


def machine(driver: Any, location: Any, name: str) -> dict[str, Any]:
    # long: one machine's life; its steps build on one another
    isolated = next(offering for offering in driver.ex_list_network_offerings() if offering.guest_ip_type == "Isolated")
    gateways = {"first": "10.3.1.1", "second": "10.3.2.1"}
    first, second = (
        driver.ex_create_network(f"{name} {which}", f"{name}-{which}", isolated, location, gateway=gateway, netmask="255.255.255.0")
        for which, gateway in gateways.items()
    )
    pair = driver.create_key_pair(f"{name}-pair")
    size, image = driver.list_sizes()[0], driver.list_images(location=location)[0]
    node = driver.create_node(
        name,
        size,
        image,
        location=location,
        networks=[first],
        ex_keyname=pair.name,
        ex_userdata="#cloud-config",
        ex_ip_address="10.3.1.20",
        ex_start_vm=True,
    )
    seen: dict[str, Any] = {"created": [str(node.state), node.private_ips, node.extra["key_name"]]}

    driver.ex_attach_nic_to_node(node, second, ip_address="10.3.2.20")
    nics = driver.ex_list_nics(node)
    seen["nics"] = sorted([nic.ip_address, nic.gateway, nic.net_mask, nic.is_default] for nic in nics)
    [extra] = [nic for nic in nics if not nic.is_default]
    driver.ex_detach_nic_from_node(extra, node)
    seen["nics left"] = [nic.ip_address for nic in driver.ex_list_nics(node)]

    driver.ex_create_tags([node.id], "UserVm", {"role": "web", "stage": "test"})
    driver.ex_delete_tags([node.id], "UserVm", ["stage"])
    seen["tags"] = driver.ex_get_node(node.id).extra["tags"]

    seen["states"] = [driver.ex_stop(node), driver.ex_start(node), driver.reboot_node(node), str(driver.ex_get_node(node.id).state)]
    seen["listed"] = [str(other.state) for other in driver.list_nodes(location=location) if other.id == node.id]

    halted = driver.create_node(f"{name}-halted", size, image, location=location, networks=[first])
    seen["halted"] = str(halted.state)
    for each in (node, halted):
        driver.destroy_node(each, ex_expunge=True)
    driver.delete_key_pair(pair)
    seen["left"] = [other.name for other in driver.list_nodes() if other.name.startswith(name)]
    for network in (first, second):
        driver.ex_delete_network(network)
    seen["networks left"] = [network.name for network in driver.ex_list_networks() if network.name.startswith(name)]
    return seen


def main(zone: str, name: str) -> None:
    driver = connect()
    location = named(driver.list_locations(), zone)
    report = {
        "refused": wrong_credentials(),
        "offers": offers(driver),
        "keys": keys(driver, name),
        "machine": machine(driver, location, name),
    }
    json.dump(report, sys.stdout)


main(*sys.argv[1:])
