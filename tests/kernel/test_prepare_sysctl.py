"""Kernel settings in a network namespace: what it has is set, what it has not is said; undo puts back."""

from __future__ import annotations

from pathlib import Path

from tests.kernel.netns import Netns
from vxloom.prepare import run
from vxloom.prepare.machine import Machine
from vxloom.prepare.step import registry
from vxloom.prepare.steps.sysctl import FILE, WANTED
from vxloom.settings import HostSettings

SYSCTL = registry()["sysctl"]
SETTINGS = HostSettings(labels={"Guest": "eth0.7"}, bridge_netfilter=False)
KEYS = ("net.ipv4.igmp_max_memberships", "net.ipv4.conf.eth0/7.rp_filter", "net.bridge.bridge-nf-call-iptables")


def values(machine: Machine) -> list[str | None]:
    return [machine.sysctl(key) for key in KEYS]


def test_a_namespace_is_set_as_far_as_it_can_be(netns: Netns, tmp_path: Path) -> None:
    netns.run("ip", "link", "add", "eth0.7", "type", "veth", "peer", "name", "far")
    machine = Machine(tmp_path)
    tmp_path.joinpath("proc").mkdir()
    tmp_path.joinpath("proc", "sys").symlink_to("/proc/sys")  # resolved in the namespace of who opens it
    machine.set_sysctl("net.ipv4.conf.eth0/7.rp_filter", "1")
    bridged = machine.sysctl("net.bridge.bridge-nf-call-iptables")
    before = values(machine)
    [part] = run.apply(machine, SETTINGS, [SYSCTL])
    assert part.problem == ""
    assert values(machine) == ["4096", "2", None if bridged is None else "0"]
    [note] = part.notes
    assert "not visible here" in note
    assert {key for key, _, _ in WANTED if key in note} == {key for key, _, _ in WANTED if machine.sysctl(key) is None}
    assert "net.ipv4.neigh.default.gc_thresh3 = 65536\n" in (machine.read(FILE) or ""), "after a boot, on the machine itself"
    assert run.plan(machine, SETTINGS, [SYSCTL])[0].changes == ()
    assert run.undo(machine) == []
    assert (values(machine), machine.read(FILE)) == (before, None)
