"""What is asked of a host: each row judged from what the machine says, the most important first."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.prepare.fakes import Fake, link, ok, row
from vxloom.errors import PrepareError
from vxloom.prepare import requirement
from vxloom.prepare.machine import Done, Machine
from vxloom.prepare.requirement import Requirement, Verdict
from vxloom.prepare.requirements import kernel, limits, platform, pruners, underlay
from vxloom.settings import HostSettings

SETTINGS = HostSettings(labels={"Guest": "cloudbr1", "Management": "cloudbr0"})
STACK = (
    link("cloudbr0", 1500, "bridge"),
    link("cloudbr1", 9000, "bridge"),
    link("eth0", 1500, master="cloudbr0"),
    link("bond0.100", 9000, "vlan", "cloudbr1", "bond0"),
    link("bond0", 9000, "bond"),
    link("eth1", 9000, master="bond0"),
    link("eth2", 1400, master="bond0"),
    link("vnet3", 1400, "tun", "cloudbr1"),
)
NO_TUNNELS = {"ip -d link show type vxlan": ok(), "ss ": ok()}


def test_the_lowest_mtu_below_the_label_counts_and_is_named(tmp_path: Path) -> None:
    rows = underlay.look(Fake(tmp_path, NO_TUNNELS, *STACK), SETTINGS)
    found = row(rows, "MTU of the underlay")
    assert (found.verdict, found.impact) == (Verdict.FAILED, 9)
    assert "eth2 1400" in found.found
    assert "vnet3" not in found.found
    assert "raises eth2" in found.remedy


@pytest.mark.parametrize(("mtu", "verdict", "jumbo"), [(1549, "failed", "warning"), (1550, "ok", "warning"), (9000, "ok", "ok")])
def test_room_for_the_overhead(tmp_path: Path, mtu: int, verdict: str, jumbo: str) -> None:
    rows = underlay.look(Fake(tmp_path, NO_TUNNELS, link("eth0", mtu)), HostSettings(labels={"Guest": "eth0"}))
    assert (row(rows, "MTU of the underlay").verdict, row(rows, "jumbo frames").verdict) == (verdict, jumbo)


@pytest.mark.parametrize(
    ("tunnels", "listeners", "verdict", "word"),
    [
        ("", "", "ok", "no tunnel yet"),
        ("vxlan id 5 dstport 4789 nolearning", "", "ok", "tunnels on 4789"),
        ("vxlan id 5 dstport 8472\nvxlan id 6 dstport 4789", "", "failed", "tunnels on 4789, 8472"),
        ("", 'UNCONN 0 0 *:4789 *:* users:(("x",pid=7,fd=3))', "failed", "a program listens"),
    ],
)
def test_everybodys_tunnels_are_on_one_port(tmp_path: Path, tunnels: str, listeners: str, verdict: str, word: str) -> None:
    said = {"ip -d link show type vxlan": ok(tunnels), "ss ": ok(listeners)}
    found = row(underlay.look(Fake(tmp_path, said, *STACK), SETTINGS), "UDP port of tunnels")
    assert found.verdict == verdict
    assert word in found.found
    assert ("8472" in found.remedy) == ("8472" in tunnels)


def test_names_cards_and_labels(tmp_path: Path) -> None:
    strange = (link("cloudbr1", 9000, "bridge"), link("lan0", 9000, master="cloudbr1"))
    same = HostSettings(labels={"Guest": "cloudbr1", "Management": "lan0"})
    rows = underlay.look(Fake(tmp_path, NO_TUNNELS | {"cat /sys/class/net/lan0/speed": ok("1000\n")}, *strange), same)
    assert row(rows, "interface names").verdict is Verdict.WARNING
    assert "both end on lan0" in row(rows, "management and guest labels").found
    assert (row(rows, "network card").verdict, row(rows, "network card").found) == (Verdict.WARNING, "lan0 1,000 Mbit/s")
    apart = underlay.look(Fake(tmp_path, NO_TUNNELS, *STACK), SETTINGS)
    assert row(apart, "management and guest labels").verdict is Verdict.OK
    assert row(apart, "network card").verdict is Verdict.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("made", "verdict"),
    [
        (ok(), "ok"),
        (Done(2, "", "RTNETLINK answers: Operation not supported"), "failed"),
        (Done(2, "", "Error: A VXLAN device with the specified VNI already exists."), "ok"),
    ],
)
def test_vxlan_is_there_when_a_device_can_be_made(tmp_path: Path, made: Done, verdict: str) -> None:
    assert row(kernel.look(Fake(tmp_path, {"ip link add": made}), SETTINGS), "VXLAN in the kernel").verdict == verdict


def test_limits_that_are_too_low_warn_and_those_not_visible_say_so(tmp_path: Path) -> None:
    machine = Fake(tmp_path, {})
    for name, text in {
        "net/ipv4/igmp_max_memberships": "20",
        "net/ipv4/conf/all/rp_filter": "0",
        "net/ipv4/conf/eth0/rp_filter": "1",
        "net/ipv4/conf/eth1.7/rp_filter": "2",
        "net/bridge/bridge-nf-call-iptables": "1",
    }.items():
        file = tmp_path / "proc/sys" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    rows = limits.look(machine, SETTINGS)
    assert row(rows, "net.ipv4.igmp_max_memberships").verdict is Verdict.WARNING
    assert row(rows, "net.ipv4.neigh.default.gc_thresh3").verdict is Verdict.NOT_APPLICABLE
    assert row(rows, "net.ipv4.conf.*.rp_filter").found == "strict on eth0"
    assert row(rows, "net.bridge.bridge-nf-call-iptables").verdict is Verdict.WARNING
    assert row(rows, "net.bridge.bridge-nf-call-arptables").verdict is Verdict.NOT_APPLICABLE


def test_programs_that_would_take_our_devices_away(tmp_path: Path) -> None:
    running = {"systemctl is-active": ok()}
    rows = pruners.look(Fake(tmp_path, running), SETTINGS)
    assert [one.verdict for one in rows] == [Verdict.WARNING, Verdict.WARNING]
    tame = Fake(tmp_path, running)
    tame.write("/etc/systemd/networkd.conf.d/a.conf", "[Network]\nManageForeignRoutes=no\n")
    tame.write("/etc/NetworkManager/conf.d/v.conf", "[keyfile]\nunmanaged-devices=interface-name:vxlan*;interface-name:brvx-*\n")
    assert [one.verdict for one in pruners.look(tame, SETTINGS)] == [Verdict.OK, Verdict.OK]
    assert [one.verdict for one in pruners.look(Fake(tmp_path, {}), SETTINGS)] == [Verdict.NOT_APPLICABLE] * 2


@pytest.mark.parametrize(("version", "verdict"), [("4.22.0.0", "ok"), ("1:4.11.3", "ok"), ("4.9.2", "failed")])
def test_the_version_of_cloudstacks_agent(tmp_path: Path, version: str, verdict: str) -> None:
    machine = Fake(tmp_path, {"dpkg-query": ok(version)})
    assert row(platform.look(machine, SETTINGS), "CloudStack agent").verdict is Verdict.NOT_APPLICABLE
    machine.write(platform.AGENT_PROPERTIES, "")
    assert row(platform.look(machine, SETTINGS), "CloudStack agent").verdict == verdict


def test_rows_come_by_impact_and_one_that_cannot_be_looked_at_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(machine: Machine, settings: HostSettings) -> list[Requirement]:
        raise PrepareError("no iproute2", remedy="install it")

    monkeypatch.setattr(requirement, "registry", lambda: {"kernel": kernel.look, "underlay": broken, "limits": limits.look})
    rows = requirement.check(Fake(tmp_path, {"ip link add": ok()}), SETTINGS)
    impacts = [one.impact for one in rows]
    assert impacts == sorted(impacts, reverse=True)
    assert row(rows, "underlay").verdict is Verdict.FAILED
    assert "install it" in row(rows, "underlay").remedy
