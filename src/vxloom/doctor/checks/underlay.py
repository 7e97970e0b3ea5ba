"""Do this host's own addresses, routes and MTUs carry the tunnels?"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterator

from vxloom.doctor.evidence import Device, Foreign, HostEvidence
from vxloom.doctor.finding import Fault, Finding, Severity
from vxloom.model.state import VxlanDevice

OVERHEAD = {4: 50, 6: 70}
"""Bytes VXLAN adds to a guest's packet, by the underlay's IP version (RFC 7348 section 5)."""
_SHOWN = 3
_LARGE = frozenset({"path-mtu-hole", "path-leg", "path-frames", "path-segments"})
_WAYS = frozenset({"path-closed", "path-loss", *_LARGE})

ADDRESS = Fault(
    code="vtep-address-gone",
    severity=Severity.ERROR,
    title="this host does not have the address its tunnels end at",
    meaning="Other hosts send to an address that nobody has, and drop what comes from another.",
    remedy="give the address back, or name the new one (`vtep` in agent.toml) and restart the agent",
    explains=frozenset({"route-missing", "route-source", *_WAYS}),
)
ROUTE = Fault(
    code="route-missing",
    severity=Severity.ERROR,
    title="there is no way to another host's VTEP",
    meaning="Machines there cannot be reached from here.",
    remedy="add the route: ip route get {where}; see what your routing daemon says",
    explains=_WAYS,
)
SOURCE = Fault(
    code="route-source",
    severity=Severity.WARNING,
    title="the way to a VTEP has another source address than this host's VTEP",
    meaning="Tunnels still use the VTEP's address; answers may come back by another way, which rp_filter or a firewall may drop.",
    remedy="ip route get {where}; give the route `src` the VTEP's address",
)
DEVICE_MTU = Fault(
    code="underlay-mtu-low",
    severity=Severity.ERROR,
    title="the underlay's device is too small for the networks' MTU",
    meaning="Small frames pass and large ones vanish: SSH logs in and hangs.",
    remedy="vxloom host apply --only mtu",
    explains=_LARGE | {"path-mtu-low"},
)
PATH_MTU = Fault(
    code="path-mtu-low",
    severity=Severity.ERROR,
    title="a router on the way says that it carries less than the networks' MTU",
    meaning="Large frames to machines behind that VTEP are dropped.",
    remedy="raise the MTU of every link on the way to {where}; then, as this is remembered for ten minutes: ip route flush cache",
    explains=_LARGE,
)
FAULTS = (ADDRESS, ROUTE, SOURCE, DEVICE_MTU, PATH_MTU)


def look(evidence: HostEvidence) -> Iterator[Finding]:
    """Follow the way to every other VTEP of this host's segments, as far as this host knows it."""
    if evidence.foreign is not None:
        yield from _others(evidence, evidence.foreign)
    if evidence.word is None:
        return
    vtep = evidence.word.vtep
    if vtep and vtep not in evidence.addresses and "addresses" not in evidence.unknown:
        yield ADDRESS.found(vtep, expected="an address of this host", seen=", ".join(sorted(evidence.addresses)[:6]) or "none")
    largest = max((each.mtu for each in evidence.desired.resources.values() if isinstance(each, VxlanDevice)), default=0)
    small: dict[str, list[str]] = defaultdict(list)
    for remote in sorted(evidence.word.remotes & evidence.routes.keys()):
        route = evidence.routes[remote]
        if not route.device:
            yield ROUTE.found(remote, remote=remote, expected="a route", seen="none")
            continue
        if route.source and route.source != vtep:
            yield SOURCE.found(remote, remote=remote, expected=vtep, seen=f"{route.source} by {route.device}")
        needed = largest + OVERHEAD[ipaddress.ip_address(remote).version]
        device = evidence.devices.get(route.device)
        if largest and device and device.mtu < needed:
            small[route.device].append(remote)
        elif largest and 0 < route.mtu < needed:
            yield PATH_MTU.found(remote, remote=remote, expected=f"{needed} bytes", seen=f"{route.mtu} bytes")
    for name, remotes in small.items():
        needed = largest + max(OVERHEAD[ipaddress.ip_address(remote).version] for remote in remotes)
        towards = f"{', '.join(remotes[:_SHOWN])}{' …' if len(remotes) > _SHOWN else ''}"
        yield DEVICE_MTU.found(name, expected=f"{needed} bytes, towards {towards}", seen=f"{evidence.devices[name].mtu} bytes")


def _others(evidence: HostEvidence, foreign: Foreign) -> Iterator[Finding]:
    """Do the same for VXLAN devices that others made, as far as the devices themselves tell what they want."""
    tunnels = [each for each in evidence.devices.values() if each.kind == "vxlan" and each.vni is not None and not each.ours]
    for local in sorted({each.local for each in tunnels if each.local} - evidence.addresses.keys()):
        if "addresses" not in evidence.unknown:
            yield ADDRESS.found(local, expected="an address of this host", seen=", ".join(sorted(evidence.addresses)[:6]) or "none")
    remotes = {remote for found in foreign.remotes.values() for remote in found}
    for remote in sorted(remotes & evidence.routes.keys()):
        if not evidence.routes[remote].device:
            yield ROUTE.found(remote, remote=remote, expected="a route", seen="none")
    small: dict[str, list[Device]] = defaultdict(list)
    for each in tunnels:
        ways = {evidence.routes[remote].device for remote in foreign.remotes.get(each.name, ()) if remote in evidence.routes}
        for name in {each.lower} if each.lower else ways:
            if name in evidence.devices and evidence.devices[name].mtu < _outer(each):
                small[name].append(each)
    for name, found in small.items():
        named = f"{', '.join(each.name for each in found[:_SHOWN])}{' …' if len(found) > _SHOWN else ''}"
        expected = f"{max(map(_outer, found))} bytes, for {named}"
        yield DEVICE_MTU.found(name, expected=expected, seen=f"{evidence.devices[name].mtu} bytes")


def _outer(tunnel: Device) -> int:
    return tunnel.mtu + OVERHEAD[6 if ":" in tunnel.local + tunnel.group else 4]
