"""`apply` and `undo` killed at every point where they touch the machine: a real process, a real SIGKILL, real kernel settings."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.kernel.netns import Netns
from tests.killing import killed, points
from vxloom.errors import StateError
from vxloom.prepare import run
from vxloom.prepare.changes import AnyChange, Run, SetMtu, SetSysctl, SetValue, WriteFile
from vxloom.prepare.journal import FILE, LOCK, Journal
from vxloom.prepare.machine import Machine
from vxloom.prepare.step import Step
from vxloom.settings import HostSettings

SETTINGS = HostSettings()
GROUPS = "net.ipv4.igmp_max_memberships"
FILTER = "/proc/sys/net/ipv4/conf/default/rp_filter"


class Everything(Step):
    """One change of every kind, in a machine with links, odd modes and foreign owners."""

    name = "everything"

    def changes(self, machine: Machine, settings: HostSettings) -> Sequence[AnyChange]:
        flag = str(machine.path("/run/flag"))
        wanted: list[AnyChange] = [
            SetMtu(device="port", mtu=9000, reason="r"),
            WriteFile(path="/etc/new/deep/er.conf", text="new\n", mode=0o600, reason="r"),
            WriteFile(path="/etc/mode", text="mode\n", mode=0o600, reason="r"),
            WriteFile(path="/etc/linked", text="linked, changed\n", reason="r"),
            WriteFile(path="/etc/dangling", text="there now\n", reason="r"),
            WriteFile(path="/etc/gone", text=None, reason="r"),
            WriteFile(path="/etc/gone-link", text=None, reason="r"),
            SetSysctl(key=GROUPS, value="4096", reason="r"),
            SetValue(path=FILTER, value="2", reason="r"),
            Run(name="flag", look=("test", "-e", flag), command=("touch", flag), back=("rm", flag), reason="r"),
        ]
        return [change for change in wanted if not change.done(machine)]


class Host:
    """The machine, and all that can be seen of it."""

    def __init__(self, root: Path) -> None:
        self.machine = Machine(root)
        for name, text, mode, owner in (
            ("etc/mode", "mode\n", 0o644, 0),
            ("etc/real", "linked\n", 0o600, 9),
            ("etc/gone", "gone\n", 0o604, 11),
        ):
            file = root / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
            os.chown(file, owner, owner)
            file.chmod(mode)
        (root / "etc/linked").symlink_to("real")
        (root / "etc/dangling").symlink_to("not-yet")
        (root / "etc/gone-link").symlink_to("mode")
        (root / "run").mkdir()
        (root / "proc").symlink_to("/proc")

    def seen(self) -> dict[str, object]:
        """Every file, folder and link (kind, rights, owner, content) but the journal's own, and the kernel's values."""
        found: dict[str, object] = {}
        for folder, folders, names in os.walk(self.machine.root):
            for name in [*folders, *names]:
                path = Path(folder, name)
                status = path.lstat()
                is_file = stat.S_ISREG(status.st_mode)
                content = str(path.readlink()) if path.is_symlink() else path.read_bytes() if is_file else b""
                found[str(path.relative_to(self.machine.root))] = (status.st_mode, status.st_uid, status.st_gid, content)
        link = self.machine.links()["port"]
        kernel = {"mtu": link.mtu, GROUPS: self.machine.sysctl(GROUPS), FILTER: self.machine.read(FILTER)}
        return {name: value for name, value in found.items() if not name.startswith("var")} | kernel


@pytest.fixture
def host(netns: Netns, tmp_path: Path) -> Host:
    netns.run("ip", "link", "add", "port", "type", "veth", "peer", "name", "far")
    return Host(tmp_path)


def apply(machine: Machine) -> object:
    [part] = run.apply(machine, SETTINGS, [Everything()])
    assert part.problem == ""
    return part.changes


def undo(machine: Machine) -> object:
    assert run.undo(machine) == []
    return None


def test_apply_undo_apply_is_the_same_to_the_byte(host: Host) -> None:
    before = host.seen()
    apply(host.machine)
    after = host.seen()
    assert {name for name in {**before, **after} if before.get(name) != after.get(name)} == {
        "etc/new",
        "etc/new/deep",
        "etc/new/deep/er.conf",
        "etc/mode",
        "etc/real",
        "etc/not-yet",
        "etc/gone",
        "etc/gone-link",
        "run/flag",
        "mtu",
        GROUPS,
        FILTER,
    }
    assert apply(host.machine) == ()
    undo(host.machine)
    assert host.seen() == before
    assert not host.machine.exists(FILE)
    apply(host.machine)
    assert host.seen() == after


def test_wherever_apply_is_killed_undo_brings_everything_back(host: Host) -> None:
    before = host.seen()
    for point in points(lambda: apply(host.machine), 30):
        undo(host.machine)
        assert host.seen() == before, point


def test_wherever_apply_is_killed_the_next_completes_it(host: Host) -> None:
    before = host.seen()
    apply(host.machine)
    after = host.seen()
    undo(host.machine)
    for point in points(lambda: apply(host.machine), 30):
        apply(host.machine)
        assert host.seen() == after, point
        assert apply(host.machine) == ()
        undo(host.machine)
        assert host.seen() == before, point


def test_wherever_undo_is_killed_the_next_completes_it_and_apply_can_be_done_again(host: Host) -> None:
    before = host.seen()
    apply(host.machine)
    after = host.seen()
    for point in points(lambda: undo(host.machine), 30):
        undo(host.machine)
        assert host.seen() == before, point
        apply(host.machine)
        assert host.seen() == after, point


def test_a_journal_torn_at_any_byte_of_its_last_line_loses_nothing(host: Host) -> None:
    """A machine that loses power while a line is written: that change was not begun."""
    machine, before = host.machine, host.seen()
    apply(machine)
    whole = machine.path(FILE).read_bytes()
    undo(machine)
    lines = whole.splitlines(keepends=True)
    for length in range(1, len(lines[0]), 11):
        killed(lambda: apply(machine), 20)
        with machine.path(FILE).open("ab") as file:
            file.write(lines[0][:length])
        assert apply(machine) != ()
        undo(machine)
        assert host.seen() == before, length


@pytest.mark.parametrize("damage", [b"\0" * 40 + b"\n", b"{}\n", b"garbage\n", b'{"step":"x","change":{"change":"newer"},"before":{}}\n'])
def test_a_damaged_journal_is_said_and_kept_and_nothing_is_changed(host: Host, damage: bytes) -> None:
    apply(host.machine)
    path, after = host.machine.path(FILE), host.seen()
    text = damage + path.read_bytes()
    path.write_bytes(text)
    for work in (apply, undo):
        with pytest.raises(StateError, match=r"line 1, cannot be read") as caught:
            work(host.machine)
        assert "move the file away" in caught.value.remedy
    assert path.read_bytes() == text
    assert host.seen() == after


def test_the_second_of_two_runs_is_told_who_the_first_is(host: Host) -> None:
    before = host.seen()
    with Journal(host.machine).held(), pytest.raises(StateError, match=rf"another run: process {os.getpid()}, since \d\d:\d\d:\d\d UTC"):
        apply(host.machine)
    assert host.seen() == before


def test_while_the_guard_of_a_killed_run_is_at_work_that_is_said(host: Host) -> None:
    """Its guard, a process of its own, keeps the lock until the MTUs are back."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        with Journal(host.machine).held():
            if os.fork() == 0:
                os.close(writer)
                os.read(reader, 1)
                os._exit(0)
            os.kill(os.getpid(), signal.SIGKILL)
    os.close(reader)
    os.waitpid(pid, 0)
    with pytest.raises(StateError, match=rf"killed \(process {pid}, .* is being taken back by its guard"):
        apply(host.machine)
    os.close(writer)


def test_a_folder_goes_with_the_last_file_in_it_whichever_step_made_it(host: Host) -> None:
    def step(called: str) -> Step:
        class One(Step):
            name = called

            def changes(self, machine: Machine, settings: HostSettings) -> Sequence[AnyChange]:
                return [WriteFile(path=f"/etc/made/{called}", text="x\n", reason="r")]

        return One()

    machine, before = host.machine, host.seen()
    run.apply(machine, SETTINGS, [step("first"), step("second")])
    assert run.undo(machine, only=["first"]) == []
    assert machine.names("/etc/made") == ["second"]
    assert run.undo(machine, only=["second"]) == []
    assert host.seen() == before
    run.apply(machine, SETTINGS, [step("first")])
    machine.write("/etc/made/theirs", "theirs\n")
    assert run.undo(machine) == []
    assert machine.names("/etc/made") == ["theirs"], "what somebody put there stays, and so does the folder"
    assert machine.names(str(Path(LOCK).parent)) == ["lock"]
