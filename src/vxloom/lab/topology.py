"""What a lab looks like: nodes, addresses, links. Pure: numbers in, names and ``ip -batch`` text out.

Every node sits in its own subnet behind the router ``underlay``, so two hypervisors only ever meet at layer 3:

    mgmt        10.200.0.2/24    fd00:200:0::2/64   ─┐
    h1          10.200.1.2/24    fd00:200:1::2/64   ─┼─ underlay (.1 / ::1 on each link)
    h2          10.200.2.2/24    fd00:200:2::2/64   ─┘

The addresses exist only inside the lab's namespaces, so any number of labs can use them at once.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address

import msgspec

from vxloom.errors import ConfigError

ROUTER = "underlay"
MANAGEMENT = "mgmt"
DEFAULT_NAME = "default"
#: With an IPv4 underlay VXLAN takes 50 bytes, so guests keep the usual 1500.
DEFAULT_MTU = 1550
#: A machine as it comes out of its box, on switches that carry jumbo frames.
BARE_MTU, BARE_NIC_MTU = 9000, 1500
ROUTER_LINK_LOCAL = IPv6Address("fe80::1")
MAX_HYPERVISORS = 254
_MIN_MTU = 1280  # IPv6 does not run below (RFC 8200, section 5)
_MAX_MTU = 65535
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person asks for. ``mtu`` is the underlay's, in bytes; ``api_port`` is tried first, then the next free one.

    ``nic_mtu``: what the nodes' own cards are set to, where that is not the underlay's; 0: as the underlay.
    """

    name: str = DEFAULT_NAME
    hypervisors: int = 3
    mtu: int = DEFAULT_MTU
    nic_mtu: int = 0
    api_port: int = 8080


class NodeSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One node. ``number`` is its subnet (0 = management); the router has number -1 and no address of its own."""

    name: str
    number: int

    @property
    def is_router(self) -> bool:
        return self.name == ROUTER

    @property
    def is_hypervisor(self) -> bool:
        return self.number > 0

    @property
    def address(self) -> IPv4Address | None:
        """The node's underlay address; a hypervisor's VTEP."""
        return None if self.is_router else IPv4Address(f"10.200.{self.number}.2")

    @property
    def address6(self) -> IPv6Address | None:
        return None if self.is_router else IPv6Address(f"fd00:200:{self.number:x}::2")

    @property
    def gateway(self) -> IPv4Address:
        """The router's address on this node's link."""
        return IPv4Address(f"10.200.{self.number}.1")

    @property
    def gateway6(self) -> IPv6Address:
        return IPv6Address(f"fd00:200:{self.number:x}::1")

    @property
    def router_link(self) -> str:
        """The router's end of this node's link; the node's own end is always ``eth0``."""
        return f"to-{self.name}"


def check(spec: Spec) -> Spec:
    """The spec itself, or ``ConfigError`` naming the option that is wrong."""
    if not _NAME.fullmatch(spec.name):
        raise ConfigError(
            f"lab name {spec.name!r} is not usable",
            remedy="use up to 31 lower-case letters, digits and dashes, beginning with a letter or digit",
        )
    if not 1 <= spec.hypervisors <= MAX_HYPERVISORS:
        raise ConfigError(f"a lab of {spec.hypervisors} hypervisors cannot be built", remedy=f"choose 1 to {MAX_HYPERVISORS}")
    check_mtu(spec.mtu)
    if spec.nic_mtu:
        check_mtu(spec.nic_mtu)
    if not 0 <= spec.api_port <= 65535:
        raise ConfigError(f"{spec.api_port} is not a TCP port", remedy="choose 1 to 65535, or 0 for any free one")
    return spec


def check_mtu(mtu: int) -> int:
    if not _MIN_MTU <= mtu <= _MAX_MTU:
        raise ConfigError(f"an underlay MTU of {mtu} is out of range", remedy=f"choose {_MIN_MTU} to {_MAX_MTU}")
    return mtu


def nodes(spec: Spec) -> tuple[NodeSpec, ...]:
    """Every node of the lab, the router first."""
    hypervisors = (NodeSpec(name=f"h{number}", number=number) for number in range(1, spec.hypervisors + 1))
    return (NodeSpec(name=ROUTER, number=-1), NodeSpec(name=MANAGEMENT, number=0), *hypervisors)


def router_batch(spec: Spec, pids: dict[str, int]) -> str:
    """``ip -batch`` text for the router: one veth pair per node, addresses, links up.

    ``pids`` are the nodes' holders as the *caller's* PID namespace numbers them; the far end is born inside the node.
    """
    lines = []
    for node in nodes(spec):
        if node.is_router:
            continue
        link = node.router_link
        lines += [
            f"link add name {link} mtu {spec.mtu} type veth peer name eth0 mtu {spec.nic_mtu or spec.mtu} netns {pids[node.name]}",
            f"address add {node.gateway}/24 dev {link}",
            f"address add {node.gateway6}/64 dev {link} nodad",
            *_link_local(link, ROUTER_LINK_LOCAL),
            f"link set {link} up",
        ]
    return "\n".join([*lines, ""])


def node_batch(node: NodeSpec) -> str:
    """``ip -batch`` text for one node: its address and the way to every other."""
    lines = [
        f"address add {node.address}/24 dev eth0",
        f"address add {node.address6}/64 dev eth0 nodad",
        *_link_local("eth0", IPv6Address("fe80::2")),
        "link set eth0 up",
        f"route add default via {node.gateway} dev eth0",
        f"route add default via {node.gateway6} dev eth0",
    ]
    return "\n".join([*lines, ""])


def _link_local(link: str, address: IPv6Address) -> tuple[str, str]:
    """A fixed link-local address, valid at once: duplicate detection of a generated one would hold IPv6 back for a second."""
    return f"link set {link} addrgenmode none", f"address add {address}/64 dev {link} nodad"


def hosts_file(spec: Spec) -> str:
    """Every node's /etc/hosts: all nodes by name."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost"]
    for other in nodes(spec):
        if other.address is not None:
            lines += [f"{other.address} {other.name}", f"{other.address6} {other.name}"]
    return "\n".join([*lines, ""])


def interfaces_file(node: NodeSpec) -> str:
    """The node's /etc/network/interfaces (ifupdown): what brings its card up at boot, if it ever booted."""
    lines = ["auto lo", "iface lo inet loopback"]
    if node.address is not None:
        lines += ["", "auto eth0", "iface eth0 inet static", f"    address {node.address}/24", f"    gateway {node.gateway}"]
        lines += ["", "iface eth0 inet6 static", f"    address {node.address6}/64", f"    gateway {node.gateway6}"]
    return "\n".join([*lines, ""])
