"""Kernel settings an overlay depends on."""

from __future__ import annotations

from collections.abc import Sequence

from vxloom.prepare.machine import Machine
from vxloom.prepare.requirement import Requirement, Subject
from vxloom.settings import HostSettings

_APPLY = "vxloom host apply --only sysctl"
_REVERSE_PATH = Subject(
    "net.ipv4.conf.*.rp_filter", "0 or 2 where the underlay has more than one way", "RFC 3704", impact=4, required=False
)


def look(machine: Machine, settings: HostSettings) -> Sequence[Requirement]:
    """Return the rows about kernel settings."""
    return [
        _least(machine, "net.ipv4.igmp_max_memberships", 4096, "IGMP", 5, "at 20 the 21st multicast network fails"),
        _least(machine, "net.ipv4.neigh.default.gc_thresh3", 65536, "ARP", 5, "neighbours of all guests stand on a host's bridges"),
        _least(machine, "net.ipv6.neigh.default.gc_thresh3", 65536, "ND", 5, "as for IPv4"),
        _least(machine, "net.core.netdev_max_backlog", 10000, "VXLAN", 3, "what waits to be taken out of a tunnel is dropped beyond it"),
        _reverse_path(machine),
        *(_bridge_netfilter(machine, family) for family in ("iptables", "ip6tables", "arptables")),
    ]


def _least(machine: Machine, key: str, least: int, standard: str, impact: int, why: str) -> Requirement:
    subject, value = Subject(key, f"{least} or more", standard, impact, required=False), machine.sysctl(key)
    if value is None or not value.isdigit():
        return subject.not_applicable("not visible here: a network namespace")
    return subject.judged(int(value) >= least, value, f"{_APPLY}: {why}")


def _reverse_path(machine: Machine) -> Requirement:
    devices = [name for name in machine.names("/proc/sys/net/ipv4/conf") if name not in {"all", "default", "lo"}]
    strict = [name for name in devices if machine.reverse_path(name) == 1]
    found = f"strict on {', '.join(strict[:4])}{' …' if len(strict) > 4 else ''}" if strict else "not strict"
    remedy = f"with two uplinks, tunnel packets that come by the other one are dropped: {_APPLY} makes the label Guest's device loose"
    return _REVERSE_PATH.judged(not strict, found, remedy)


def _bridge_netfilter(machine: Machine, family: str) -> Requirement:
    key = f"net.bridge.bridge-nf-call-{family}"
    subject = Subject(key, "0, unless CloudStack's security groups are used", "br_netfilter", impact=4, required=False)
    value = machine.sysctl(key)
    if value is None:
        return subject.not_applicable("br_netfilter is not loaded: bridged frames do not meet the host's firewall")
    remedy = f"guests' frames run through the host's firewall, which costs and may drop them: bridge_netfilter = false, {_APPLY}"
    return subject.judged(value == "0", value, remedy)
