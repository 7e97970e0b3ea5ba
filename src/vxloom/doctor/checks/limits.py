"""Is a table or limit of the kernel full, or nearly so?"""

from __future__ import annotations

from collections.abc import Iterator

from vxloom.doctor.evidence import HostEvidence
from vxloom.doctor.finding import Fault, Finding, Severity

_FULL = 0.9
_LEAST_FREE = 16 << 20

IGMP = Fault(
    code="igmp-limit",
    severity=Severity.ERROR,
    title="the host has joined as many multicast groups as it may",
    meaning="The next multicast network's device fails when it is set up, with “No buffer space available”.",
    explains=frozenset({"vxlan-down"}),
    remedy="sysctl -w net.ipv4.igmp_max_memberships=4096; to make it last: vxloom host apply --only sysctl",
)
NEIGHBOURS = Fault(
    code="arp-table-full",
    severity=Severity.ERROR,
    title="the neighbour table is nearly full",
    meaning="New neighbours, VTEPs and routers among them, are not resolved: “neighbour: arp_cache: neighbor table overflow!”.",
    remedy="vxloom host apply --only sysctl (raises gc_thresh1 to 3)",
)
CONNTRACK = Fault(
    code="conntrack-full",
    severity=Severity.ERROR,
    title="connection tracking is nearly full",
    meaning="New flows are dropped: “nf_conntrack: table full, dropping packet”.",
    remedy="sysctl -w net.netfilter.nf_conntrack_max=…; see that tunnel packets are not tracked",
)
DISK = Fault(
    code="state-disk-full",
    severity=Severity.ERROR,
    title="there is no room for the agent's state",
    meaning="The agent acknowledges nothing that it cannot keep, so jobs fail on this host.",
    remedy="free space where {where} lies",
)
FAULTS = (IGMP, NEIGHBOURS, CONNTRACK, DISK)


def look(evidence: HostEvidence) -> Iterator[Finding]:
    """Compare what is used with what there is."""
    limit = evidence.sysctls.get("net.ipv4.igmp_max_memberships")
    joined = sum(len(groups) for groups in evidence.multicast_groups.values())
    down = [one.name for one in evidence.devices.values() if one.kind == "vxlan" and one.group and not one.up]
    if limit is not None and joined >= limit and down:
        yield IGMP.found(", ".join(sorted(down)), expected="up", seen=f"down; {joined} groups joined of {limit}")
    most = evidence.sysctls.get("net.ipv4.neigh.default.gc_thresh3")
    if most and evidence.neighbours >= _FULL * most:
        yield NEIGHBOURS.found("IPv4 neighbours", expected=f"less than {most}", seen=str(evidence.neighbours))
    if evidence.conntrack and evidence.conntrack[0] >= _FULL * evidence.conntrack[1]:
        yield CONNTRACK.found("nf_conntrack", expected=f"less than {evidence.conntrack[1]}", seen=str(evidence.conntrack[0]))
    if evidence.state_free is not None and evidence.state_free < _LEAST_FREE:
        yield DISK.found(evidence.state_dir, expected=f"{_LEAST_FREE >> 20} MiB free", seen=f"{evidence.state_free >> 10} KiB")
