"""The machine itself: rights, programs, hypervisor, resources, clock."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Sequence

from vxloom.prepare.machine import Machine
from vxloom.prepare.requirement import Requirement, Subject
from vxloom.settings import HostSettings

_GIB = 1 << 30
_LEAST_CLOUDSTACK = (4, 11)
AGENT_PROPERTIES = "/etc/cloudstack/agent/agent.properties"
SERVER_DATA = "/var/lib/vxloom/server"

_ROOT = Subject("root", "uid 0", "capabilities(7)", impact=10)
_IPROUTE2 = Subject("iproute2", "installed", "netlink", impact=10)
_KVM = Subject("KVM", "a virtual machine can be made", "KVM", impact=7, required=False)
_LIBVIRT = Subject("libvirt", "libvirtd or virtqemud", "libvirt", impact=7, required=False)
_CLOUDSTACK = Subject("CloudStack agent", "4.11 or later", "Apache CloudStack", impact=6, floor="4.11")
_CLOCK = Subject("clock", "synchronised", "NTP", impact=6, required=False)
_CREATE_VM = 0xAE01
"""ioctl KVM_CREATE_VM (linux/kvm.h)."""


def look(machine: Machine, settings: HostSettings) -> Sequence[Requirement]:
    """Return the rows about the machine."""
    return [
        _ROOT.judged(os.geteuid() == 0, f"uid {os.geteuid()}", "run with sudo"),
        _iproute2(machine),
        _kvm(machine),
        _libvirt(machine),
        _cloudstack(machine),
        _resources("hypervisor", 4, 8),
        _resources("management server", 8, 16) if machine.exists(SERVER_DATA) else _no_server(),
        _clock(machine),
    ]


def _iproute2(machine: Machine) -> Requirement:
    done = machine.run("ip", "-V")
    version = re.search(r"iproute2-([\w.]+)", done.output)
    return _IPROUTE2.judged(done.status == 0, version[1] if version else done.words, "apt-get install iproute2")


def _kvm(machine: Machine) -> Requirement:
    """Make a virtual machine: the device file may be there where the processor lets nobody use it."""
    remedy = "switch virtualisation on in the firmware and load kvm_intel or kvm_amd; without it guests are emulated, slowly"
    try:
        device = os.open(machine.path("/dev/kvm"), os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        return _KVM.judged(False, f"/dev/kvm: {error.strerror}", remedy)
    try:
        os.close(fcntl.ioctl(device, _CREATE_VM, 0))
    except OSError as error:
        return _KVM.judged(False, f"/dev/kvm makes none: {error.strerror}", remedy)
    finally:
        os.close(device)
    return _KVM.judged(True, "one could be made")


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


def _subject(role: str, cores: int, memory: int) -> Subject:
    return Subject(f"resources of a {role}", f"{cores} cores, {memory} GiB", "the manual", impact=5, required=False)


def _resources(role: str, cores: int, memory: int) -> Requirement:
    here = os.cpu_count() or 1
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB
    good = here >= cores and gib >= memory * 0.95  # firmware and kernel keep some for themselves
    return _subject(role, cores, memory).judged(good, f"{here} cores, {gib:.0f} GiB", "a small lab works with less")


def _no_server() -> Requirement:
    return _subject("management server", 8, 16).not_applicable("no server has run here")


def _clock(machine: Machine) -> Requirement:
    if not machine.exists("/run/systemd/system"):
        return _CLOCK.not_applicable("systemd, which would tell, does not run here")
    told = machine.run("timedatectl", "show", "-p", "NTPSynchronized", "--value")
    if told.status:
        return _CLOCK.not_applicable(f"timedatectl does not answer: {told.words}")
    good = told.output.strip() == "yes"
    remedy = "run systemd-timesyncd or chrony: certificates and signatures have an expiry"
    return _CLOCK.judged(good, "synchronised" if good else "not synchronised", remedy)
