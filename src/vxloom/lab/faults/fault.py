"""One row of the list, and how its arguments are read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from vxloom.errors import ConfigError, VxloomError
from vxloom.lab import topology
from vxloom.lab.lab import Lab
from vxloom.lab.node import Node

_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")


def repaired(_: Lab) -> str:
    """The cure of what a running agent repairs by itself."""
    return ""


@dataclass(frozen=True)
class Fault:
    """What to type, what happens, how to undo it."""

    name: str
    arguments: tuple[str, ...]
    summary: str
    cause: Callable[..., str]
    """Takes the lab and text arguments; returns one line saying what it did. Raises ``ConfigError`` for an argument that cannot be
    meant, ``VxloomError`` if there is nothing to break."""
    cure: Callable[[Lab], str] = repaired
    """Undoes it on every node, whether it was caused or not; returns what is worth telling of that. Faults may share one."""


def router(lab: Lab) -> Node:
    """Return the underlay."""
    return lab.node(topology.ROUTER)


def attached(lab: Lab, name: str) -> Node:
    """Return a node with a link of its own: any but the router."""
    node = lab.node(name)
    if node.spec.is_router:
        raise ConfigError("the router is what the links hang on", remedy="name a hypervisor or mgmt")
    return node


def hypervisor(lab: Lab, name: str) -> Node:
    """Return a node that is a hypervisor."""
    node = lab.node(name)
    if not node.spec.is_hypervisor:
        raise ConfigError(f"{name} is no hypervisor", remedy="name h1, h2, …")
    return node


def number(text: str, what: str) -> int:
    """Return a whole number."""
    try:
        return int(text)
    except ValueError:
        raise ConfigError(f"{text!r} is not {what}", remedy="give a whole number") from None


def mac_of(lab: Lab, mac_or_vm: str) -> str:
    """Return a MAC address, given itself or the name of the guest whose first card has it."""
    if _MAC.fullmatch(mac_or_vm.lower()):
        return mac_or_vm.lower()
    links = json.loads(lab.guest(mac_or_vm).run(["ip", "-j", "link", "show"]).stdout)
    for link in links:
        if link["link_type"] == "ether":
            return str(link["address"])
    raise VxloomError(f"guest {mac_or_vm} has no network card", remedy="start it first")


def vxlan_devices(node: Node) -> dict[str, int]:
    """Return a node's VXLAN devices and their VNIs; one that carries many at once (``external``) has none of its own and is left out."""
    links = json.loads(node.run(["ip", "-j", "-d", "link", "show", "type", "vxlan"]).stdout or "[]")
    found = {link["ifname"]: link["linkinfo"]["info_data"].get("id") for link in links if link}
    return {name: vni for name, vni in found.items() if vni is not None}


def vxlan_device(node: Node, vni: str) -> str:
    """Return the name of a node's VXLAN device of a VNI."""
    wanted = number(vni, "a VNI")
    for name, held in vxlan_devices(node).items():
        if held == wanted:
            return name
    raise VxloomError(f"{node.name} has no VXLAN device with VNI {wanted}", remedy="`ip -d link show type vxlan` there lists them")
