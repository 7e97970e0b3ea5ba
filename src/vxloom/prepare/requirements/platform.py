"""The machine itself: rights, programs, hypervisor, resources, clock."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vxloom.prepare.machine import Machine
from vxloom.prepare.requirement import Requirement, Subject
from vxloom.settings import HostSettings

_KIB_PER_GIB = 1 << 20
_LEAST_CLOUDSTACK = (4, 11)
AGENT_PROPERTIES = "/etc/cloudstack/agent/agent.properties"
SERVER_PLACES = ("/var/lib/vxloom/server", "/etc/cloudstack/management")

_ROOT = Subject("root", "uid 0", "capabilities(7)", impact=10)
_IPROUTE2 = Subject("iproute2", "installed", "netlink", impact=10)
_KVM = Subject("KVM", "a machine can be made", "KVM", impact=7, required=False)
_LIBVIRT = Subject("libvirt", "libvirtd or virtqemud", "libvirt", impact=7, required=False)
_CLOUDSTACK = Subject("CloudStack agent", "4.11 or later", "Apache CloudStack", impact=6, floor="4.11")
_CLOCK = Subject("clock", "synchronised", "NTP", impact=6, required=False)
_HYPERVISOR = Subject("resources of a hypervisor", "4 cores, 8 GiB", "the manual", impact=5, required=False)
_SERVER = Subject("resources of a management server", "8 cores, 16 GiB", "the manual", impact=5, required=False)


def look(machine: Machine, settings: HostSettings) -> Sequence[Requirement]:
    """Return the rows about the machine."""
    return [
        _ROOT.judged(machine.uid() == 0, f"uid {machine.uid()}", "run with sudo"),
        _iproute2(machine),
        _kvm(machine),
        _libvirt(machine),
        _cloudstack(machine),
        _resources(machine, _HYPERVISOR, 4, 8),
        _resources(machine, _SERVER, 8, 16)
        if any(machine.exists(place) for place in SERVER_PLACES)
        else _SERVER.not_applicable("no management server is installed here"),
        _clock(machine),
    ]


def _iproute2(machine: Machine) -> Requirement:
    done = machine.run("ip", "-V")
    version = re.search(r"iproute2-([\w.]+)", done.output)
    return _IPROUTE2.judged(done.status == 0, version[1] if version else done.words, "apt-get install iproute2")


def _kvm(machine: Machine) -> Requirement:
    remedy = "switch virtualisation on in the firmware and load kvm_intel or kvm_amd; without it guests are emulated, slowly"
    why_not = machine.refuses_guests()
    return _KVM.judged(not why_not, why_not or "one could be made", remedy)


def _libvirt(machine: Machine) -> Requirement:
    program = next((name for name in ("libvirtd", "virtqemud") if machine.has(name)), "")
    remedy = "apt-get install libvirt-daemon-system; guests other than namespaces need it"
    return _LIBVIRT.judged(bool(program), program or "not installed", remedy)


def _cloudstack(machine: Machine) -> Requirement:
    if not machine.exists(AGENT_PROPERTIES):
        return _CLOUDSTACK.not_applicable("CloudStack's agent is not installed: vxloom's own is used")
    version = _package_version(machine, "cloudstack-agent")
    found = ".".join(map(str, version)) if version else "its version is told by neither dpkg nor rpm"
    return _CLOUDSTACK.judged(version is not None and version >= _LEAST_CLOUDSTACK, found, "upgrade cloudstack-agent")


def _package_version(machine: Machine, package: str) -> tuple[int, ...] | None:
    told = machine.run("dpkg-query", "-W", "-f=${Version}", package)
    if told.status:
        told = machine.run("rpm", "-q", "--qf", "%{VERSION}", package)
    found = re.match(r"(?:\d+:)?(\d+)\.(\d+)", told.output) if told.status == 0 else None
    return tuple(map(int, found.groups())) if found else None


def _resources(machine: Machine, subject: Subject, cores: int, memory: int) -> Requirement:
    here = len(re.findall(r"^processor\s*:", machine.read("/proc/cpuinfo") or "", re.MULTILINE))
    total = re.search(r"^MemTotal:\s*(\d+) kB", machine.read("/proc/meminfo") or "", re.MULTILINE)
    if not here or not total:
        return subject.not_applicable("/proc tells neither processors nor memory")
    gib = int(total[1]) / _KIB_PER_GIB
    good = here >= cores and gib >= memory * 0.95  # firmware and kernel keep some for themselves
    return subject.judged(good, f"{here} cores, {gib:.0f} GiB", "a small lab works with less")


def _clock(machine: Machine) -> Requirement:
    good = machine.synchronised()
    remedy = "run systemd-timesyncd or chrony: certificates and signatures have an expiry"
    return _CLOCK.judged(good, "synchronised" if good else "not synchronised", remedy)
