"""Every row of `vxloom host check`: on which evidence it is well, not well, or has no meaning here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.unit.prepare.fakes import Fake, link, ok, row
from vxloom.prepare import requirement
from vxloom.prepare.machine import Done, Link, Machine
from vxloom.prepare.requirement import Verdict
from vxloom.settings import HostSettings

OK, FAILED, WARNING, NOT_APPLICABLE = "ok", "failed", "warning", "not applicable"
NETWORKD, NETWORK_MANAGER = ({f"systemctl is-active --quiet {name}.service": ok()} for name in ("systemd-networkd", "NetworkManager"))
IPV6 = {"ip -j address": ok('[{"addr_info":[{"family":"inet6"}]}]')}
DROPPED = {"iptables-nft-save": ok("*filter\n:INPUT DROP [0:0]\nCOMMIT\n")}
TRACKED = {"iptables-nft-save": ok("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n")}
NOTHING = {"ip -d link show type vxlan": ok(), "ip -j -d link show": ok("[]")}
"""Neither a tunnel nor a bond."""
SPEED = {"cat /sys/class/net/eth0/speed": ok("1000\n")}


def sysctls(**values: str) -> dict[str, str]:
    """``net_ipv4_x=…`` as files below /proc/sys."""
    return {f"/proc/sys/{name.replace('__', '/')}": value for name, value in values.items()}


def thresholds(family: str, *values: str) -> dict[str, str]:
    return {f"/proc/sys/net/{family}/neigh/default/gc_thresh{number}": value for number, value in enumerate(values, 1)}


def resources(cores: int, gib: float) -> dict[str, str]:
    return {"/proc/cpuinfo": "processor\t: 0\nmodel name\t: x\n" * cores, "/proc/meminfo": f"MemTotal:  {int(gib * 2**20)} kB\n"}


def unmanaged(devices: str) -> dict[str, str]:
    return {"/usr/lib/NetworkManager/conf.d/v.conf": f"[keyfile]\nunmanaged-devices={devices}\n"}


def foreign(value: str, folder: str = "/etc/systemd/networkd.conf.d") -> dict[str, str]:
    return {f"{folder}/a.conf": f"[Network]\nManageForeignRoutes={value}\n"}


@dataclass(frozen=True)
class Case:
    """What a machine is like, and how one row judges it."""

    name: str
    verdict: str
    found: str = ""
    said: Mapping[str, Done] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    links: tuple[Link, ...] = (link("eth0", 9000),)
    labels: Mapping[str, str] = field(default_factory=lambda: {"Guest": "eth0"})
    port: int = 4789
    user: int = 0
    clock: bool = True
    kvm: str = ""


BRIDGED = (link("cloudbr1", 9000, "bridge"), link("bond0.7", 9000, "vlan", "cloudbr1", "bond0"), link("bond0", 9000, "bond"))
GUEST = {"Guest": "cloudbr1"}
BOTH = {"Guest": "cloudbr1", "Management": "cloudbr0"}
CASES = [
    Case("VXLAN in the kernel", OK, "a device could be made", {"ip link add": ok()}),
    Case("VXLAN in the kernel", OK, said={"ip link add": Done(2, "", "A VXLAN device with the specified VNI already exists.")}),
    Case("VXLAN in the kernel", FAILED, "not supported", {"ip link add": Done(2, "", "Operation not supported")}),
    Case("iproute2", OK, "6.1.0", {"ip -V": ok("ip utility, iproute2-6.1.0, libbpf 1.1.0\n")}),
    Case("iproute2", FAILED, "no such program"),
    Case("kernel release", OK, "6.1.0-13-amd64", files=sysctls(kernel__osrelease="6.1.0-13-amd64")),
    Case("kernel release", FAILED, "5.10.0-9-amd64", files=sysctls(kernel__osrelease="5.10.0-9-amd64")),
    Case("kernel release", FAILED, "unknown"),
    Case("root", OK, "uid 0"),
    Case("root", FAILED, "uid 7", user=7),
    Case("MTU of the underlay", OK, "eth0 1550", links=(link("eth0", 1550),)),
    Case("MTU of the underlay", FAILED, "eth0 1549", links=(link("eth0", 1549),)),
    Case("MTU of the underlay", OK, "eth0 1570", IPV6, links=(link("eth0", 1570),)),
    Case("MTU of the underlay", FAILED, "eth0 1569", IPV6, links=(link("eth0", 1569),)),
    Case("MTU of the underlay", FAILED, "eth1 1500", links=(*BRIDGED, link("eth1", 1500, master="bond0")), labels=GUEST),
    Case("MTU of the underlay", FAILED, "no device nothere", labels={"Guest": "nothere"}),
    Case("MTU of the underlay", FAILED, "no label Guest, no default route", labels={}),
    Case("MTU of the underlay", OK, "eth0 9000", {"ip -4 route": ok("default via 192.0.2.254 dev eth0")}, labels={}),
    Case("room for tunnels", OK, "all 1 within 8950", links=(link("eth0", 9000), link("vxlan7", 8950, "vxlan"))),
    Case("room for tunnels", WARNING, "vxlan7 1500", links=(link("eth0", 1500), link("vxlan7", 1500, "vxlan"))),
    Case("room for tunnels", WARNING, "vxlan7 8950", IPV6, links=(link("eth0", 9000), link("vxlan7", 8950, "vxlan"))),
    Case("room for tunnels", NOT_APPLICABLE),
    Case("UDP port of tunnels", OK, "no tunnel yet"),
    Case("UDP port of tunnels", OK, "tunnels on 8472", {"ip -d link show type vxlan": ok("id 5 dstport 8472")}, port=8472),
    Case("UDP port of tunnels", FAILED, "tunnels on 4789, 8472", {"ip -d link show type vxlan": ok("dstport 8472\ndstport 4789")}),
    Case("UDP port of tunnels", FAILED, "a program listens on 4789", {"ss -Hulnp sport = :4789": ok('*:4789 users:(("x",pid=7))')}),
    Case("firewall", OK, "passes (nft)", {"nft -j": ok('{"nftables": []}')}),
    Case("firewall", FAILED, "iptables filter INPUT stops 4789/udp (policy drop)", DROPPED),
    Case("firewall", FAILED, "stops 8472/udp", DROPPED, port=8472),
    Case("firewall", WARNING, "it cannot be told"),
    Case("KVM", OK, "one could be made"),
    Case("KVM", WARNING, "/dev/kvm: No such file", kvm="/dev/kvm: No such file"),
    Case("libvirt", OK, "virtqemud", {"virtqemud": ok()}),
    Case("libvirt", WARNING, "not installed"),
    Case("CloudStack agent", OK, "4.22", {"dpkg-query": ok("4.22.0.0")}, {"/etc/cloudstack/agent/agent.properties": ""}),
    Case("CloudStack agent", OK, "4.11", {"rpm": ok("4.11.3")}, {"/etc/cloudstack/agent/agent.properties": ""}),
    Case("CloudStack agent", FAILED, "4.9", {"dpkg-query": ok("4.9.2")}, {"/etc/cloudstack/agent/agent.properties": ""}),
    Case("CloudStack agent", FAILED, "neither dpkg nor rpm", files={"/etc/cloudstack/agent/agent.properties": ""}),
    Case("CloudStack agent", NOT_APPLICABLE),
    Case("clock", OK, "synchronised"),
    Case("clock", WARNING, "not synchronised", clock=False),
    Case("interface names", OK, "eth0"),
    Case("interface names", WARNING, "lan0", links=(link("lan0", 9000),), labels={"Guest": "lan0"}),
    Case("interface names", NOT_APPLICABLE, labels={}),
    Case("jumbo frames", OK, "9000"),
    Case("jumbo frames", WARNING, "1550", links=(link("eth0", 1550),)),
    Case("jumbo frames", NOT_APPLICABLE, labels={}),
    Case("latest kernel", OK, "6.1.0-18", files=sysctls(kernel__osrelease="6.1.0-18") | {"/boot/vmlinuz-6.1.0-9": ""}),
    Case("latest kernel", WARNING, "6.1.0-9 of 6.1.0-18", files=sysctls(kernel__osrelease="6.1.0-9") | {"/boot/vmlinuz-6.1.0-18": ""}),
    Case("latest kernel", NOT_APPLICABLE),
    Case("net.ipv4.igmp_max_memberships", OK, "4096", files=sysctls(net__ipv4__igmp_max_memberships="4096")),
    Case("net.ipv4.igmp_max_memberships", WARNING, "20", files=sysctls(net__ipv4__igmp_max_memberships="20")),
    Case("net.ipv4.igmp_max_memberships", NOT_APPLICABLE),
    Case("net.ipv4.neigh.default.gc_thresh*", OK, files=thresholds("ipv4", "8192", "32768", "65536")),
    Case("net.ipv4.neigh.default.gc_thresh*", WARNING, "128, 512, 65536", files=thresholds("ipv4", "128", "512", "65536")),
    Case("net.ipv4.neigh.default.gc_thresh*", NOT_APPLICABLE),
    Case("net.ipv6.neigh.default.gc_thresh*", OK, files=thresholds("ipv6", "8192", "32768", "65536")),
    Case("net.ipv6.neigh.default.gc_thresh*", WARNING, files=thresholds("ipv6", "8192", "32768", "1024")),
    Case("net.ipv6.neigh.default.gc_thresh*", NOT_APPLICABLE),
    Case("net.core.netdev_max_backlog", OK, files=sysctls(net__core__netdev_max_backlog="10000")),
    Case("net.core.netdev_max_backlog", WARNING, "1000", files=sysctls(net__core__netdev_max_backlog="1000")),
    Case("net.core.netdev_max_backlog", NOT_APPLICABLE),
    Case("network card", OK, "eth0 25,000 Mbit/s", {"cat /sys/class/net/eth0/speed": ok("25000\n")}),
    Case("network card", WARNING, "eth0 1,000 Mbit/s", SPEED),
    Case("network card", NOT_APPLICABLE, said={"cat /sys/class/net/eth0/speed": ok("-1\n")}),
    Case("resources of a hypervisor", OK, "4 cores, 8 GiB", files=resources(4, 7.7)),
    Case("resources of a hypervisor", WARNING, "2 cores, 8 GiB", files=resources(2, 8)),
    Case("resources of a hypervisor", WARNING, "8 cores, 7 GiB", files=resources(8, 7)),
    Case("resources of a hypervisor", NOT_APPLICABLE),
    Case("resources of a management server", OK, files=resources(8, 16) | {"/var/lib/vxloom/server/x": ""}),
    Case("resources of a management server", WARNING, files=resources(4, 16) | {"/etc/cloudstack/management/db.properties": ""}),
    Case("resources of a management server", NOT_APPLICABLE, files=resources(4, 16)),
    Case("NetworkManager", OK, said=NETWORK_MANAGER, files=unmanaged("interface-name:vxlan*;interface-name:brvx-*")),
    Case("NetworkManager", WARNING, "interface-name:vxlan*", NETWORK_MANAGER, unmanaged("interface-name:vxlan*")),
    Case("NetworkManager", WARNING, "nothing unmanaged", NETWORK_MANAGER),
    Case("NetworkManager", NOT_APPLICABLE),
    Case("systemd-networkd", OK, said=NETWORKD, files=foreign("no")),
    Case("systemd-networkd", OK, said=NETWORKD, files=foreign("no") | foreign("yes", "/usr/lib/systemd/networkd.conf.d")),
    Case("systemd-networkd", WARNING, "ManageForeignRoutes=yes", NETWORKD),
    Case("systemd-networkd", NOT_APPLICABLE),
    Case("conntrack of tunnel traffic", OK, "no rule", {"nft -j": ok('{"nftables": []}')}),
    Case("conntrack of tunnel traffic", WARNING, "tracked", TRACKED),
    Case("conntrack of tunnel traffic", NOT_APPLICABLE),
    Case("net.bridge.bridge-nf-call-*", OK, "iptables 0", files={"/proc/sys/net/bridge/bridge-nf-call-iptables": "0"}),
    Case("net.bridge.bridge-nf-call-*", WARNING, "ip6tables 1", files={"/proc/sys/net/bridge/bridge-nf-call-ip6tables": "1"}),
    Case("net.bridge.bridge-nf-call-*", NOT_APPLICABLE),
    Case("net.ipv4.conf.*.rp_filter", OK, "not strict", files=sysctls(net__ipv4__conf__eth0__rp_filter="2")),
    Case("net.ipv4.conf.*.rp_filter", WARNING, "strict on eth0", files=sysctls(net__ipv4__conf__eth0__rp_filter="1")),
    Case(
        "net.ipv4.conf.*.rp_filter",
        OK,
        files=sysctls(net__ipv4__conf__eth0__rp_filter="1", net__ipv4__conf__all__rp_filter="2"),
    ),
    Case(
        "management and guest labels",
        OK,
        "on different cards",
        links=(*BRIDGED, link("eth1", master="bond0"), link("cloudbr0", 1500, "bridge"), link("eth0", master="cloudbr0")),
        labels=BOTH,
    ),
    Case(
        "management and guest labels",
        WARNING,
        "both end on eth1",
        links=(
            *BRIDGED,
            link("eth1", master="bond0"),
            link("cloudbr0", 1500, "bridge"),
            link("bond0.8", 1500, "vlan", "cloudbr0", "bond0"),
        ),
        labels=BOTH,
    ),
    Case("management and guest labels", NOT_APPLICABLE),
]
ALWAYS = {
    "VXLAN in the kernel",
    "iproute2",
    "kernel release",
    "root",
    "MTU of the underlay",
    "UDP port of tunnels",
    "firewall",
    "KVM",
    "libvirt",
    "clock",
    "net.ipv4.conf.*.rp_filter",
}
"""Rows that have a meaning on every machine."""


def checked(case: Case, root: Path) -> list[requirement.Requirement]:
    machine = Fake(root, NOTHING | dict(case.said), *case.links)
    machine.user, machine.clock, machine.kvm = case.user, case.clock, case.kvm
    for name, text in case.files.items():
        machine.write(name, text)
    return requirement.check(machine, HostSettings(labels=dict(case.labels), tunnel_port=case.port))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}: {case.verdict}")
def test_a_row_is_judged_by_evidence(case: Case, tmp_path: Path) -> None:
    found = row(checked(case, tmp_path), case.name)
    assert found.verdict == case.verdict, found
    assert case.found in found.found
    assert bool(found.remedy) == (case.verdict != OK), "what is not well, or has no meaning here, says what to do or why"
    assert found.required or case.verdict != FAILED
    assert 1 <= found.impact <= 10


def test_every_row_is_seen_well_and_not_well(tmp_path: Path) -> None:
    names = {one.name for one in checked(Case("", ""), tmp_path)} - {"bonds"}  # a row for each bond: test_bonds
    seen = {name: {case.verdict for case in CASES if case.name == name} for name in names}
    assert {case.name for case in CASES} == names
    assert {name for name, verdicts in seen.items() if OK not in verdicts or not verdicts & {FAILED, WARNING}} == set()
    assert {name for name, verdicts in seen.items() if NOT_APPLICABLE not in verdicts} == ALWAYS


def test_the_impacts_are_the_manuals(tmp_path: Path) -> None:
    impacts = {one.name: one.impact for one in checked(Case("", ""), tmp_path)}
    asked = {"VXLAN in the kernel": 10, "MTU of the underlay": 9, "UDP port of tunnels": 8, "firewall": 8, "KVM": 7, "CloudStack agent": 6}
    assert {name: impacts[name] for name in asked} == asked
    assert list(impacts.values()) == sorted(impacts.values(), reverse=True)


def test_kvm_is_asked_to_make_a_machine(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert machine.refuses_guests() == "/dev/kvm: No such file or directory"
    machine.write("/dev/kvm", "")
    assert machine.refuses_guests() == "/dev/kvm makes none: Inappropriate ioctl for device"


def test_a_row_that_nothing_can_judge_does_not_fail_the_machine(tmp_path: Path) -> None:
    found = row(checked(Case("", ""), tmp_path), "firewall")
    assert (found.required, found.verdict) == (True, Verdict.WARNING)
