"""Kernel settings an overlay depends on."""

from __future__ import annotations

from collections.abc import Sequence

from vxloom.prepare.machine import Machine
from vxloom.prepare.requirement import Requirement, Subject
from vxloom.settings import HostSettings

_APPLY = "vxloom host apply --only sysctl"
_REVERSE_PATH = Subject("net.ipv4.conf.*.rp_filter", "0 or 2", "RFC 3704", impact=4, required=False)
_BRIDGE_NETFILTER = Subject("net.bridge.bridge-nf-call-*", "0", "br_netfilter", impact=4, required=False)


def look(machine: Machine, settings: HostSettings) -> Sequence[Requirement]:
    """Return the rows about kernel settings."""
    return [
        _least(machine, "net.ipv4.igmp_max_memberships", 4096, "IGMP", 5, "at 20 the 21st network in multicast mode fails"),
        *(_neighbours(machine, family, protocol) for family, protocol in (("ipv4", "ARP"), ("ipv6", "ND"))),
        _least(machine, "net.core.netdev_max_backlog", 10000, "VXLAN", 3, "what waits to be taken out of a tunnel is dropped beyond it"),
        _reverse_path(machine),
        _bridge_netfilter(machine),
    ]


def _least(machine: Machine, key: str, least: int, standard: str, impact: int, why: str) -> Requirement:
    subject, value = Subject(key, f"{least} or more", standard, impact, required=False), machine.sysctl(key)
    if value is None or not value.isdigit():
        return subject.not_applicable("not visible here: a network namespace")
    return subject.judged(int(value) >= least, value, f"{_APPLY}: {why}")


def _neighbours(machine: Machine, family: str, protocol: str) -> Requirement:
    """Judge the three limits of a neighbour table: below the first nothing is thrown away, at the third the table overflows."""
    key, least = f"net.{family}.neigh.default.gc_thresh", (8192, 32768, 65536)
    subject = Subject(f"{key}*", ", ".join(map(str, least)), protocol, impact=5, required=False)
    values = [machine.sysctl(f"{key}{number}") for number in (1, 2, 3)]
    if any(value is None for value in values):
        return subject.not_applicable("not visible here: a network namespace, or a kernel without that family")
    good = all(int(value or 0) >= wanted for value, wanted in zip(values, least, strict=True))
    return subject.judged(good, ", ".join(map(str, values)), f"{_APPLY}: the neighbours of every guest stand on its host's bridges")


def _reverse_path(machine: Machine) -> Requirement:
    devices = [name for name in machine.names("/proc/sys/net/ipv4/conf") if name not in {"all", "default", "lo"}]
    strict = [name for name in devices if machine.reverse_path(name) == 1]
    found = f"strict on {', '.join(strict[:4])}{' …' if len(strict) > 4 else ''}" if strict else "not strict"
    remedy = f"with two uplinks, tunnel packets that come by the other one are dropped: {_APPLY} makes the label Guest's device loose"
    return _REVERSE_PATH.judged(not strict, found, remedy)


def _bridge_netfilter(machine: Machine) -> Requirement:
    values = {family: machine.sysctl(f"net.bridge.bridge-nf-call-{family}") for family in ("iptables", "ip6tables", "arptables")}
    shown = ", ".join(f"{family} {value}" for family, value in values.items() if value is not None)
    if not shown:
        return _BRIDGE_NETFILTER.not_applicable("br_netfilter is not loaded: bridged frames do not meet the host's firewall")
    remedy = f"guests' frames run through the host's firewall, which costs and may drop them: bridge_netfilter = false, {_APPLY}"
    return _BRIDGE_NETFILTER.judged(set(values.values()) <= {"0", None}, shown, f"{remedy}; CloudStack's security groups need it so")
