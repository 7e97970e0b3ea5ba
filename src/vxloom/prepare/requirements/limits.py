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
        _reverse_path(machine),
        *(_bridge_netfilter(machine, family) for family in ("iptables", "ip6tables", "arptables")),
    ]


def _least(machine: Machine, key: str, least: int, standard: str, impact: int, why: str) -> Requirement:
    subject, value = Subject(key, f"{least} or more", standard, impact, required=False), machine.sysctl(key)
    if value is None or not value.isdigit():
        return subject.not_applicable("not visible here: a network namespace")
    return subject.judged(int(value) >= least, value, f"{_APPLY}: {why}")


def _reverse_path(machine: Machine) -> Requirement:
    strict = [name for name in machine.names("/proc/sys/net/ipv4/conf") if _effective(machine, name) == 1]
    found = f"strict on {', '.join(strict[:4])}{' …' if len(strict) > 4 else ''}" if strict else "not strict"
    remedy = "with two uplinks, tunnel packets that come by the other one are dropped: sysctl -w net.ipv4.conf.all.rp_filter=2"
    return _REVERSE_PATH.judged(not strict, found, remedy)


def _effective(machine: Machine, name: str) -> int:
    """Return an interface's mode: the greater of its own and that of ``all`` (kernel documentation, ip-sysctl); 0 for these two names."""
    if name in {"all", "default", "lo"}:
        return 0
    own, everywhere = machine.sysctl(f"net.ipv4.conf.{name.replace('.', '/')}.rp_filter"), machine.sysctl("net.ipv4.conf.all.rp_filter")
    return max(int(own or 0), int(everywhere or 0))


def _bridge_netfilter(machine: Machine, family: str) -> Requirement:
    key = f"net.bridge.bridge-nf-call-{family}"
    subject = Subject(key, "0, unless CloudStack's security groups are used", "br_netfilter", impact=4, required=False)
    value = machine.sysctl(key)
    if value is None:
        return subject.not_applicable("br_netfilter is not loaded: bridged frames do not meet the host's firewall")
    return subject.judged(value == "0", value, "guests' frames run through the host's firewall: they cost more and may be dropped there")
