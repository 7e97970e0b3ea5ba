"""A hypervisor's own network, changed by its administrator: addresses, routes, firewall. An agent leaves all that alone."""

from __future__ import annotations

from collections.abc import Iterable

from vxloom.errors import ConfigError
from vxloom.lab.faults.fault import Fault, hypervisor, number, router
from vxloom.lab.lab import Lab
from vxloom.lab.node import Node

_WALL = "inet lab-wall"


def wall(lab: Lab, node: str, port: str) -> str:
    """The node's own firewall drops a UDP port, in a table that is nobody's known to us."""
    shut = number(port, "a port")
    script = f"table {_WALL} {{ chain input {{ type filter hook input priority 0; policy accept; udp dport {shut} drop; }}; }}\n"
    hypervisor(lab, node).run(["nft", "-f", "-"], stdin=f"add table {_WALL}\ndelete table {_WALL}\n{script}")
    return f"the firewall of {node} drops UDP port {shut}; `heal` takes it away"


def no_route(lab: Lab, node: str, other: str) -> str:
    """The node has no way to another one."""
    source, target = _pair(lab, node, other)
    _batch(source, (f"route replace unreachable 10.200.{target.spec.number}.0/24",))
    _batch(source, (f"route replace unreachable fd00:200:{target.spec.number:x}::/64",))
    return f"{node} has no route to {other}; `heal` gives it back"


def vtep_moved(lab: Lab, node: str) -> str:
    """Somebody renumbers the underlay: the node's card has another address, and the tunnels' is gone."""
    target = hypervisor(lab, node)
    net = f"10.200.{target.spec.number}"
    _batch(target, (f"address add {net}.9/24 dev eth0", f"address del {net}.2/24 dev eth0", f"address replace {net}.9/24 dev eth0"))
    _batch(target, (f"route replace default via {net}.1 dev eth0",))
    return f"{node} has {net}.9 instead of {net}.2; `heal` gives it back"


def vtep_twin(lab: Lab, node: str, other: str) -> str:
    """The node has another one's underlay address too, on its loopback device."""
    source, target = _pair(lab, node, other)
    _batch(source, (f"address replace {target.address}/32 dev lo",))
    return f"{node} has {target.address} of {other}, too; `heal` takes it away"


def vtep_stolen(lab: Lab, node: str) -> str:
    """Somebody on the node's own link has its underlay address, and answers for it: who sends to it reaches the thief."""
    target = hypervisor(lab, node)
    _batch(router(lab), (f"address replace {target.address}/32 dev {target.spec.router_link}",))
    return f"somebody on the link of {node} has {target.address}; `heal` takes it away"


def asymmetric(lab: Lab, node: str, other: str) -> str:
    """The node sends to another one by a second card, and hears it by the first."""
    source, target = _pair(lab, node, other)
    net, link = f"10.201.{source.spec.number}", source.spec.router_link
    _batch(router(lab), (f"address replace {net}.1/24 dev {link}",))
    if source.run(["ip", "link", "show", "eth1"], check=False).returncode:
        _batch(source, ("link add eth1 link eth0 type macvlan mode bridge",))
    # else it answers for the first card's address, or asks in its name, and packets come in by it
    source.run(["sysctl", "-q", "-w", "net.ipv4.conf.eth1.arp_ignore=1", "net.ipv4.conf.eth1.arp_announce=2"])
    way = f"route replace 10.200.{target.spec.number}.0/24 via {net}.1 dev eth1 src {source.address}"
    _batch(source, (f"address replace {net}.2/24 dev eth1", "link set eth1 up", way))
    return f"{node} sends to {other} by eth1, and hears it by eth0; `heal` takes eth1 away"


def rp_filter(lab: Lab, node: str, other: str) -> str:
    """As ``asymmetric``, and the node's kernel takes packets only by the card it would answer by."""
    told = asymmetric(lab, node, other)
    hypervisor(lab, node).run(["sysctl", "-q", "-w", "net.ipv4.conf.eth0.rp_filter=1"])
    return f"{told}; what comes in by eth0 from {other} is dropped"


def as_built(lab: Lab) -> str:
    """Addresses, routes and firewall of every hypervisor as they were."""
    for node in lab.hypervisors:
        spec, net = node.spec, f"10.200.{node.spec.number}"
        stolen = (f"address del {net}.2/32 dev {spec.router_link}", f"address del 10.201.{spec.number}.1/24 dev {spec.router_link}")
        _batch(router(lab), stolen, force=True)
        lines = (
            "link del eth1",
            "address flush dev lo scope global",
            f"address del {net}.9/24 dev eth0",  # first: with a subnet's first address the kernel deletes its others
            f"address replace {net}.2/24 dev eth0",
            f"route replace default via {net}.1 dev eth0",
            "route flush type unreachable",
        )
        _batch(node, lines, force=True)
        undone = f"ip -6 route flush type unreachable; sysctl -q -w net.ipv4.conf.eth0.rp_filter=0; nft delete table {_WALL}"
        node.run(["sh", "-c", undone], check=False)
    return ""


FAULTS = (
    Fault("wall", ("NODE", "PORT"), "The node's own firewall drops a UDP port.", wall, as_built),
    Fault("no-route", ("NODE", "OTHER"), "The node has no route to another one.", no_route, as_built),
    Fault("vtep-moved", ("NODE",), "The node's underlay address is another one than its tunnels'.", vtep_moved, as_built),
    Fault("vtep-twin", ("NODE", "OTHER"), "The node has another one's underlay address, too.", vtep_twin, as_built),
    Fault("vtep-stolen", ("NODE",), "Somebody on the node's own link has its underlay address, too.", vtep_stolen, as_built),
    Fault(
        "asymmetric", ("NODE", "OTHER"), "The node sends to another one by a second card, and hears it by the first.", asymmetric, as_built
    ),
    Fault("rp-filter", ("NODE", "OTHER"), "The same, and a strict rp_filter drops what comes in by the first.", rp_filter, as_built),
)


def _pair(lab: Lab, node: str, other: str) -> tuple[Node, Node]:
    source, target = hypervisor(lab, node), hypervisor(lab, other)
    if source.name == target.name:
        raise ConfigError(f"{node} is no other than {other}", remedy="name two hypervisors")
    return source, target


def _batch(node: Node, lines: Iterable[str], *, force: bool = False) -> None:
    """Run lines of ``ip``; with ``force`` those that fail, since there is nothing to undo, are passed over."""
    node.run(["ip", *(["-force"] if force else []), "-batch", "-"], stdin="".join(f"{line}\n" for line in lines), check=not force)
