"""Offloads of real devices: turned on where they are off, kept by a rule, as they were after undo."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kernel.netns import Netns, veth
from tests.waiting import wait_until
from vxloom.prepare import nic, run, trial
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
    bridge, lacks, untried = part.notes
    assert "cloudbr0 is a bridge" in bridge
    assert lacks == "eth0 has no rx-udp_tunnel-port-offload: the processor does that work for tunnels"
    assert "was not tried" in untried


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
TRIED = HostSettings(labels={"Guest": "eth0"}, offload_peer=PEER)

CUTTING = {"tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation"}


@contextmanager
def answering(there: Netns, *options: str) -> Iterator[None]:
    """``vxloom host echo`` runs, until interrupted."""
    command = f"import sys; from vxloom.cli.main import cli; cli({['host', 'echo', *options]})"
    with there.entered():
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", sys.executable, "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        try:
            assert process.stdout.readline() == "serving\n"
            yield
        finally:
            process.send_signal(signal.SIGINT)
            assert (process.wait(), process.stderr.read()) == (0, "")


@pytest.fixture
def far(netns: Netns, machine: Machine) -> Iterator[Netns]:
    """The host at the card's other end, which answers."""
    there: Netns = machine.there  # type: ignore[attr-defined]
    netns.run("ip", "link", "set", "eth0", "nomaster")
    for node, device, number in ((netns, "eth0", 1), (there, "far", 2)):
        node.run("ip", "address", "add", f"192.0.2.{number}/24", "dev", device)
    there.run("ip", "route", "add", "default", "via", "192.0.2.1")
    with answering(there):
        yield there


def test_a_card_that_does_right_is_tried_once(machine: Machine, far: Netns) -> None:
    [part] = run.apply(machine, TRIED, [OFFLOAD])
    assert part.problem == ""
    assert [change.device for change in part.changes if isinstance(change, TryOffloads)] == ["eth0"]
    assert not any("arrive as sent" in note for note in part.notes)
    assert run.plan(machine, TRIED, [OFFLOAD])[0].changes == ()


def test_an_underlay_of_ipv6(netns: Netns, machine: Machine) -> None:
    there: Netns = machine.there  # type: ignore[attr-defined]
    for node, device, number in ((netns, "cloudbr0", 1), (there, "far", 2)):
        node.run("ip", "link", "set", device, "up")
        node.run("ip", "address", "add", f"2001:db8::{number}/64", "dev", device, "nodad")
    with answering(there, "--address", "2001:db8::2"):
        [part] = run.apply(machine, HostSettings(labels={"Guest": "cloudbr0"}, offload_peer="2001:db8::2"), [OFFLOAD])
    assert part.problem == ""
    assert "was not tried" not in str(part.notes)


def corrupting(where: Netns, device: str, match: str) -> None:
    """Four bytes of what a tunnel carries are others, in the frames that match."""
    where.run("nft", "add", "table", "netdev", "card")
    where.run("nft", "add", "chain", "netdev", "card", "in", f"{{ type filter hook ingress device {device} priority 0; }}")
    where.run("nft", "add", "rule", "netdev", "card", "in", "udp", "dport", "4789", *match.split(), "@th,1600,32", "set", "0xdeadbeef")


def test_offloads_that_cut_tunnels_segments_wrongly_are_found_and_stay_off(machine: Machine, far: Netns) -> None:
    """Segments reach the other end whole, and are corrupted there, only as long as the card is the one to cut them."""
    corrupting(far, "far", "meta length > 2000")
    before = state(machine)
    [part] = run.apply(machine, TRIED, [OFFLOAD])
    assert part.problem == ""
    after = state(machine)
    assert {name for name, _ in WANTED if name in after and not after[name]} & {name for name in before if "udp_tnl" in name} == CUTTING
    assert after["generic-receive-offload"]
    assert sum("did not arrive as sent" in note for note in part.notes) == len(CUTTING)
    assert all(f"$name {name} off" in (machine.read(RULES) or "") for name in CUTTING)
    again = run.plan(machine, TRIED, [OFFLOAD])[0]
    assert (again.changes, again.notes) == ((), part.notes)
    for name in CUTTING:
        machine.must("ethtool", "-K", "eth0", name, "on")
    assert {change.name for change in run.plan(machine, TRIED, [OFFLOAD])[0].changes if isinstance(change, SetNic)} == CUTTING
    run.apply(machine, TRIED, [OFFLOAD])
    assert run.undo(machine) == []
    assert (state(machine), machine.read(RULES), machine.read(trial.RECORD)) == (before, None, None)


def test_frames_put_together_wrongly_on_arrival_are_found(machine: Machine, far: Netns, netns: Netns) -> None:
    for name in ("tcp-segmentation-offload", *CUTTING):  # only then a veth hands on frame by frame, to be put together by the other
        far.run("ethtool", "-K", "far", name, "off")
    corrupting(netns, "eth0", "meta length > 2000")
    [part] = run.apply(machine, TRIED, [OFFLOAD])
    assert part.problem == ""
    assert [note for note in part.notes if "generic-receive-offload" in note and "received" in note]
    after = state(machine)
    assert not after["generic-receive-offload"]
    assert after["tx-udp_tnl-segmentation"]


def test_what_goes_wrong_without_offloads_too_is_not_the_cards_fault(machine: Machine, far: Netns) -> None:
    corrupting(far, "far", "")
    [part] = run.apply(machine, TRIED, [OFFLOAD])
    assert "with its offloads off neither" in part.problem
    assert "does vxloom host echo run there" in part.problem, "as when nobody answers"
    assert state(machine)["tx-udp_tnl-segmentation"], "as before the trial"
    assert machine.read(RULES) is not None
    assert run.undo(machine) == []


@pytest.mark.parametrize(("peer", "words"), [("127.0.0.1", "not by eth0"), ("x", "no IP")])
def test_a_peer_elsewhere_is_refused(machine: Machine, far: Netns, peer: str, words: str) -> None:
    [part] = run.apply(machine, HostSettings(labels={"Guest": "eth0"}, offload_peer=peer), [OFFLOAD])
    assert words in part.problem
    assert state(machine)["tx-udp_tnl-segmentation"]


def test_a_trial_that_is_killed_leaves_the_offloads_on(machine: Machine, far: Netns) -> None:
    corrupting(far, "far", "meta length > 2000")
    run.apply(machine, HostSettings(labels={"Guest": "eth0"}), [OFFLOAD])
    before = state(machine)
    pid = os.fork()
    if pid == 0:
        run.apply(machine, TRIED, [OFFLOAD])
        os._exit(0)
    wait_until(lambda: not state(machine)["tx-scatter-gather"], "the trial tells offloads apart", seconds=20)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    wait_until(lambda: state(machine) == before, "they are on again", seconds=10)
