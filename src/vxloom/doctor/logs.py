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
        r"(?<!netlink: )no buffer space available",
        "A multicast VXLAN device could not be set up: the host has joined as many groups as it may (20 by default).",
        "vxloom host apply --only sysctl (net.ipv4.igmp_max_memberships)",
        "igmp-limit",
    ),
    _known(
        "VXLAN missing from the kernel",
        r"failed to load vxlan kernel module|module vxlan not found|vxlan.*operation not supported",
        "The kernel cannot make VXLAN devices: it was built without them, or their module is not installed.",
        "vxloom host check; install the distribution's own kernel with its modules; vxloom host apply --only module loads it at boot, too",
    ),
    _known(
        "VNI taken",
        r"vxlan device with the specified vni already exists|vxlan.*: file exists",
        "The kernel gives a VNI and UDP port to one device only, and another has it: of another program, or left behind.",
        "vxloom show vnis --host (who has the VNI); delete the device that nobody needs",
        "foreign-vni",
    ),
    _known(
        "UDP port taken",
        r"rtnetlink answers: address already in use",
        "Another program, or another VXLAN device with other settings, has the tunnels' UDP port; the device does not come up.",
        "ss -lunp (who has the port); vxloom show vnis --host; one overlay per UDP port on a host",
        "vxlan-down",
    ),
    _known(
        "label has no address",
        r"failed to find vxlan multicast source ip address on brif",
        "CloudStack's script looks for the tunnel's address on the traffic label's bridge, and there is none.",
        "give the bridge of the traffic label the host's underlay address; vxloom host check",
    ),
    _known(
        "label leads nowhere",
        r"failed to lookup bridge interface which includes pif|failed to create vlan \d+ on pif",
        "The traffic label names no bridge with a card on this host, so there is nothing to build on.",
        "ip -br link; correct the label (updateTrafficType kvmnetworklabel=BRIDGE), or make the bridge and put the card into it",
    ),
    _known(
        "multicast route refused",
        r"failed to add vxlan multicast route on brif",
        "CloudStack's script adds a route for the network's multicast group, and the kernel refused: no address or no link there.",
        "ip route get 239.0.0.1; see that the label's bridge is up and has an address",
    ),
    _known(
        "name too long",
        r"not a valid ifname",
        "A device's name has 15 characters at most; CloudStack makes it of the card's name and the VLAN.",
        "give the card a shorter name (a systemd .link file), or put it in a bridge or bond with a short one",
    ),
    _known(
        "bridge missing at the destination",
        r"cannot get interface mtu on '[^']*': no such device",
        "A machine was to start or arrive on this host, and its network's bridge is not there.",
        "look for the line before it that says why the bridge was not made; vxloom show bridges --host",
        "device-missing",
    ),
    _known(
        "VXLAN device refused",
        r"failed to create vxlan (?:interface|\d+ on brif)",
        "CloudStack's script could not make a VXLAN device: no VXLAN in the kernel, no such card, or the VNI is taken.",
        "vxloom host check (VXLAN in the kernel); vxloom show vnis --host (who has the VNI); the traffic label's bridge",
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
        "value refused",
        r"(?:rtnetlink answers|netlink error message):? invalid argument",
        "The kernel refused a value that a device was to be made with: a multicast group without a device to join it on, a group in the"
        " place of an address, a range of ports the wrong way round.",
        "run the command that failed once more by hand and read what ip says; on an old ip: dmesg has the reason",
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
        "loop",
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
