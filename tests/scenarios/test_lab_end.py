"""However a lab ends, nothing of it is left; and labs do not meet."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scenarios.labs import alive, namespaces_of, pids_of, processes_in, sweeper_of
from tests.waiting import wait_until
from vxloom.errors import TransportError, VxloomError
from vxloom.lab import Lab, faults


def test_down_leaves_nothing(lab_directory: Path) -> None:
    lab = Lab(hypervisors=2).up()
    lab.start_process("h1", "worker", ["sleep", "3600"])
    lab.node("h1").run(["ip", "netns", "add", "guest"])
    shell = lab.node("h1").popen(["sleep", "3600"])
    report, namespaces = lab.report(), namespaces_of(lab)
    assert processes_in(namespaces)
    lab.down()
    assert alive(pids_of(report)) == []
    assert shell.wait(5) != 0
    shell.communicate()
    assert processes_in(namespaces) == []
    assert lab.spec.name not in [entry.name for entry in lab_directory.iterdir()]
    with pytest.raises(VxloomError, match="h1 is gone"):
        lab.node("h1").run(["true"])
    lab.down()  # twice is fine


def test_a_killed_supervisor_takes_everything_with_it(lab_directory: Path) -> None:
    lab = Lab(hypervisors=2).up(keep=True)
    lab.start_process("h1", "worker", ["sh", "-c", "sleep 3600 & setsid sleep 3600"])
    report, namespaces = lab.report(), namespaces_of(lab)
    _kill(report.pid)
    wait_until(lambda: not alive(pids_of(report)) and not processes_in(namespaces), "every process of the lab is gone")
    wait_until(lambda: not lab.directory.exists(), "its files are gone")
    with Lab(hypervisors=1, name=lab.spec.name) as again:
        assert again.node("h1").ping(again.node("mgmt").address)


def test_a_lab_killed_with_its_sweeper_is_no_obstacle(lab_directory: Path) -> None:
    lab = Lab(hypervisors=1).up(keep=True)
    report = lab.report()
    sweeper = sweeper_of(report.pid)
    _kill(sweeper)
    wait_until(lambda: not alive([sweeper]), "the sweeper is gone")
    _kill(report.pid)
    wait_until(lambda: not alive(pids_of(report)), "the lab is gone")
    assert lab.directory.exists()
    with Lab(hypervisors=1, name=lab.spec.name) as again:
        assert again.node("mgmt").ping(again.node("h1").address)
    assert not lab.directory.exists()


def test_a_lab_whose_owner_dies_half_way_up_never_stands(lab_directory: Path) -> None:
    ours, theirs = socket.socketpair()
    argv = [sys.executable, "-m", "vxloom.lab.supervisor", str(theirs.fileno()), '{"name":"halfway","hypervisors":3}']
    with theirs:
        subprocess.run(argv, pass_fds=[theirs.fileno()], check=True)
    with ours.makefile("rb") as lines:
        assert json.loads(lines.readline())["text"] == "5 nodes stand"
    ours.close()
    wait_until(lambda: not (lab_directory / "halfway").exists(), "nothing is left of it")


def test_a_lab_does_not_outlive_the_test_that_made_it(lab_directory: Path) -> None:
    code = "import sys\nfrom vxloom.lab import Lab\nlab = Lab(1, name='orphan').up()\nprint(lab.report().pid, flush=True)\nsys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert int(owner.stdout.readline())
        report = Lab.attach("orphan").report()
        owner.kill()
    wait_until(lambda: not alive(pids_of(report)), "the lab went with its owner")
    wait_until(lambda: not (lab_directory / "orphan").exists(), "and its files")


def test_two_labs_do_not_meet(lab: Lab) -> None:
    with Lab(hypervisors=1) as other:
        assert other.report().api_port != lab.report().api_port
        assert other.node("h1").address == lab.node("h1").address
        assert not namespaces_of(other) & namespaces_of(lab)
        faults.cause(other, "link-down", "h1")
        assert lab.node("h1").ping(lab.node("mgmt").address)
        assert not other.node("h1").ping(other.node("mgmt").address, wait=0.2)


def test_a_second_lab_of_the_same_name_is_refused_and_the_first_unharmed(lab: Lab) -> None:
    with pytest.raises(VxloomError, match="already up"):
        Lab(name=lab.spec.name).up()
    assert lab.node("h1").ping(lab.node("h2").address)


def test_attaching_to_no_lab_says_so() -> None:
    with pytest.raises(TransportError, match="does not answer"):
        Lab.attach("nowhere")


def _kill(pid: int) -> None:
    """Kill -9 a process that this test's lab started."""
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("killed", [False, True])
def test_a_lab_with_a_stopped_process_ends(lab_directory: Path, killed: bool) -> None:
    lab = Lab(hypervisors=1).up(keep=True)
    lab.start_process("h1", "sleeper", ["sleep", "3600"])
    lab.send_signal("h1", "sleeper", signal.SIGSTOP)
    report = lab.report()
    if killed:
        _kill(report.pid)
    else:
        lab.down()
    wait_until(lambda: not alive(pids_of(report)), "every process of the lab is gone")
    wait_until(lambda: not lab.directory.exists(), "its files are gone")
