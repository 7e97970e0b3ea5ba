"""What can go wrong, on demand. Every fault works on the lab's own namespaces only, and ``heal`` undoes what can be undone.

``FAULTS`` is the list the command line shows. A fault takes the lab and text arguments; it raises ``ConfigError`` for
an argument that cannot be meant, ``VxloomError`` if there is nothing to break, and returns one line saying what it did.
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass

from vxloom.errors import ConfigError, VxloomError
from vxloom.lab import topology
from vxloom.lab.lab import Lab
from vxloom.lab.node import Node
from vxloom.lab.services import AGENT, SERVER

_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
_TABLE = "inet lab-faults"
#: Both directions of a pair are dropped without a word, as a broken path does it. Loading this again adds nothing:
#: the sets keep their pairs and the rules are written anew.
_CUT_TABLE = f"""
table {_TABLE} {{
    set cut {{ type ipv4_addr . ipv4_addr; }}
    set cut6 {{ type ipv6_addr . ipv6_addr; }}
    chain forward {{ type filter hook forward priority 0; policy accept; }}
}}
flush chain {_TABLE} forward
add rule {_TABLE} forward ip saddr . ip daddr @cut drop
add rule {_TABLE} forward ip6 saddr . ip6 daddr @cut6 drop
"""


@dataclass(frozen=True)
class Fault:
    """One row of the list: what to type, what happens, how to undo it."""

    name: str
    arguments: tuple[str, ...]
    summary: str
    cause: Callable[..., str]


def link_down(lab: Lab, node: str) -> str:
    """The node loses carrier: the router's end of its link goes down."""
    _router(lab).run(["ip", "link", "set", _attached(lab, node).spec.router_link, "down"])
    return f"{node} has no carrier; `link-up {node}` or `heal` restores it"


def link_up(lab: Lab, node: str) -> str:
    _raise_link(lab, _attached(lab, node))
    return f"{node} has carrier"


def partition(lab: Lab, one: str, other: str) -> str:
    """The router drops whatever the two nodes send each other; both still reach everybody else."""
    a, b = _attached(lab, one).spec, _attached(lab, other).spec
    if a == b:
        raise ConfigError(f"{one} cannot be parted from itself", remedy="name two nodes")
    script = _CUT_TABLE + f"add element {_TABLE} cut {{ {a.address} . {b.address}, {b.address} . {a.address} }}\n"
    script += f"add element {_TABLE} cut6 {{ {a.address6} . {b.address6}, {b.address6} . {a.address6} }}\n"
    _router(lab).run(["nft", "-f", "-"], stdin=script)
    return f"{one} and {other} cannot reach each other; `heal` restores it"


def mgmt_cut(lab: Lab, node: str) -> str:
    """The node loses the management server and nothing else: headless."""
    return partition(lab, topology.MANAGEMENT, node)


def mtu(lab: Lab, node: str, size: str) -> str:
    """The node's link, both ends: the node can see it."""
    number = topology.check_mtu(_number(size, "an MTU"))
    target = _attached(lab, node)
    _router(lab).run(["ip", "link", "set", target.spec.router_link, "mtu", str(number)])
    target.run(["ip", "link", "set", "eth0", "mtu", str(number)])
    return f"the link of {node} carries {number} bytes; `heal` restores it"


def path_mtu(lab: Lab, node: str, size: str) -> str:
    """A narrower hop on the way to the node: nothing at the node tells, only the router's "too big" messages do."""
    number = topology.check_mtu(_number(size, "an MTU"))
    _route(lab, _attached(lab, node), ["mtu", "lock", str(number)])
    return f"packets to {node} over {number} bytes are refused by the router; `heal` restores it"


def hole(lab: Lab, node: str, size: str) -> str:
    """Larger packets to the node vanish on the way, and nobody says so: a black hole, in this direction only."""
    number = topology.check_mtu(_number(size, "a size"))
    spec = _attached(lab, node).spec
    rules = [f"{kind} daddr {address} meta length > {number} drop" for kind, address in (("ip", spec.address), ("ip6", spec.address6))]
    script = _CUT_TABLE + "".join(f"add rule {_TABLE} forward {rule}\n" for rule in rules)
    _router(lab).run(["nft", "-f", "-"], stdin=script)
    return f"packets to {node} over {number} bytes vanish; `heal` restores it"


def closed(lab: Lab, node: str, port: str) -> str:
    """A firewall on the way to the node closes a UDP port."""
    number = _number(port, "a port")
    spec = _attached(lab, node).spec
    rules = [f"{kind} daddr {address} udp dport {number} drop" for kind, address in (("ip", spec.address), ("ip6", spec.address6))]
    _router(lab).run(["nft", "-f", "-"], stdin=_CUT_TABLE + "".join(f"add rule {_TABLE} forward {rule}\n" for rule in rules))
    return f"UDP port {number} of {node} is closed on the way; `heal` restores it"


def fdb_del(lab: Lab, node: str, mac_or_vm: str) -> str:
    """Delete every VXLAN and bridge row for one MAC address, as a careless hand would."""
    target = _hypervisor(lab, node)
    mac = mac_or_vm.lower() if _MAC.fullmatch(mac_or_vm.lower()) else _guest_mac(lab, mac_or_vm)
    devices = _vxlan_devices(target)
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
    target = _hypervisor(lab, node)
    number = _number(vni, "a VNI")
    for name, held in _vxlan_devices(target).items():
        if held == number:
            target.run(["ip", "link", "del", name])
            return f"{name} deleted on {node}"
    raise VxloomError(f"{node} has no VXLAN device with VNI {number}", remedy="`ip -d link show type vxlan` there lists them")


def kill_agent(lab: Lab, node: str) -> str:
    """Kill it as a crash does: SIGKILL."""
    lab.kill(_hypervisor(lab, node).name, AGENT, signal.SIGKILL)
    return f"the agent on {node} is dead; `heal` starts it again"


def freeze_agent(lab: Lab, node: str) -> str:
    """It is there and does nothing: SIGSTOP."""
    lab.send_signal(_hypervisor(lab, node).name, AGENT, signal.SIGSTOP)
    return f"the agent on {node} is frozen; `heal` lets it go on"


def kill_server(lab: Lab) -> str:
    """Kill it as a crash does: SIGKILL."""
    lab.kill(topology.MANAGEMENT, SERVER, signal.SIGKILL)
    return "the management server is dead; `heal` starts it again"


def heal(lab: Lab) -> str:
    """Undo every fault: paths, links, MTUs; start what was killed, thaw what was frozen."""
    router = _router(lab)
    router.run(["nft", "-f", "-"], stdin=f"add table {_TABLE}\ndelete table {_TABLE}\n")
    size, cards = str(lab.spec.mtu), str(lab.spec.nic_mtu or lab.spec.mtu)
    for node in lab.nodes:
        if node.spec.is_router:
            continue
        _raise_link(lab, node)
        router.run(["ip", "link", "set", node.spec.router_link, "mtu", size])
        node.run(["ip", "link", "set", "eth0", "mtu", cards])
        _route(lab, node, [])
        if node.spec.is_hypervisor:
            _thaw(lab, node)
    dead = [process for process in lab.report().processes if not process.running]
    for process in dead:
        lab.start_process(process.node, process.name, process.argv, process.env)
    started = ", ".join(f"{process.name} on {process.node}" for process in dead)
    return f"every path is whole{f'; started {started}' if started else ''}"


FAULTS = (
    Fault("link-down", ("NODE",), "The node loses carrier.", link_down),
    Fault("link-up", ("NODE",), "The node has carrier again.", link_up),
    Fault("partition", ("A", "B"), "Two nodes cannot reach each other; everybody else can.", partition),
    Fault("mgmt-cut", ("NODE",), "The node cannot reach the management server: headless.", mgmt_cut),
    Fault("mtu", ("NODE", "BYTES"), "The node's underlay link carries less (or more).", mtu),
    Fault("path-mtu", ("NODE", "BYTES"), "A hop on the way to the node carries less; only ICMP tells.", path_mtu),
    Fault("hole", ("NODE", "BYTES"), "Larger packets to the node vanish on the way without a word, in this direction only.", hole),
    Fault("closed", ("NODE", "PORT"), "A firewall on the way to the node drops a UDP port.", closed),
    Fault("fdb-del", ("NODE", "MAC|VM"), "Delete the forwarding rows of one MAC address on the node.", fdb_del),
    Fault("device-del", ("NODE", "VNI"), "Delete the VXLAN device of one VNI on the node.", device_del),
    Fault("kill-agent", ("NODE",), "Kill the node's agent with SIGKILL.", kill_agent),
    Fault("freeze-agent", ("NODE",), "Stop the node's agent with SIGSTOP: it is there and does nothing.", freeze_agent),
    Fault("kill-server", (), "Kill the management server with SIGKILL.", kill_server),
    Fault("heal", (), "Undo: links, paths and MTUs as built, killed server and agents started, frozen ones thawed.", heal),
)


def _thaw(lab: Lab, node: Node) -> None:
    for process in lab.report().processes:
        if (process.node, process.name, process.running) == (node.name, AGENT, True):
            lab.send_signal(node.name, AGENT, signal.SIGCONT)


def _router(lab: Lab) -> Node:
    return lab.node(topology.ROUTER)


def _raise_link(lab: Lab, node: Node) -> None:
    _router(lab).run(["ip", "link", "set", node.spec.router_link, "up"])
    # the kernel keeps a downed link's global addresses if told to, but never its link-local one, which neighbour discovery sends from
    _router(lab).run(["ip", "address", "replace", f"{topology.ROUTER_LINK_LOCAL}/64", "dev", node.spec.router_link, "nodad"])


def _attached(lab: Lab, name: str) -> Node:
    """A node with a link of its own: any but the router."""
    node = lab.node(name)
    if node.spec.is_router:
        raise ConfigError("the router is what the links hang on", remedy="name a hypervisor or mgmt")
    return node


def _hypervisor(lab: Lab, name: str) -> Node:
    node = lab.node(name)
    if not node.spec.is_hypervisor:
        raise ConfigError(f"{name} is no hypervisor", remedy="name h1, h2, …")
    return node


def _number(text: str, what: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ConfigError(f"{text!r} is not {what}", remedy="give a whole number") from None


def _vxlan_devices(node: Node) -> dict[str, int]:
    """The node's VXLAN devices and their VNIs; one that carries many at once (``external``) has no VNI of its own and is left out."""
    links = json.loads(node.run(["ip", "-j", "-d", "link", "show", "type", "vxlan"]).stdout or "[]")
    found = {link["ifname"]: link["linkinfo"]["info_data"].get("id") for link in links if link}
    return {name: vni for name, vni in found.items() if vni is not None}


def _guest_mac(lab: Lab, vm: str) -> str:
    links = json.loads(lab.guest(vm).run(["ip", "-j", "link", "show"]).stdout)
    for link in links:
        if link["link_type"] == "ether":
            return str(link["address"])
    raise VxloomError(f"guest {vm} has no network card", remedy="start it first")


def _route(lab: Lab, node: Node, metrics: list[str]) -> None:
    """The router's way to the node's subnet, with these metrics; as the kernel made it, without."""
    spec, run = node.spec, _router(lab).run
    link = ["dev", spec.router_link, "proto", "kernel"]
    run(["ip", "route", "replace", f"10.200.{spec.number}.0/24", *link, "scope", "link", "src", str(spec.gateway), *metrics])
    run(["ip", "-6", "route", "replace", f"fd00:200:{spec.number:x}::/64", *link, "metric", "256", *metrics])
