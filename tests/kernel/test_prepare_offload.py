"""Offloads of real devices: turned on where they are off, kept by a rule, as they were after undo."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kernel.netns import Netns, veth
from vxloom.prepare import nic, run
from vxloom.prepare.changes import WriteFile
from vxloom.prepare.machine import Machine
from vxloom.prepare.nic import SetNic
from vxloom.prepare.step import registry
from vxloom.prepare.steps.offload import WANTED
from vxloom.prepare.trial import TryOffloads
from vxloom.settings import HostSettings

SETTINGS = HostSettings(labels={"Guest": "cloudbr0"})
OFFLOAD = registry()["offload"]
RULES = "/etc/udev/rules.d/90-vxloom-offload.rules"
OFF = ("tx-checksumming", "tx-udp_tnl-segmentation")


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def machine(netns: Netns, make_netns: Callable[[], Netns], tmp_path: Path) -> Machine:
    """A bridge on a card whose offloads for tunnels are off."""
    there = make_netns()
    veth(netns, "eth0", there, "far")
    netns.run("ip", "link", "add", "cloudbr0", "type", "bridge")
    netns.run("ip", "link", "set", "eth0", "master", "cloudbr0")
    for name in OFF:
        netns.run("ethtool", "-K", "eth0", name, "off")
    machine = Machine(tmp_path)
    machine.there = there  # type: ignore[attr-defined]
    return machine


def state(machine: Machine) -> dict[str, bool]:
    return {name: feature.on for name, feature in nic.features(machine, "eth0").items()}


def test_what_is_off_is_turned_on_and_kept_and_undo_puts_it_back(machine: Machine) -> None:
    before = state(machine)
    [part] = run.apply(machine, SETTINGS, [OFFLOAD])
    assert part.problem == ""
    made = {change.name for change in part.changes if isinstance(change, SetNic)}
    assert made == {"tx-checksum-ip-generic", "tx-udp_tnl-segmentation", "generic-receive-offload"}, (
        "what stands on these comes back by itself"
    )
    after, rule = state(machine), machine.read(RULES)
    assert [name for name, _ in WANTED if name in after and not nic.features(machine, "eth0")[name].fixed and not after[name]] == []
    assert rule is not None
    assert f'ENV{{.VXLOOM_NIC}}=="eth0", RUN+="{machine.where("ethtool")} -K $name tx-udp_tnl-segmentation on"\n' in rule
    assert "tx-checksum-ipv4" not in rule, "this driver has none"
    assert run.plan(machine, SETTINGS, [OFFLOAD])[0].changes == ()
    assert run.undo(machine) == []
    assert (state(machine), machine.read(RULES)) == (before, None)
    run.apply(machine, SETTINGS, [OFFLOAD])
    assert (state(machine), machine.read(RULES)) == (after, rule)


def test_what_a_card_lacks_is_said_and_is_no_fault(machine: Machine) -> None:
    [part] = run.plan(machine, SETTINGS, [OFFLOAD])
    assert part.problem == ""
    assert part.notes[0] == "eth0 has no rx-udp_tunnel-port-offload: the processor does that work for tunnels"
    assert "was not tried" in part.notes[1]


def test_an_offload_that_somebody_turned_off_since_stays_off(machine: Machine) -> None:
    run.apply(machine, SETTINGS, [OFFLOAD])
    machine.must("ethtool", "-K", "eth0", "generic-receive-offload", "off")
    assert run.undo(machine) == []
    assert not state(machine)["generic-receive-offload"]


@pytest.mark.parametrize("boundary", range(8))
def test_a_run_killed_anywhere_is_completed_by_the_next_and_can_be_undone(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, boundary: int
) -> None:
    """Before and after each of four changes."""
    before, left = state(machine), boundary

    def perhaps() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed

    for kind in (WriteFile, SetNic):
        real = kind.do

        def do(self: SetNic | WriteFile, machine: Machine, real=real) -> None:
            perhaps()
            real(self, machine)
            perhaps()

        monkeypatch.setattr(kind, "do", do)
    with pytest.raises(Killed):
        run.apply(machine, SETTINGS, [OFFLOAD])
    monkeypatch.undo()
    [part] = run.apply(machine, SETTINGS, [OFFLOAD])
    assert part.problem == ""
    assert run.plan(machine, SETTINGS, [OFFLOAD])[0].changes == ()
    assert run.undo(machine) == []
    assert (state(machine), machine.read(RULES)) == (before, None)


def test_a_label_without_a_card_is_one_sentence(machine: Machine) -> None:
    [part] = run.apply(machine, HostSettings(labels={"Guest": "nothere"}), [OFFLOAD])
    assert "no card below nothere" in part.problem
    assert "[labels]" in part.problem


def test_a_veth_has_no_queues_to_spread_over(machine: Machine) -> None:
    [part] = run.plan(machine, SETTINGS, [registry()["rss"]])
    assert part.not_applicable == "eth0 (veth): no hardware, so no queues to spread over"


PEER = "192.0.2.2"
TRIED = HostSettings(labels={"Guest": "cloudbr0"}, offload_peer=PEER)


@pytest.fixture
def far(netns: Netns, make_netns: Callable[[], Netns], machine: Machine) -> Iterator[Netns]:
    """The host at the card's other end, which answers."""
    netns.run("ip", "link", "set", "cloudbr0", "up")
    netns.run("ip", "address", "add", "192.0.2.1/24", "dev", "cloudbr0")
    there: Netns = machine.there  # type: ignore[attr-defined]
    there.run("ip", "address", "add", f"{PEER}/24", "dev", "far")
    command = "import sys; from vxloom.cli.main import cli; cli(['host', 'echo'])"
    there.run("ip", "route", "add", "default", "via", "192.0.2.1")
    with there.entered():
        process = subprocess.Popen([sys.executable, "-c", command], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "serving\n"
    yield there
    process.send_signal(signal.SIGINT)
    process.wait()
    process.stdout.close()


def test_a_card_that_does_right_is_tried_once(machine: Machine, far: Netns) -> None:
    [part] = run.apply(machine, TRIED, [OFFLOAD])
    assert part.problem == ""
    assert [change.device for change in part.changes if isinstance(change, TryOffloads)] == ["eth0"]
    assert not any("arrive as sent" in note for note in part.notes)
    assert run.plan(machine, TRIED, [OFFLOAD])[0].changes == ()
