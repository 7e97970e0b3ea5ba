"""Raising the underlay's MTU on real devices, kept by the files of whoever brings them up, taken back when a gateway falls silent."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kernel.netns import Netns, veth
from tests.waiting import wait_until
from vxloom.errors import PrepareError
from vxloom.prepare import guard, labels, run
from vxloom.prepare.machine import Machine
from vxloom.prepare.step import registry
from vxloom.settings import HostSettings

INTERFACES = """# the card
auto eth0
iface eth0 inet manual

auto cloudbr0
iface cloudbr0 inet static
    address 192.0.2.1/24
    bridge_ports eth0

# the end
"""
SETTINGS = HostSettings(labels={"Guest": "cloudbr0"})
MTU = registry()["mtu"]


@pytest.fixture
def machine(netns: Netns, make_netns: Callable[[], Netns], tmp_path: Path) -> Machine:
    """A bridge on a card, a gateway behind it, a guest's tap and tunnel on the bridge; ifupdown's files."""
    far = make_netns()
    veth(netns, "eth0", far, "gw")
    for command in (
        "link add cloudbr0 type bridge",
        "link set eth0 master cloudbr0",
        "link add vxlan7 type vxlan id 7 dstport 4789 nolearning",
        "link set vxlan7 master cloudbr0",
        "link set cloudbr0 up",
        "address add 192.0.2.1/24 dev cloudbr0",
        "route add default via 192.0.2.254",
    ):
        netns.run("ip", *command.split())
    far.run("ip", "address", "add", "192.0.2.254/24", "dev", "gw")
    far.run("ip", "link", "set", "gw", "mtu", "9000")
    machine = Machine(tmp_path)
    machine.write("/etc/network/interfaces", INTERFACES)
    machine.far = far  # type: ignore[attr-defined]
    return machine


def mtus(machine: Machine) -> dict[str, int]:
    return {name: link.mtu for name, link in machine.links().items() if name in {"eth0", "cloudbr0"}}


def test_a_label_stands_on_its_bridge_and_its_card_not_on_guests_and_tunnels(machine: Machine) -> None:
    assert [link.name for link in labels.stack(machine.links(), "cloudbr0")] == ["cloudbr0", "eth0"]
    assert labels.hardware(machine.links(), "cloudbr0") == {"eth0"}


def test_every_device_below_the_label_is_raised_and_kept(machine: Machine) -> None:
    [part] = run.apply(machine, SETTINGS, [MTU])
    assert part.problem == ""
    assert mtus(machine) == {"eth0": 9000, "cloudbr0": 9000}
    line = "    up ip link set dev $IFACE mtu 9000 # vxloom\n"
    assert machine.read("/etc/network/interfaces") == INTERFACES.replace(
        "iface eth0 inet manual\n", f"iface eth0 inet manual\n{line}"
    ).replace("    bridge_ports eth0\n", f"    bridge_ports eth0\n{line}")
    assert run.plan(machine, SETTINGS, [MTU])[0].changes == ()
    smaller = HostSettings(labels=SETTINGS.labels, mtu=1600)
    assert run.plan(machine, smaller, [MTU])[0].changes == (), "an MTU is never lowered"
    assert run.undo(machine) == []
    assert mtus(machine) == {"eth0": 1500, "cloudbr0": 1500}
    assert machine.read("/etc/network/interfaces") == INTERFACES


def test_a_device_nobody_brings_up_is_refused(machine: Machine) -> None:
    machine.write("/etc/network/interfaces", "")
    [part] = run.apply(machine, SETTINGS, [MTU])
    assert "nobody we know brings eth0 up at boot" in part.problem
    assert mtus(machine) == {"eth0": 1500, "cloudbr0": 1500}


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        (HostSettings(labels={"Guest": "nothere"}), "there is no device nothere"),
        (HostSettings(labels={"Guest": "cloudbr0"}, mtu=1500), "no room"),
        (HostSettings(labels={"Guest": "cloudbr0"}, mtu=100_000), "takes an MTU of"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_changes_nothing(machine: Machine, settings: HostSettings, word: str) -> None:
    [part] = run.apply(machine, settings, [MTU])
    assert word in part.problem
    assert mtus(machine) == {"eth0": 1500, "cloudbr0": 1500}
    assert machine.read("/etc/network/interfaces") == INTERFACES


def test_when_the_gateway_falls_silent_everything_is_taken_back(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_TRIES", 2)
    far: Netns = machine.far  # type: ignore[attr-defined]

    def gone(step: str, what: str) -> None:
        if "cloudbr0" in what:
            far.run("ip", "address", "flush", "dev", "gw")

    [part] = run.apply(machine, SETTINGS, [MTU], gone)
    assert "192.0.2.254 did not answer any more" in part.problem
    assert part.changes == ()
    assert mtus(machine) == {"eth0": 1500, "cloudbr0": 1500}
    assert machine.read("/etc/network/interfaces") == INTERFACES
    assert run.undo(machine) == []


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("/etc/vxloom/agent.toml", 'server = "192.0.2.99:8250, 192.0.2.10:8250"\n'),
        ("/etc/cloudstack/agent/agent.properties", "port=8250\nhost=192.0.2.10,192.0.2.99@roundrobin\n"),
        ("/proc/self/environ", "TERM=xterm\0SSH_CONNECTION=192.0.2.10 50022 192.0.2.1 22\0"),
    ],
)
def test_without_a_gateway_it_is_the_management_server_that_must_answer(
    machine: Machine, netns: Netns, monkeypatch: pytest.MonkeyPatch, file: str, text: str
) -> None:
    """Who did not answer before (192.0.2.99 is nobody's) does not count."""
    monkeypatch.setattr(guard, "_TRIES", 2)
    far: Netns = machine.far  # type: ignore[attr-defined]
    far.run("ip", "address", "add", "192.0.2.10/24", "dev", "gw")
    netns.run("ip", "route", "delete", "default")
    machine.write(file, text)

    def gone(step: str, what: str) -> None:
        if "cloudbr0" in what:
            far.run("ip", "address", "flush", "dev", "gw")

    [part] = run.apply(machine, SETTINGS, [MTU], gone)
    assert "after the change 192.0.2.10 did not answer any more" in part.problem
    assert mtus(machine) == {"eth0": 1500, "cloudbr0": 1500}
    assert machine.read("/etc/network/interfaces") == INTERFACES
    assert run.apply(machine, SETTINGS, [MTU])[0].problem == "", "nobody answers before: nobody is missed"
    assert mtus(machine) == {"eth0": 9000, "cloudbr0": 9000}


def test_a_gateway_that_does_not_take_longer_packets_has_everything_taken_back(machine: Machine) -> None:
    """It answers a short ping all the same: a connection would hang at its first long packet."""
    far: Netns = machine.far  # type: ignore[attr-defined]
    far.run("ip", "link", "set", "gw", "mtu", "1500")
    [part] = run.apply(machine, SETTINGS, [MTU])
    assert "192.0.2.254 (to packets of the new length) did not answer any more" in part.problem
    assert mtus(machine) == {"eth0": 1500, "cloudbr0": 1500}
    assert machine.read("/etc/network/interfaces") == INTERFACES
    assert run.undo(machine) == []


def test_a_run_killed_in_the_middle_has_its_mtus_taken_back(machine: Machine) -> None:
    """The process that watches beside it notices that nobody says a word any more."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        with guard.guarded(machine, {"eth0": 1500}):
            machine.must("ip", "link", "set", "dev", "eth0", "mtu", "9000")
            os.write(writer, b"!")
            signal.pause()
        os._exit(0)
    os.read(reader, 1)
    assert mtus(machine)["eth0"] == 9000
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    wait_until(lambda: mtus(machine)["eth0"] == 1500, "the MTU is as it was", seconds=10)
    os.close(reader)
    os.close(writer)


def test_a_step_that_fails_in_the_middle_leaves_no_mtu_changed(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Machine.must

    def refuse(self: Machine, *command: str, **options: float) -> str:
        if "cloudbr0" in command:
            raise PrepareError("no")
        return real(self, *command, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Machine, "must", refuse)
    [part] = run.apply(machine, SETTINGS, [MTU])
    assert part.problem
    assert mtus(machine) == {"eth0": 1500, "cloudbr0": 1500}
