"""Does the intent contradict itself? Every finding is a value with a remedy; nothing here ever raises."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vxloom.compiler.packing import NOWHERE, pack_mac, pack_one_ip
from vxloom.model.addresses import VNI_MAX, VNI_MIN, is_v4, unpack_ip
from vxloom.model.intent import BindingState, Intent, Network, Nic


@dataclass(frozen=True, slots=True)
class Problem:
    """One contradiction. ``code`` is stable, for programs; the rest is for people."""

    code: str
    subject: str
    """What it is about: "nic <id>", "network <id>", "host <id>"."""
    text: str
    remedy: str

    def __str__(self) -> str:
        """Return the line a person reads."""
        return f"{self.subject}: {self.text} ({self.remedy})"


def validate(intent: Intent) -> tuple[Problem, ...]:
    """Return everything that contradicts itself, in the order of :data:`CHECKS` and then of ids."""
    return tuple(problem for check in CHECKS for problem in check(intent))


def _vnis(intent: Intent) -> Iterator[Problem]:
    owners: defaultdict[int, list[str]] = defaultdict(list)
    for network in _networks(intent):
        owners[network.vni].append(network.id)
        if not VNI_MIN <= network.vni <= VNI_MAX:
            yield Problem("vni-range", f"network {network.id}", f"VNI {network.vni} is out of range", f"give {VNI_MIN} to {VNI_MAX}")
    for vni, ids in sorted(owners.items()):
        for other in ids[1:]:
            yield Problem("vni-twice", f"network {other}", f"VNI {vni} is network {ids[0]}'s", "give one of them a VNI of its own")


def _hosts(intent: Intent) -> Iterator[Problem]:
    numbers: dict[int, str] = {}
    vteps: dict[tuple[int, int], str] = {}
    families: set[bool] = set()
    for host in sorted(intent.hosts, key=lambda host: host.id):
        subject, vtep = f"host {host.id}", pack_one_ip(host.vtep)
        if numbers.setdefault(host.number, host.id) != host.id:
            yield Problem("host-number", subject, f"number {host.number} is host {numbers[host.number]}'s", "report this as a defect")
        if vtep == NOWHERE:
            yield Problem("vtep-missing", subject, f"its VTEP {host.vtep!r} is no address", "let its agent join, or give the address")
        elif vteps.setdefault(vtep, host.id) != host.id:
            yield Problem("vtep-twice", subject, f"its VTEP {host.vtep} is host {vteps[vtep]}'s", "give each host its own address")
        else:
            families.add(is_v4(*vtep))
    if len(families) > 1:
        yield Problem(
            "vtep-families",
            f"zone {intent.zone}",
            "some VTEPs are IPv4 and some IPv6, which cannot reach each other",
            "use one address family for the underlay",
        )


def _bindings(intent: Intent) -> Iterator[Problem]:
    hosts = {host.id for host in intent.hosts}
    networks = {network.id for network in intent.networks}
    for nic in _nics(intent):
        subject = f"nic {nic.id}"
        if nic.network not in networks:
            yield Problem("nic-network", subject, f"network {nic.network} is not there", "give it a network or delete it")
        for host in sorted({binding.host for binding in nic.bindings} - hosts):
            yield Problem("binding-host", subject, f"it is bound to host {host}, which is not there", "move or stop its VM")
        active = sorted(binding.host for binding in nic.bindings if binding.state is BindingState.ACTIVE)
        if len(active) > 1:
            yield Problem(
                "binding-twice",
                subject,
                f"it is active on {' and '.join(active)} at once; the later binding counts",
                "let the move end, or stop and start its VM",
            )


def _macs(intent: Intent) -> Iterator[Problem]:
    for network, nics in _by_network(intent):
        shared = _shared(nics)
        owners: dict[int, str] = {}
        for nic in nics:
            mac = pack_mac(nic.mac)
            if not mac:
                yield Problem("mac-form", f"nic {nic.id}", f"{nic.mac!r} is not a unicast MAC address", "give it as 02:00:00:00:00:01")
            elif mac not in shared and owners.setdefault(mac, nic.id) != nic.id:
                yield Problem(
                    "mac-twice",
                    f"nic {nic.id}",
                    f"MAC {nic.mac} is nic {owners[mac]}'s in network {network.id}",
                    "give one of them another, or declare it shared on both",
                )


def _ips(intent: Intent) -> Iterator[Problem]:
    for network, nics in _by_network(intent):
        shared, prefixes = _shared(nics), _prefixes(network)
        owners: dict[tuple[int, int], str] = {}
        for nic in nics:
            for text in nic.ips:
                subject, ip = f"nic {nic.id}", pack_one_ip(text)
                if ip == NOWHERE:
                    yield Problem("ip-form", subject, f"{text!r} is not an IP address", "give it as 10.1.1.5 or fd00:1::5")
                    continue
                if ip not in shared and owners.setdefault(ip, nic.id) != nic.id:
                    yield Problem(
                        "ip-twice",
                        subject,
                        f"IP {text} is nic {owners[ip]}'s in network {network.id}",
                        "give one of them another, or declare it shared on both",
                    )
                if prefixes and not any(unpack_ip(*ip) in prefix for prefix in prefixes):
                    yield Problem(
                        "ip-outside",
                        subject,
                        f"IP {text} is outside {', '.join(map(str, prefixes))} of network {network.id}",
                        "give it an address of the network",
                    )


def _cidrs(intent: Intent) -> Iterator[Problem]:
    for network in _networks(intent):
        for text in network.prefixes:
            if _prefix(text) is None:
                yield Problem("prefix-form", f"network {network.id}", f"{text!r} is not a CIDR", "write it as 10.1.1.0/24")


def _sharing(intent: Intent) -> Iterator[Problem]:
    for nic in _nics(intent):
        for text in nic.shared:
            if not pack_mac(text) and pack_one_ip(text) == NOWHERE:
                yield Problem("shared-form", f"nic {nic.id}", f"{text!r} is neither a MAC nor an IP", "correct the shared address")
        for text in sorted(set(nic.held) - set(nic.shared)):
            yield Problem("held-unshared", f"nic {nic.id}", f"it holds {text}, which it does not share", "report this as a defect")


CHECKS: tuple[Callable[[Intent], Iterator[Problem]], ...] = (_vnis, _cidrs, _hosts, _bindings, _macs, _ips, _sharing)


def _networks(intent: Intent) -> list[Network]:
    return sorted(intent.networks, key=lambda network: network.id)


def _nics(intent: Intent) -> list[Nic]:
    return sorted(intent.nics, key=lambda nic: nic.id)


def _by_network(intent: Intent) -> Iterator[tuple[Network, list[Nic]]]:
    nics: defaultdict[str, list[Nic]] = defaultdict(list)
    for nic in _nics(intent):
        nics[nic.network].append(nic)
    for network in _networks(intent):
        yield network, nics[network.id]


def _shared(nics: list[Nic]) -> set[int | tuple[int, int]]:
    """Return what several NICs of a segment may hold: MACs as numbers, IPs as pairs."""
    return {pack_mac(text) or pack_one_ip(text) for nic in nics for text in nic.shared}


def _prefixes(network: Network) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return [prefix for prefix in map(_prefix, network.prefixes) if prefix is not None]


def _prefix(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
