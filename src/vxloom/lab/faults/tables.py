"""What an agent wrote into the kernel, changed by a careless hand. A running agent repairs it: freeze it first to keep the fault."""

from __future__ import annotations

import json

from vxloom.errors import VxloomError
from vxloom.lab.faults.fault import Fault, hypervisor, mac_of, vxlan_device, vxlan_devices
from vxloom.lab.lab import Lab
from vxloom.lab.node import Node


def fdb_del(lab: Lab, node: str, mac_or_vm: str) -> str:
    """Delete every VXLAN and bridge row for one MAC address, as a careless hand would."""
    target = hypervisor(lab, node)
    mac = mac_of(lab, mac_or_vm)
    devices = vxlan_devices(target)
    rows = json.loads(target.run(["bridge", "-j", "fdb", "show"]).stdout)
    found = [row for row in rows if row["mac"] == mac and row["ifname"] in devices]
    if not found:
        raise VxloomError(f"{node} has no forwarding row for {mac}", remedy="`bridge fdb show` there lists them")
    for row in found:
        place = "self" if "self" in row.get("flags", []) else "master"
        remote = ["dst", row["dst"]] if "dst" in row else []
        target.run(["bridge", "fdb", "del", mac, "dev", row["ifname"], *remote, place])
    return f"{len(found)} rows for {mac} deleted on {node}"


def fdb_wrong(lab: Lab, node: str, mac_or_vm: str, other: str) -> str:
    """Send a remote MAC to another VTEP than its own."""
    target, mac = hypervisor(lab, node), mac_of(lab, mac_or_vm)
    name, vtep = _vxlan_with(target, mac), hypervisor(lab, other).address
    target.run(["bridge", "fdb", "replace", mac, "dev", name, "self", "static", "dst", vtep])
    return f"{node} sends {mac} to {other}"


def fdb_mask(lab: Lab, node: str, mac_or_vm: str) -> str:
    """Have the bridge learn a remote MAC on the port of a machine here, which hides the row that leads to it."""
    target, mac = hypervisor(lab, node), mac_of(lab, mac_or_vm)
    name = _vxlan_with(target, mac)
    ports = json.loads(target.run(["bridge", "-j", "link", "show"]).stdout)
    bridge = next(port["master"] for port in ports if port["ifname"] == name)
    local = next((port["ifname"] for port in ports if port["master"] == bridge and port["ifname"] != name), None)
    if local is None:
        raise VxloomError(f"{bridge} on {node} has no machine's port", remedy="start a machine of that network there")
    target.run(["bridge", "fdb", "replace", mac, "dev", local, "master", "dynamic"])
    return f"{node} believes {mac} behind {local}"


def learning(lab: Lab, node: str, vni: str) -> str:
    """Have the bridge learn from the VXLAN device."""
    return _flag(lab, node, vni, "learning", "on")


def suppression_off(lab: Lab, node: str, vni: str) -> str:
    """Send questions for addresses to every host instead of answering them."""
    return _flag(lab, node, vni, "neigh_suppress", "off")


def filters_flush(lab: Lab, node: str) -> str:
    """Flush every chain of the table that keeps machines from speaking as others."""
    hypervisor(lab, node).run(["nft", "flush", "table", "bridge", "vxloom"])
    return f"{node} has no filters of machines"


def allow_flush(lab: Lab, node: str) -> str:
    """Empty the list of who may send to this host."""
    hypervisor(lab, node).run(["nft", "flush", "set", "inet", "vxloom", "vteps4"])
    return f"{node} lets nobody in"


def device_del(lab: Lab, node: str, vni: str) -> str:
    """Delete the VXLAN device of one VNI, and with it every row in it."""
    target = hypervisor(lab, node)
    name = vxlan_device(target, vni)
    target.run(["ip", "link", "del", name])
    return f"{name} deleted on {node}"


FAULTS = (
    Fault("fdb-del", ("NODE", "MAC|VM"), "Delete the forwarding rows of one MAC address on the node.", fdb_del),
    Fault("fdb-wrong", ("NODE", "MAC|VM", "OTHER"), "The node sends a remote MAC to another host than its own.", fdb_wrong),
    Fault("fdb-mask", ("NODE", "MAC|VM"), "The bridge learns a remote MAC on a machine's port, which hides where it is.", fdb_mask),
    Fault("learning", ("NODE", "VNI"), "The VXLAN device's port learns addresses.", learning),
    Fault("suppression-off", ("NODE", "VNI"), "The host does not answer for addresses any more: everybody is asked.", suppression_off),
    Fault("filters-flush", ("NODE",), "Flush the node's filters of machines.", filters_flush),
    Fault("allow-flush", ("NODE",), "Flush the list of who may send tunnel packets to the node.", allow_flush),
    Fault("device-del", ("NODE", "VNI"), "Delete the VXLAN device of one VNI on the node.", device_del),
)


def _flag(lab: Lab, node: str, vni: str, flag: str, value: str) -> str:
    target = hypervisor(lab, node)
    name = vxlan_device(target, vni)
    target.run(["bridge", "link", "set", "dev", name, flag, value])
    return f"{name} on {node} has {flag} {value}"


def _vxlan_with(node: Node, mac: str) -> str:
    """Return the VXLAN device that leads to a MAC address."""
    devices = vxlan_devices(node)
    for row in json.loads(node.run(["bridge", "-j", "fdb", "show"]).stdout):
        if row["mac"] == mac and row["ifname"] in devices and "dst" in row:
            return str(row["ifname"])
    raise VxloomError(
        f"{node.name} has no row that leads to {mac}", remedy="name a machine of a network that the node has, on another node"
    )
