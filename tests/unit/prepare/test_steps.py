"""Single steps on a machine made of files."""

from __future__ import annotations

from vxloom.prepare.changes import SetSysctl, WriteFile
from vxloom.prepare.machine import Machine
from vxloom.prepare.step import registry
from vxloom.prepare.steps import sysctl
from vxloom.settings import HostSettings


def test_limits_are_raised_now_and_for_the_next_boot(machine: Machine) -> None:
    changes = registry()["sysctl"].changes(machine, HostSettings())
    assert {(change.key, change.value) for change in changes if isinstance(change, SetSysctl)} == {
        ("net.ipv4.igmp_max_memberships", "4096"),
        ("net.ipv4.neigh.default.gc_thresh3", "65536"),
    }
    [file] = [change for change in changes if isinstance(change, WriteFile)]
    assert file.path == sysctl.FILE
    assert "net.ipv6.neigh.default.gc_thresh3 = 65536\n" in (file.text or "")


def test_a_limit_that_is_higher_already_stays(machine: Machine) -> None:
    machine.path("/proc/sys/net/ipv4/igmp_max_memberships").write_text("100000\n")
    changes = registry()["sysctl"].changes(machine, HostSettings())
    assert [change for change in changes if isinstance(change, SetSysctl) and "igmp" in change.key] == []
    [file] = [change for change in changes if isinstance(change, WriteFile)]
    assert "net.ipv4.igmp_max_memberships = 100000\n" in (file.text or "")


def test_once_done_there_is_nothing_to_do(machine: Machine) -> None:
    step = registry()["sysctl"]
    for change in step.changes(machine, HostSettings()):
        change.do(machine)
    assert list(step.changes(machine, HostSettings())) == []
