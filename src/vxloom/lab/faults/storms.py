"""Floods and loops: what a machine does to its network, and a cable that joins two."""

from __future__ import annotations

import json
import sys

from vxloom.errors import ConfigError, VxloomError
from vxloom.lab.faults.fault import Fault, hypervisor, vxlan_device
from vxloom.lab.lab import Lab

_STORM = "storm-"
_BRIDGE = "vxl-loop"
_CABLE = ("vxl-cable0", "vxl-cable1")
_TIDY = f"ip link del {_CABLE[0]}; for guest in $(ls /run/netns); do ip -n $guest link del {_BRIDGE}; done"
_RATE = 5000
_FLOOD = f"""
import socket, time
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
out.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
due = time.monotonic()
while True:
    for _ in range({_RATE // 100}):
        try:
            out.sendto(b"storm", ("255.255.255.255", 9))
        except OSError:  # its card is down, or full
            pass
    due += 0.01
    time.sleep(max(0.0, due - time.monotonic()))
"""


def storm(lab: Lab, vm: str) -> str:
    """A guest sends broadcasts and does not stop."""
    guest = lab.guest(vm).name
    node = next(node for node in lab.hypervisors if guest in node.guests())
    argv = ("nsenter", f"--net=/run/netns/{guest}", sys.executable, "-c", _FLOOD)
    lab.start_process(node.name, f"{_STORM}{guest}", argv)
    return f"{vm} on {node.name} sends {_RATE} broadcasts a second; `heal` ends it"


def loop(lab: Lab, vm: str) -> str:
    """A guest bridges its first two cards."""
    guest = lab.guest(vm)
    links = json.loads(guest.run(["ip", "-j", "link", "show"]).stdout)
    cards = [link["ifname"] for link in links if link["link_type"] == "ether"][:2]
    if len(cards) < 2:
        raise VxloomError(f"{vm} has one card", remedy="give it another: addNicToVirtualMachine")
    address = next(link["address"] for link in links if link["ifname"] == cards[0])
    script = f"link add {_BRIDGE} address {address} type bridge mcast_snooping 0\n"
    script += "".join(f"link set {card} master {_BRIDGE}\n" for card in cards) + f"link set {_BRIDGE} up\n"
    guest.run(["ip", "-batch", "-"], stdin=script)
    return f"{vm} bridges {' and '.join(cards)}; `heal` parts them"


def cable(lab: Lab, node: str, vni: str, other: str) -> str:
    """Somebody joins the bridges of two networks."""
    target = hypervisor(lab, node)
    if vni == other:
        raise ConfigError("a cable has two ends", remedy="name the VNIs of two networks")
    bridges = [
        json.loads(target.run(["ip", "-j", "link", "show", vxlan_device(target, each)]).stdout)[0]["master"] for each in (vni, other)
    ]
    script = f"link add {_CABLE[0]} type veth peer name {_CABLE[1]}\n"
    script += "".join(f"link set {end} master {bridge} up\n" for end, bridge in zip(_CABLE, bridges, strict=True))
    target.run(["ip", "-batch", "-"], stdin=script)
    return f"{bridges[0]} and {bridges[1]} on {node} are joined by {' and '.join(_CABLE)}; `heal` takes the cable away"


def quiet(lab: Lab) -> str:
    """Floods ended, cards apart, cables gone."""
    for process in lab.report().processes:
        if process.name.startswith(_STORM) and process.running:
            lab.kill(process.node, process.name)
    for node in lab.hypervisors:
        node.run(["sh", "-c", _TIDY], check=False)
    return ""


FAULTS = (
    Fault("storm", ("VM",), "A guest floods its network with broadcasts.", storm, quiet),
    Fault("loop", ("VM",), "A guest with two cards bridges them.", loop, quiet),
    Fault("cable", ("NODE", "VNI", "VNI"), "Somebody's cable joins the bridges of two networks on the node.", cable, quiet),
)
