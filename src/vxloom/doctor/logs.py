"""Lines of logs that tell of a known fault: what they mean and what to do. Pure.

Read are CloudStack's agent, our own, and the kernel. A log may be of any size and hold anything: whoever reads gives the end of it, and
bytes that are no text are replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True)
class Signature:
    """A known kind of line."""

    name: str
    pattern: re.Pattern[str]
    meaning: str
    remedy: str
    code: str = ""
    """The finding it points at; "": none looks for it."""


def _known(name: str, pattern: str, meaning: str, remedy: str, code: str = "") -> Signature:
    return Signature(name, re.compile(pattern, re.IGNORECASE), meaning, remedy, code)


SIGNATURES = (
    _known(
        "multicast groups used up",
        r"no buffer space available",
        "A multicast VXLAN device could not be set up: the host has joined as many groups as it may (20 by default).",
        "vxloom host apply --only sysctl (net.ipv4.igmp_max_memberships)",
        "igmp-limit",
    ),
    _known(
        "VXLAN device refused",
        r"failed to create vxlan interface",
        "CloudStack's script could not make a VXLAN device: no VXLAN in the kernel, no such card, or the VNI is taken.",
        "vxloom host check (VXLAN in the kernel); ip -d link show type vxlan (who has the VNI); the traffic label's bridge",
        "foreign-vni",
    ),
    _known(
        "lock folder missing",
        r"vxlan\.lock: no such file or directory",
        "CloudStack's script cannot lock: /var/run/cloud is not there.",
        "mkdir -p /var/run/cloud, or CloudStack 4.15 or later",
    ),
    _known(
        "VLAN left over",
        r"8021q: vlan device already exists",
        "A VLAN device of that number is there already, on another card or under another name.",
        "ip -d link show type vlan; delete the one that nobody needs",
    ),
    _known(
        "VXLAN isolation ignored",
        r"vlan requested but uri is not in the expected format",
        "The network's VNI was taken for a VLAN: its offering or physical network does not ask for VXLAN.",
        "set the physical network's isolation method to VXLAN before networks are made on it",
    ),
    _known(
        "script and agent differ",
        r"modifyvxlan[\w-]*\.sh: illegal option",
        "The script of one CloudStack version is called by the agent of another; devices stay behind.",
        "install cloudstack-agent and cloudstack-common of one version",
        "device-extra",
    ),
    _known(
        "network device refused",
        r"failed to create vnet\b",
        "CloudStack's agent could not make a network's devices; the words behind it say why.",
        "read the line to its end: the script's own words are there; vxloom doctor --host",
    ),
    _known(
        "neighbour table full",
        r"neighbou?r table overflow",
        "New neighbours are not resolved, VTEPs and routers among them.",
        "vxloom host apply --only sysctl (net.ipv4.neigh.default.gc_thresh3)",
        "arp-table-full",
    ),
    _known(
        "connection tracking full",
        r"nf_conntrack: (?:nf_conntrack: )?table full, dropping packet",
        "New flows are dropped on this host.",
        "sysctl -w net.netfilter.nf_conntrack_max=…; tunnel packets should not be tracked at all",
        "conntrack-full",
    ),
    _known(
        "address twice",
        r"received packet on \S+ with own address as source address",
        "A frame came back that left here: a loop, or two ports with one MAC.",
        "look for two ways between the same bridges, and for a copied MAC",
    ),
)
"""The more telling first: a line is told of once."""


class Explained(msgspec.Struct, frozen=True):
    """All lines of one kind."""

    name: str
    source: str
    count: int
    last: str
    """The newest of them."""
    meaning: str
    remedy: str
    code: str = ""


_LONGEST = 500


def explain(source: str, lines: Iterable[str]) -> list[Explained]:
    """Return what is known of a log's lines, the most frequent first."""
    found: dict[str, tuple[Signature, int, str]] = {}
    for line in lines:
        for each in SIGNATURES:
            if each.pattern.search(line):
                found[each.name] = (each, found[each.name][1] + 1 if each.name in found else 1, line.strip()[:_LONGEST])
                break
    told = (Explained(each.name, source, count, last, each.meaning, each.remedy, each.code) for each, count, last in found.values())
    return sorted(told, key=lambda one: (-one.count, one.name))
