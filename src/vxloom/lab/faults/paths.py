"""Links and ways of the underlay: cut, narrowed, closed."""

from __future__ import annotations

from collections.abc import Iterable

from vxloom.errors import ConfigError
from vxloom.lab import topology
from vxloom.lab.faults.fault import Fault, attached, number, router
from vxloom.lab.lab import Lab
from vxloom.lab.node import Node

_TABLE = "inet lab-faults"
_INSIDE_TCP = 8 + 8 + 14 + 20 + 20 + 100
"""Bytes from the outer UDP header to a hundred inside what TCP carries: UDP, VXLAN, Ethernet, IP, TCP."""
#: The router drops without a word, as a broken path does it. Loading this again adds nothing and takes nothing away: the sets keep
#: their pairs, whose rules are written anew, and the rules of other faults stand in chains of their own.
_DROPS = f"""
table {_TABLE} {{
    set cut {{ type ipv4_addr . ipv4_addr; }}
    set cut6 {{ type ipv6_addr . ipv6_addr; }}
    chain pairs {{ type filter hook forward priority 0; policy accept; }}
    chain forward {{ type filter hook forward priority 1; policy accept; }}
    chain output {{ type filter hook output priority 0; policy accept; }}
}}
flush chain {_TABLE} pairs
add rule {_TABLE} pairs ip saddr . ip daddr @cut drop
add rule {_TABLE} pairs ip6 saddr . ip6 daddr @cut6 drop
"""


def link_down(lab: Lab, node: str) -> str:
    """The node loses carrier: the router's end of its link goes down."""
    router(lab).run(["ip", "link", "set", attached(lab, node).spec.router_link, "down"])
    return f"{node} has no carrier; `link-up {node}` or `heal` restores it"


def link_up(lab: Lab, node: str) -> str:
    _batch(lab, _raised(attached(lab, node)))
    return f"{node} has carrier"


def partition(lab: Lab, one: str, other: str) -> str:
    """The router drops whatever the two nodes send each other; both still reach everybody else."""
    _cut(lab, (one, other), (other, one))
    return f"{one} and {other} cannot reach each other; `heal` restores it"


def one_way(lab: Lab, sender: str, receiver: str) -> str:
    """The router drops what one node sends the other; the way back is whole."""
    _cut(lab, (sender, receiver))
    return f"what {sender} sends {receiver} is dropped on the way; `heal` restores it"


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
    _batch(lab, _way(attached(lab, node), f"mtu lock {most}"))
    return f"packets to {node} over {most} bytes are refused by the router; `heal` restores it"


def path_mtu_silent(lab: Lab, node: str, size: str) -> str:
    """As ``path_mtu``, and the router's "too big" messages about it are filtered: what many a firewall does to all ICMP."""
    told = path_mtu(lab, node, size)
    spec = attached(lab, node).spec
    # the destination of the packet that was too big, as the message quotes it (RFC 792, RFC 4443 section 3.2)
    quoted4, quoted6 = f"@th,192,32 {int(spec.address or 0):#x}", f"@th,256,128 {int(spec.address6 or 0):#x}"
    _drop(
        lab, f"icmp type destination-unreachable icmp code frag-needed {quoted4}", f"icmpv6 type packet-too-big {quoted6}", chain="output"
    )
    return told.replace("refused by the router", "refused by the router, and its ICMP is filtered")


def hole(lab: Lab, node: str, size: str) -> str:
    """Larger packets to the node vanish on the way, and nobody says so: a black hole, in this direction only."""
    most = topology.check_mtu(number(size, "a size"))
    _drop(lab, *(f"{way} meta length > {most}" for way in _ends(lab, node, "daddr")))
    return f"packets to {node} over {most} bytes vanish; `heal` restores it"


def hole_both(lab: Lab, node: str, size: str) -> str:
    """Larger packets to and from the node vanish on the way, and nobody says so: a switch with a smaller MTU."""
    most = topology.check_mtu(number(size, "a size"))
    _drop(lab, *(f"{way} meta length > {most}" for end in ("daddr", "saddr") for way in _ends(lab, node, end)))
    return f"packets to and from {node} over {most} bytes vanish; `heal` restores it"


def closed(lab: Lab, node: str, port: str) -> str:
    """A firewall on the way to the node closes a UDP port."""
    shut = number(port, "a port")
    _drop(lab, *(f"{way} udp dport {shut}" for way in _ends(lab, node, "daddr")))
    return f"UDP port {shut} of {node} is closed on the way; `heal` restores it"


def spoil(lab: Lab, node: str) -> str:
    """Bulk data to the node arrives with wrong checksums, as from a card that writes them wrong: a byte of what a guest's TCP carries is
    changed where it enters the node, behind the check of the tunnel's own packet. The others' cards sum up in software meanwhile.
    """
    target = attached(lab, node)
    for other in lab.hypervisors:
        other.run(["ethtool", "-K", "eth0", "tx", "off"])
    rule = f"ip daddr {target.spec.address} udp dport 4789 @th,{8 * _INSIDE_TCP},8 set 0xff udp checksum set 0"
    router(lab).run(["nft", "-f", "-"], stdin=f"{_DROPS}add rule {_TABLE} forward {rule}\n")
    return f"TCP in tunnels to {node} arrives with wrong checksums; `heal` restores it"


def whole(lab: Lab) -> str:
    """Every link and path as built, and nobody remembers what a router said of one."""
    router(lab).run(["nft", "-f", "-"], stdin=f"add table {_TABLE}\ndelete table {_TABLE}\n")
    for node in lab.nodes:
        if node.spec.is_router:
            continue
        _batch(lab, (*_raised(node), f"link set {node.spec.router_link} mtu {lab.spec.mtu}", *_way(node)))
        cards = lab.spec.nic_mtu or lab.spec.mtu
        words = (f"ip link set eth0 mtu {cards}", "ethtool -K eth0 tx on", "ip -4 route flush cache", "ip -6 route flush cache")
        node.run(["sh", "-c", " && ".join(words)])
    return "every path is whole"


FAULTS = (
    Fault("link-down", ("NODE",), "The node loses carrier.", link_down, whole),
    Fault("link-up", ("NODE",), "The node has carrier again.", link_up, whole),
    Fault("partition", ("A", "B"), "Two nodes cannot reach each other; everybody else can.", partition, whole),
    Fault("one-way", ("FROM", "TO"), "What one node sends another is dropped on the way; the way back is whole.", one_way, whole),
    Fault("mgmt-cut", ("NODE",), "The node cannot reach the management server: headless.", mgmt_cut, whole),
    Fault("mtu", ("NODE", "BYTES"), "The node's underlay link carries less (or more).", mtu, whole),
    Fault("path-mtu", ("NODE", "BYTES"), "A hop on the way to the node carries less; only ICMP tells.", path_mtu, whole),
    Fault("path-mtu-silent", ("NODE", "BYTES"), "As path-mtu, with its ICMP filtered: nobody tells.", path_mtu_silent, whole),
    Fault("hole", ("NODE", "BYTES"), "Larger packets to the node vanish on the way without a word, in this direction only.", hole, whole),
    Fault("hole-both", ("NODE", "BYTES"), "Larger packets to and from the node vanish on the way without a word.", hole_both, whole),
    Fault("spoil", ("NODE",), "Bulk data in tunnels to the node arrives with wrong checksums, as from a broken card.", spoil, whole),
    Fault("closed", ("NODE", "PORT"), "A firewall on the way to the node drops a UDP port.", closed, whole),
)


def _cut(lab: Lab, *ways: tuple[str, str]) -> None:
    """Drop all that goes these ways, from one node to another."""
    script = _DROPS
    for sender, receiver in ways:
        a, b = attached(lab, sender).spec, attached(lab, receiver).spec
        if a == b:
            raise ConfigError(f"{sender} cannot be parted from itself", remedy="name two nodes")
        script += f"add element {_TABLE} cut {{ {a.address} . {b.address} }}\n"
        script += f"add element {_TABLE} cut6 {{ {a.address6} . {b.address6} }}\n"
    router(lab).run(["nft", "-f", "-"], stdin=script)


def _drop(lab: Lab, *matches: str, chain: str = "forward") -> None:
    """Have the router drop what matches."""
    router(lab).run(["nft", "-f", "-"], stdin=_DROPS + "".join(f"add rule {_TABLE} {chain} {match} drop\n" for match in matches))


def _ends(lab: Lab, node: str, end: str) -> tuple[str, str]:
    """Match what has the node at one end (``saddr``, ``daddr``)."""
    spec = attached(lab, node).spec
    return f"ip {end} {spec.address}", f"ip6 {end} {spec.address6}"


def _raised(node: Node) -> tuple[str, str]:
    """``ip -batch`` text for the router: the node's link up.

    The kernel keeps a downed link's global addresses if told to, but never its link-local one, which neighbour discovery sends from.
    """
    link = node.spec.router_link
    return f"link set {link} up", f"address replace {topology.ROUTER_LINK_LOCAL}/64 dev {link} nodad"


def _way(node: Node, metrics: str = "") -> tuple[str, str]:
    """``ip -batch`` text for the router: its way to the node's subnet, with these metrics; as the kernel made it, without."""
    spec = node.spec
    link = f"dev {spec.router_link} proto kernel"
    return (
        f"route replace 10.200.{spec.number}.0/24 {link} scope link src {spec.gateway} {metrics}",
        f"route replace fd00:200:{spec.number:x}::/64 {link} metric 256 {metrics}",
    )


def _batch(lab: Lab, lines: Iterable[str]) -> None:
    router(lab).run(["ip", "-batch", "-"], stdin="".join(f"{line}\n" for line in lines))
