"""Planning, applying and undoing on a machine made of files: nothing is half done, everything comes back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from vxloom.errors import ConfigError, PrepareError, StateError
from vxloom.prepare import run
from vxloom.prepare.changes import AnyChange, Run, SetSysctl, SetValue, WriteFile
from vxloom.prepare.journal import FILE, Journal
from vxloom.prepare.machine import Machine
from vxloom.prepare.step import Step, registry
from vxloom.settings import HostSettings

SETTINGS = HostSettings()


class Killed(BaseException):
    """The process ends here."""


class Wanted(Step):
    """A step that wants what the test says."""

    name = "wanted"

    def __init__(self, *changes: AnyChange) -> None:
        self.all = changes

    def changes(self, machine: Machine, settings: HostSettings) -> Sequence[AnyChange]:
        return [change for change in self.all if not change.done(machine)]


def some(machine: Machine) -> Wanted:
    flag = machine.path("run-flag")
    return Wanted(
        WriteFile(path="/etc/new/file.conf", text="new\n", reason="r"),
        WriteFile(path="/etc/hosts", text="127.0.0.1 localhost\n192.0.2.1 h1\n", reason="r"),
        SetSysctl(key="net.ipv4.igmp_max_memberships", value="4096", reason="r"),
        SetValue(path="/proc/sys/net/ipv4/neigh/default/gc_thresh3", value="65536", reason="r"),
        Run(name="flag", look=("test", "-e", str(flag)), command=("touch", str(flag)), back=("rm", str(flag)), reason="r"),
    )


def files(machine: Machine) -> dict[str, tuple[bytes, int]]:
    """Every file of the machine but the journal's own folder: path → (content, permissions)."""
    own = machine.path("/var/lib/vxloom/host")
    found = [path for path in machine.root.rglob("*") if path.is_file() and own not in path.parents]
    return {str(path.relative_to(machine.root)): (path.read_bytes(), path.stat().st_mode) for path in found}


def test_a_plan_changes_nothing(machine: Machine) -> None:
    before = files(machine)
    [part] = run.plan(machine, SETTINGS, [some(machine)])
    assert len(part.changes) == 5
    assert files(machine) == before
    assert not machine.exists(FILE)


def test_a_second_run_has_nothing_to_do_and_undo_brings_every_byte_back(machine: Machine) -> None:
    machine.path("/etc/hosts").chmod(0o640)
    before = files(machine)
    [part] = run.apply(machine, SETTINGS, [some(machine)])
    assert (len(part.changes), part.problem) == (5, "")
    after = files(machine)
    assert after["etc/hosts"][1] & 0o777 == 0o640
    assert machine.sysctl("net.ipv4.igmp_max_memberships") == "4096"
    assert run.apply(machine, SETTINGS, [some(machine)])[0].changes == ()
    assert run.undo(machine) == []
    restored = files(machine)
    assert {name: entry for name, entry in restored.items() if not name.startswith("proc")} == {
        name: entry for name, entry in before.items() if not name.startswith("proc")
    }
    assert machine.sysctl("net.ipv4.igmp_max_memberships") == "20"
    assert run.undo(machine) == []
    run.apply(machine, SETTINGS, [some(machine)])
    assert files(machine) == after


@pytest.mark.parametrize("boundary", range(10))
def test_a_run_killed_anywhere_is_completed_by_the_next_and_can_be_undone(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, boundary: int
) -> None:
    """Boundaries: before and after each change's own work, when its line is in the journal."""
    before = files(machine)
    left = boundary

    def perhaps() -> None:
        nonlocal left
        if left == 0:
            raise Killed
        left -= 1

    for kind in (WriteFile, SetSysctl, SetValue, Run):
        real = kind.do

        def do(self: AnyChange, machine: Machine, real=real) -> None:
            perhaps()
            real(self, machine)
            perhaps()

        monkeypatch.setattr(kind, "do", do)
    with pytest.raises(Killed):
        run.apply(machine, SETTINGS, [some(machine)])
    monkeypatch.undo()
    [part] = run.apply(machine, SETTINGS, [some(machine)])
    assert part.problem == ""
    assert run.plan(machine, SETTINGS, [some(machine)])[0].changes == ()
    assert run.undo(machine) == []
    stripped = {name: (content.strip(), mode) for name, (content, mode) in files(machine).items()}
    assert stripped == {name: (content.strip(), mode) for name, (content, mode) in before.items()}


def test_what_somebody_changed_since_is_not_lost_unless_forced(machine: Machine) -> None:
    run.apply(machine, SETTINGS, [Wanted(WriteFile(path="/etc/hosts", text="ours\n", reason="r"))])
    machine.write("/etc/hosts", "ours and theirs\n")
    [problem] = run.undo(machine)
    assert "changed by somebody" in problem
    assert machine.read("/etc/hosts") == "ours and theirs\n"
    assert run.undo(machine, force=True) == []
    assert machine.read("/etc/hosts") == "127.0.0.1 localhost\n"


def test_undo_of_a_file_changed_twice_puts_back_the_first_text(machine: Machine) -> None:
    for text in ("one\n", "two\n"):
        run.apply(machine, SETTINGS, [Wanted(WriteFile(path="/etc/hosts", text=text, reason="r"))])
    assert run.undo(machine) == []
    assert machine.read("/etc/hosts") == "127.0.0.1 localhost\n"


def test_a_kernel_setting_that_somebody_set_since_is_left_alone(machine: Machine) -> None:
    run.apply(machine, SETTINGS, [Wanted(SetSysctl(key="net.ipv4.igmp_max_memberships", value="4096", reason="r"))])
    machine.path("/proc/sys/net/ipv4/igmp_max_memberships").write_text("77\n")
    assert run.undo(machine) == []
    assert machine.sysctl("net.ipv4.igmp_max_memberships") == "77"


def test_a_file_that_cannot_be_written_is_one_sentence_and_keeps_its_text(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> Path:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "rename", refuse)
    [part] = run.apply(machine, SETTINGS, [Wanted(WriteFile(path="/etc/hosts", text="x\n", reason="r"))])
    assert "Read-only file system" in part.problem
    assert machine.read("/etc/hosts") == "127.0.0.1 localhost\n"
    assert [entry.name for entry in machine.path("/etc").iterdir() if entry.name.startswith(".")] == []


def test_a_step_that_fails_does_not_keep_the_others_from_being_taken(machine: Machine) -> None:
    bad = Wanted(Run(name="bad", look=("false",), command=("sh", "-c", "echo no such luck >&2; exit 3"), reason="r"))
    good = Wanted(WriteFile(path="/etc/good", text="good\n", reason="r"))
    first, second = run.apply(machine, SETTINGS, [bad, good])
    assert "no such luck" in first.problem
    assert machine.read("/etc/good") == "good\n"
    assert second.problem == ""


def test_a_step_whose_half_is_worse_than_none_is_taken_back_when_it_fails(machine: Machine) -> None:
    class Whole(Wanted):
        """Test."""

        whole = True

    before = files(machine)
    bad = Run(name="bad", look=("false",), command=("false",), reason="r")
    [part] = run.apply(machine, SETTINGS, [Whole(WriteFile(path="/etc/hosts", text="ours\n", reason="r"), bad)])
    assert part.problem
    assert part.changes == ()
    assert files(machine) == before
    assert run.undo(machine) == []


def test_a_step_whose_half_is_worse_than_none_is_not_half_undone(machine: Machine) -> None:
    class Whole(Wanted):
        """Test."""

        name = "bond"

    run.apply(machine, SETTINGS, [Whole(*some(machine).all[:2])])
    machine.write("/etc/hosts", "theirs\n")
    [problem] = run.undo(machine)
    assert "changed by somebody" in problem
    assert machine.read("/etc/new/file.conf") == "new\n", "it was made before, and waits"
    machine.write("/etc/hosts", "127.0.0.1 localhost\n192.0.2.1 h1\n")
    assert run.undo(machine) == []
    assert not machine.exists("/etc/new")


def test_two_runs_at_once_are_refused(machine: Machine) -> None:
    with Journal(machine).held(), pytest.raises(StateError, match="another run"):
        run.apply(machine, SETTINGS, [some(machine)])


def test_a_torn_last_line_belongs_to_a_change_never_begun(machine: Machine) -> None:
    run.apply(machine, SETTINGS, [Wanted(WriteFile(path="/etc/hosts", text="ours\n", reason="r"))])
    with machine.path(FILE).open("ab") as file:
        file.write(b'{"step": "wan')
    assert run.undo(machine) == []
    assert machine.read("/etc/hosts") == "127.0.0.1 localhost\n"


def test_a_journal_that_cannot_be_read_is_kept(machine: Machine) -> None:
    run.apply(machine, SETTINGS, [Wanted(WriteFile(path="/etc/hosts", text="ours\n", reason="r"))])
    text = b"nonsense\n" + machine.path(FILE).read_bytes()
    machine.path(FILE).write_bytes(text)
    with pytest.raises(StateError, match="line 1"):
        run.undo(machine)
    assert machine.path(FILE).read_bytes() == text


def test_steps_are_chosen_by_name() -> None:
    assert [step.name for step in run.chosen(only=["sysctl"])] == ["sysctl"]
    assert "sysctl" not in [step.name for step in run.chosen(skip=["sysctl"])]
    with pytest.raises(ConfigError, match="sysctll"):
        run.chosen(only=["sysctll"])


@pytest.mark.parametrize("step", registry().values(), ids=lambda step: step.name)
def test_a_step_says_what_it_is_for(step: Step) -> None:
    assert step.summary().endswith(".")


def test_text_that_is_no_text_is_one_sentence(machine: Machine) -> None:
    machine.path("/etc/hosts").write_bytes(b"\xff\xfe")
    with pytest.raises(PrepareError, match="UTF-8"):
        machine.read("/etc/hosts")
