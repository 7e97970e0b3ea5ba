"""Links and ways of the underlay: cut, narrowed, closed."""

from __future__ import annotations

from vxloom.errors import ConfigError
from vxloom.lab import topology
from vxloom.lab.faults.fault import Fault, attached, number, router
from vxloom.lab.lab import Lab
from vxloom.lab.node import Node

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


def link_down(lab: Lab, node: str) -> str:
    """The node loses carrier: the router's end of its link goes down."""
    router(lab).run(["ip", "link", "set", attached(lab, node).spec.router_link, "down"])
    return f"{node} has no carrier; `link-up {node}` or `heal` restores it"


def link_up(lab: Lab, node: str) -> str:
    _raise_link(lab, attached(lab, node))
    return f"{node} has carrier"


def partition(lab: Lab, one: str, other: str) -> str:
    """The router drops whatever the two nodes send each other; both still reach everybody else."""
    a, b = attached(lab, one).spec, attached(lab, other).spec
    if a == b:
        raise ConfigError(f"{one} cannot be parted from itself", remedy="name two nodes")
    script = _CUT_TABLE + f"add element {_TABLE} cut {{ {a.address} . {b.address}, {b.address} . {a.address} }}\n"
    script += f"add element {_TABLE} cut6 {{ {a.address6} . {b.address6}, {b.address6} . {a.address6} }}\n"
    router(lab).run(["nft", "-f", "-"], stdin=script)
    return f"{one} and {other} cannot reach each other; `heal` restores it"


def mgmt_cut(lab: Lab, node: str) -> str:
    """The node loses the management server and nothing else: headless."""
    return partition(lab, topology.MANAGEMENT, node)


def mtu(lab: Lab, node: str, size: str) -> str:
    """The node's link, both ends: the node can see it."""
    most = topology.check_mtu(number(size, "an MTU"))
    target = attached(lab, node)
    router(lab).run(["ip", "link", "set", target.spec.router_link, "mtu", str(most)])
    target.run(["ip", "link", "set", "eth0", "mtu", str(most)])
    return f"the link of {node} carries {most} bytes; `heal` restores it"


def path_mtu(lab: Lab, node: str, size: str) -> str:
    """A narrower hop on the way to the node: nothing at the node tells, only the router's "too big" messages do."""
    most = topology.check_mtu(number(size, "an MTU"))
    _route(lab, attached(lab, node), ["mtu", "lock", str(most)])
    return f"packets to {node} over {most} bytes are refused by the router; `heal` restores it"


def hole(lab: Lab, node: str, size: str) -> str:
    """Larger packets to the node vanish on the way, and nobody says so: a black hole, in this direction only."""
    most = topology.check_mtu(number(size, "a size"))
    spec = attached(lab, node).spec
    rules = [f"{kind} daddr {address} meta length > {most} drop" for kind, address in (("ip", spec.address), ("ip6", spec.address6))]
    script = _CUT_TABLE + "".join(f"add rule {_TABLE} forward {rule}\n" for rule in rules)
    router(lab).run(["nft", "-f", "-"], stdin=script)
    return f"packets to {node} over {most} bytes vanish; `heal` restores it"


def closed(lab: Lab, node: str, port: str) -> str:
    """A firewall on the way to the node closes a UDP port."""
    shut = number(port, "a port")
    spec = attached(lab, node).spec
    rules = [f"{kind} daddr {address} udp dport {shut} drop" for kind, address in (("ip", spec.address), ("ip6", spec.address6))]
    router(lab).run(["nft", "-f", "-"], stdin=_CUT_TABLE + "".join(f"add rule {_TABLE} forward {rule}\n" for rule in rules))
    return f"UDP port {shut} of {node} is closed on the way; `heal` restores it"


def whole(lab: Lab) -> str:
    """Every link and path as built."""
    router(lab).run(["nft", "-f", "-"], stdin=f"add table {_TABLE}\ndelete table {_TABLE}\n")
    size, cards = str(lab.spec.mtu), str(lab.spec.nic_mtu or lab.spec.mtu)
    for node in lab.nodes:
        if node.spec.is_router:
            continue
        _raise_link(lab, node)
        router(lab).run(["ip", "link", "set", node.spec.router_link, "mtu", size])
        node.run(["ip", "link", "set", "eth0", "mtu", cards])
        _route(lab, node, [])
    return "every path is whole"


FAULTS = (
    Fault("link-down", ("NODE",), "The node loses carrier.", link_down, whole),
    Fault("link-up", ("NODE",), "The node has carrier again.", link_up, whole),
    Fault("partition", ("A", "B"), "Two nodes cannot reach each other; everybody else can.", partition, whole),
    Fault("mgmt-cut", ("NODE",), "The node cannot reach the management server: headless.", mgmt_cut, whole),
    Fault("mtu", ("NODE", "BYTES"), "The node's underlay link carries less (or more).", mtu, whole),
    Fault("path-mtu", ("NODE", "BYTES"), "A hop on the way to the node carries less; only ICMP tells.", path_mtu, whole),
    Fault("hole", ("NODE", "BYTES"), "Larger packets to the node vanish on the way without a word, in this direction only.", hole, whole),
    Fault("closed", ("NODE", "PORT"), "A firewall on the way to the node drops a UDP port.", closed, whole),
)


def _raise_link(lab: Lab, node: Node) -> None:
    router(lab).run(["ip", "link", "set", node.spec.router_link, "up"])
    # the kernel keeps a downed link's global addresses if told to, but never its link-local one, which neighbour discovery sends from
    router(lab).run(["ip", "address", "replace", f"{topology.ROUTER_LINK_LOCAL}/64", "dev", node.spec.router_link, "nodad"])


def _route(lab: Lab, node: Node, metrics: list[str]) -> None:
    """The router's way to the node's subnet, with these metrics; as the kernel made it, without."""
    spec, run = node.spec, router(lab).run
    link = ["dev", spec.router_link, "proto", "kernel"]
    run(["ip", "route", "replace", f"10.200.{spec.number}.0/24", *link, "scope", "link", "src", str(spec.gateway), *metrics])
    run(["ip", "-6", "route", "replace", f"fd00:200:{spec.number:x}::/64", *link, "metric", "256", *metrics])
