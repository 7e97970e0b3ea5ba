"""Tables and disks of a node that are full."""

from __future__ import annotations

from vxloom.lab.faults.fault import Fault, hypervisor
from vxloom.lab.lab import Lab

_GROUPS = 3
_STATE = "/var/lib/vxloom/agent"
_STATE_KIB = 256
#: The state moves into a file system of its own and back, so that an agent that runs finds what it kept.
_FILL = f"""
set -e
mountpoint -q {_STATE} && exit 0
mkdir -p {_STATE}.full
mount -t tmpfs -o size={_STATE_KIB}k,mode=700 tmpfs {_STATE}.full
cp -a {_STATE}/. {_STATE}.full
mount --move {_STATE}.full {_STATE}
if dd if=/dev/zero of={_STATE}/filler bs=4k 2>/dev/null; then echo "{_STATE} does not fill" >&2; exit 1; fi
"""
_EMPTY = f"""
set -e
mountpoint -q {_STATE} || exit 0
rm -f {_STATE}/filler
mkdir -p {_STATE}.kept
cp -a {_STATE}/. {_STATE}.kept
umount {_STATE}
cp -a {_STATE}.kept/. {_STATE}
rm -rf {_STATE}.kept {_STATE}.full
"""


def igmp_limit(lab: Lab, node: str) -> str:
    """Multicast VXLAN devices as a hand or CloudStack makes them, one more than the host may join groups for."""
    target = hypervisor(lab, node)
    target.run(["sysctl", "-q", "-w", f"net.ipv4.igmp_max_memberships={_GROUPS - 1}"])
    for number in range(1, _GROUPS + 1):
        name, kind = f"lab-mc{number}", f"type vxlan id {number} group 239.99.0.{number} dev eth0 dstport 8472".split()
        target.run(["ip", "link", "add", name, *kind], check=False)  # it is there already when the fault is caused twice
        target.run(["ip", "link", "set", name, "up"], check=False)
    return f"{node} may join {_GROUPS - 1} multicast groups and has {_GROUPS} devices that want one; `heal` takes both away"


def joins_groups(lab: Lab) -> str:
    """No device of ours, and the limit that the kernel begins with."""
    for node in lab.hypervisors:
        for number in range(1, _GROUPS + 1):
            node.run(["ip", "link", "del", f"lab-mc{number}"], check=False)
        node.run(["sysctl", "-q", "-w", "net.ipv4.igmp_max_memberships=20"])
    return ""


def state_full(lab: Lab, node: str) -> str:
    """The file system of the agent's state has no byte left."""
    hypervisor(lab, node).run(["sh", "-c", _FILL])
    return f"{_STATE} of {node} is full; `heal` makes room"


def room_for_state(lab: Lab) -> str:
    for node in lab.hypervisors:
        node.run(["sh", "-c", _EMPTY])
    return ""


FAULTS = (
    Fault("igmp-limit", ("NODE",), "The node has more multicast VXLAN devices than it may join groups for.", igmp_limit, joins_groups),
    Fault("state-full", ("NODE",), "The disk that holds the agent's state is full.", state_full, room_for_state),
)
