"""What an agent wrote into the kernel, changed by a careless hand. A running agent repairs it: freeze it first to keep the fault."""

from __future__ import annotations

import json

from vxloom.errors import VxloomError
from vxloom.lab.faults.fault import Fault, hypervisor, mac_of, vxlan_device, vxlan_devices
from vxloom.lab.lab import Lab


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


def device_del(lab: Lab, node: str, vni: str) -> str:
    """Delete the VXLAN device of one VNI, and with it every row in it."""
    target = hypervisor(lab, node)
    name = vxlan_device(target, vni)
    target.run(["ip", "link", "del", name])
    return f"{name} deleted on {node}"


FAULTS = (
    Fault("fdb-del", ("NODE", "MAC|VM"), "Delete the forwarding rows of one MAC address on the node.", fdb_del),
    Fault("device-del", ("NODE", "VNI"), "Delete the VXLAN device of one VNI on the node.", device_del),
)
