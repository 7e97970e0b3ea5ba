"""What is asked of a host: each row judged from what the machine says, the most important first."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.prepare.fakes import Fake, link, ok, row
from vxloom.errors import PrepareError
from vxloom.prepare import requirement
from vxloom.prepare.machine import Machine
from vxloom.prepare.requirement import Requirement, Verdict
from vxloom.prepare.requirements import kernel, limits, underlay
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


def test_rows_come_by_impact_and_one_that_cannot_be_looked_at_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(machine: Machine, settings: HostSettings) -> list[Requirement]:
        raise PrepareError("no iproute2", remedy="install it")

    monkeypatch.setattr(requirement, "registry", lambda: {"kernel": kernel.look, "underlay": broken, "limits": limits.look})
    rows = requirement.check(Fake(tmp_path, {"ip link add": ok()}), SETTINGS)
    impacts = [one.impact for one in rows]
    assert impacts == sorted(impacts, reverse=True)
    assert row(rows, "underlay").verdict is Verdict.FAILED
    assert "install it" in row(rows, "underlay").remedy
