"""Are VXLAN networks whole that CloudStack's scripts or a hand made? Asked where no agent of ours is."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from vxloom.doctor.evidence import Device, HostEvidence
from vxloom.doctor.finding import Fault, Finding, Severity

_TUNNEL = re.compile(r"vxlan\d+")
_BRIDGE = re.compile(r"brvx-(\d+)")
"""As CloudStack's modifyvxlan.sh names them; devices of other programs have a life of their own."""
_SHOWN = 3

ALONE = Fault(
    code="vxlan-unbridged",
    severity=Severity.ERROR,
    title="a VXLAN device is on no bridge",
    meaning="What arrives for the network ends there: machines on this host are cut from those on others.",
    remedy="ip link set {where} master BRIDGE; look for “Failed to create” in CloudStack's agent.log (vxloom logs)",
    explains=frozenset({"bridge-without-vxlan"}),
)
EMPTY = Fault(
    code="bridge-without-vxlan",
    severity=Severity.ERROR,
    title="the bridge of a VXLAN network has no VXLAN device",
    meaning="Machines on it reach those on this host only.",
    remedy="stop the network's machines here and start one: CloudStack makes the device anew; vxloom logs tells why it failed",
)
DOWN = Fault(
    code="vxlan-down",
    severity=Severity.ERROR,
    title="a VXLAN device is down",
    meaning="The network is cut on this host.",
    remedy="ip link set {where} up, and see what it says",
)
PORTS = Fault(
    code="vxlan-ports-mixed",
    severity=Severity.WARNING,
    title="VXLAN devices of this host use different UDP ports",
    meaning="Hosts that use another port for a network do not hear this one: 8472 is the kernel's old default, 4789 the standard's.",
    remedy="ip -d link show type vxlan on the other hosts tells which they use: make all alike, and let that in at the firewall",
)
TWICE = Fault(
    code="vni-twice",
    severity=Severity.ERROR,
    title="two VXLAN devices of this host have one VNI",
    meaning="Each hears only one UDP port or underlay: machines of one network are divided.",
    remedy="find out which one is left over and delete it: ip link del NAME",
)
DOUBLE = Fault(
    code="mac-learnt-twice",
    severity=Severity.WARNING,
    title="a MAC was learnt on this host and from another one",
    meaning="A machine that has just moved, for five minutes; else two machines have one MAC, or the network has a loop.",
    remedy="look again in five minutes; then look for the MAC on both hosts: bridge fdb show | grep MAC",
)
FAULTS = (ALONE, EMPTY, DOWN, PORTS, TWICE, DOUBLE)


def look(evidence: HostEvidence) -> Iterator[Finding]:
    """Judge what is there by itself: nobody has told what there should be."""
    if evidence.foreign is None:
        return
    tunnels = [each for each in evidence.devices.values() if each.kind == "vxlan" and each.vni is not None and not each.ours]
    named = [each for each in tunnels if _TUNNEL.fullmatch(each.name)]
    yield from _bridges(evidence, named)
    for each in named:
        if not each.up:
            yield DOWN.found(each.name, expected="up", seen="down")
    ports: dict[int, list[str]] = defaultdict(list)
    for each in named:
        ports[each.udp_port].append(each.name)
    if len(ports) > 1:
        most = max(ports, key=lambda port: (len(ports[port]), port))
        odd = sorted(name for port, names in ports.items() if port != most for name in names)
        yield PORTS.found(_list(odd), expected=str(most), seen=", ".join(str(port) for port in sorted(ports) if port != most))
    vnis: dict[int, list[str]] = defaultdict(list)
    for each in tunnels:
        vnis[each.vni or 0].append(each.name)
    for vni, names in sorted(vnis.items()):
        if len(names) > 1:
            yield TWICE.found(", ".join(sorted(names)), expected=f"one device with VNI {vni}", seen=str(len(names)))
    for double in evidence.foreign.doubles:
        yield DOUBLE.found(double.tunnel, expected=f"{double.mac} in one place", seen=f"on {double.port} and at {double.remote}")


def _bridges(evidence: HostEvidence, named: list[Device]) -> Iterator[Finding]:
    bridged = {each.master for each in evidence.devices.values() if each.kind == "vxlan"}
    for each in named:
        if not each.master:
            yield ALONE.found(each.name, expected="on a bridge", seen="on none")
    for name, each in evidence.devices.items():
        if each.kind == "bridge" and _BRIDGE.fullmatch(name) and name not in bridged:
            yield EMPTY.found(name, expected="a VXLAN device on it", seen="none")


def _list(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
