"""Single steps on a machine made of files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.killing import points
from vxloom.prepare import run
from vxloom.prepare.changes import SetSysctl, WriteFile
from vxloom.prepare.machine import Machine
from vxloom.prepare.step import registry
from vxloom.prepare.steps import module, sysctl
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


def test_the_labels_device_is_made_loose_where_it_is_strict_and_stays_so(machine: Machine) -> None:
    settings = HostSettings(labels={"Guest": "bond0.100"})
    for name, value in {"all": "0", "bond0.100": "1"}.items():
        machine.write(f"/proc/sys/net/ipv4/conf/{name}/rp_filter", value)
    step = registry()["sysctl"]
    changes = step.changes(machine, settings)
    assert [(change.key, change.value) for change in changes if isinstance(change, SetSysctl) and "rp_filter" in change.key] == [
        ("net.ipv4.conf.bond0/100.rp_filter", "2")
    ]
    for change in changes:
        change.do(machine)
    assert machine.read("/proc/sys/net/ipv4/conf/bond0.100/rp_filter") == "2"
    assert "net.ipv4.conf.bond0/100.rp_filter = 2\n" in (machine.read(sysctl.FILE) or "")
    assert list(step.changes(machine, settings)) == []


def test_a_device_that_is_not_strict_is_left_alone(machine: Machine) -> None:
    for name in ("all", "eth0"):
        machine.write(f"/proc/sys/net/ipv4/conf/{name}/rp_filter", "0")
    changes = registry()["sysctl"].changes(machine, HostSettings(labels={"Guest": "eth0"}))
    assert "rp_filter" not in str(changes)


def test_bridged_frames_leave_the_hosts_firewall_only_when_asked(machine: Machine) -> None:
    machine.write("/proc/sys/net/bridge/bridge-nf-call-iptables", "1")
    assert "bridge-nf" not in str(registry()["sysctl"].changes(machine, HostSettings()))
    changes = registry()["sysctl"].changes(machine, HostSettings(bridge_netfilter=False))
    assert [change.key for change in changes if isinstance(change, SetSysctl) and change.value == "0"] == [
        "net.bridge.bridge-nf-call-iptables"
    ], "those that are not there are not set"
    assert "\n-net.bridge.bridge-nf-call-arptables = 0\n" in str(changes[0].text if isinstance(changes[0], WriteFile) else "")


def test_what_cannot_be_set_here_is_named_and_no_fault(machine: Machine) -> None:
    machine.path("/proc/sys/net/ipv4/neigh/default/gc_thresh3").chmod(0o444)
    part = run.plan(machine, HostSettings(), [registry()["sysctl"]])[0]
    assert part.problem == ""
    assert "gc_thresh3" not in str([change for change in part.changes if isinstance(change, SetSysctl)])
    assert "not applicable: net.ipv4.neigh.default.gc_thresh3: read-only here, as in a network namespace" in part.notes
    assert any("net.ipv6.neigh.default.gc_thresh1" in note and "not visible" in note for note in part.notes)


def test_wherever_loading_the_module_is_killed_the_next_run_completes_it_and_undo_takes_the_file_back(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is loaded stays: somebody's tunnels may use it by then."""
    programs, loaded = tmp_path / "programs", machine.path("/sys/module/vxlan")
    programs.mkdir()
    loaded.parent.mkdir(parents=True)
    for name, text in {"test": f'[ "$1" "{machine.root}$2" ]', "modprobe": f'mkdir "{machine.root}/sys/module/$1"'}.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")

    def apply() -> None:
        assert run.apply(machine, HostSettings(), [registry()["module"]])[0].problem == ""

    def undo() -> None:
        assert run.undo(machine) == []
        assert not machine.exists(str(Path(module.FILE).parent)), "nor the folder that was made for it"

    for point in points(apply, 8):
        apply()
        assert (loaded.exists(), machine.read(module.FILE)) == (True, "vxlan\n"), point
        undo()
        loaded.rmdir()
    undo()
    loaded.rmdir()
    for _ in points(apply, 8):
        undo()
        if loaded.exists():
            loaded.rmdir()
    for _ in points(undo, 3):
        undo()
        apply()
