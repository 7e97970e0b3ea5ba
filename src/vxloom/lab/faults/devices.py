"""Devices that somebody made by hand, where an agent wants its own or none. An agent does not touch them, so they stay until healed."""

from __future__ import annotations

import json

from vxloom.errors import ConfigError, VxloomError
from vxloom.lab.faults.fault import Fault, hypervisor, mac_of, number, vxlan_device
from vxloom.lab.faults.processes import agent_paused
from vxloom.lab.lab import Lab
from vxloom.lab.node import Node

_MARK = "lab-fault-"
"""Their altnames begin so: healing takes away what has one."""


def wrong_vni(lab: Lab, node: str, vni: str, other: str) -> str:
    """In the place of a network's VXLAN device stands one of another VNI."""
    target, wanted = hypervisor(lab, node), number(other, "a VNI")
    name = vxlan_device(target, vni)
    _replace(lab, target, name, wanted, _port(target, name))
    return f"{name} on {node} has VNI {wanted}; `heal` deletes it"


def wrong_port(lab: Lab, node: str, vni: str, port: str) -> str:
    """In the place of a network's VXLAN device stands one that uses another UDP port."""
    target, wanted = hypervisor(lab, node), number(port, "a port")
    name = vxlan_device(target, vni)
    if _port(target, name) == wanted:
        raise ConfigError(f"{name} on {node} uses {wanted} as it should", remedy="name another port: 8472")
    _replace(lab, target, name, number(vni, "a VNI"), wanted)
    return f"{name} on {node} uses UDP port {wanted}; `heal` deletes it"


def foreign_port(lab: Lab, node: str, vni: str) -> str:
    """Somebody put a device of theirs on a network's bridge."""
    target = hypervisor(lab, node)
    bridge = _bridge_of(target, vxlan_device(target, vni))
    _enslave(target, bridge, "")
    return f"a stranger is on {bridge} of {node}; `heal` deletes it"


def mac_claim(lab: Lab, node: str, mac_or_vm: str) -> str:
    """Somebody put a device on a network's bridge that has the MAC of a machine."""
    target, mac = hypervisor(lab, node), mac_of(lab, mac_or_vm)
    rows = json.loads(target.run(["bridge", "-j", "fdb", "show"]).stdout)
    bridge = next((row["master"] for row in rows if row["mac"] == mac and "master" in row), None)
    if bridge is None:
        raise VxloomError(f"no bridge of {node} knows {mac}", remedy="name a machine of a network that the node has")
    _enslave(target, bridge, f"address {mac}")
    return f"a stranger on {bridge} of {node} has {mac}; `heal` deletes it"


def cleared(lab: Lab) -> str:
    """Devices made by hand are gone from every hypervisor."""
    for node in lab.hypervisors:
        links = json.loads(node.run(["ip", "-j", "link", "show"]).stdout)
        for link in links:
            if any(name.startswith(_MARK) for name in link.get("altnames", ())):
                node.run(["ip", "link", "del", link["ifname"]])
    return ""


FAULTS = (
    Fault("wrong-vni", ("NODE", "VNI", "OTHER"), "A network's VXLAN device is replaced by hand by one of another VNI.", wrong_vni, cleared),
    Fault(
        "wrong-port", ("NODE", "VNI", "PORT"), "A network's VXLAN device is replaced by hand by one of another port.", wrong_port, cleared
    ),
    Fault("foreign-port", ("NODE", "VNI"), "A strange device is put on a network's bridge.", foreign_port, cleared),
    Fault("mac-claim", ("NODE", "MAC|VM"), "A strange device with a machine's MAC is put on its network's bridge.", mac_claim, cleared),
)


def _replace(lab: Lab, node: Node, name: str, vni: int, port: int) -> None:
    """Put a device of other hands in the place of ours. A running agent would make its own again in between."""
    bridge = _bridge_of(node, name)
    lines = [
        f"link del {name}",
        f"link add {name} type vxlan id {vni} dstport {port} local {node.address}",
        f"link property add dev {name} altname {_MARK}{name}",
        f"link set {name} master {bridge} up",
    ]
    with agent_paused(lab, node.name):
        node.run(["ip", "-batch", "-"], stdin="".join(f"{line}\n" for line in lines))


def _enslave(node: Node, bridge: str, how: str) -> None:
    lines = [
        f"link add stranger {how} type veth peer name stranger-end",
        f"link property add dev stranger altname {_MARK}stranger",
        f"link set stranger master {bridge} up",
        "link set stranger-end up",
    ]
    node.run(["ip", "-batch", "-"], stdin="".join(f"{line}\n" for line in lines))


def _link(node: Node, name: str) -> dict[str, object]:
    (link,) = json.loads(node.run(["ip", "-j", "-d", "link", "show", "dev", name]).stdout)
    return dict(link)


def _bridge_of(node: Node, name: str) -> str:
    return str(_link(node, name)["master"])


def _port(node: Node, name: str) -> int:
    info = _link(node, name)["linkinfo"]
    return int(info["info_data"]["port"]) if isinstance(info, dict) else 0
