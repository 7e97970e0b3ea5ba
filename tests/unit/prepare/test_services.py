"""The steps unit and service, on a machine made of files whose systemctl is a stand-in."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.killing import points
from vxloom.errors import PrepareError
from vxloom.prepare import run, services
from vxloom.prepare.changes import WriteFile
from vxloom.prepare.journal import Entry, Journal
from vxloom.prepare.machine import Machine
from vxloom.prepare.step import registry
from vxloom.settings import HostSettings

SETTINGS = HostSettings()
STEPS = ("unit", "service")
_SYSTEMCTL = """#!/bin/sh
cd {folder}
verb=$1; for unit; do :; done
case $verb in
show)
    {{
        cat $unit.show 2>/dev/null || echo ActiveState=inactive
        ! test -e loaded/$unit || cmp -s loaded/$unit {units}/$unit || echo NeedDaemonReload=yes
    }} | case $3 in *,*) cat ;; *) grep "^$3=" ;; esac ;;
is-active) grep -q ActiveState=active $unit.show 2>/dev/null || exit 3 ;;
is-enabled) test -e $unit.enabled ;;
enable) touch $unit.enabled ;;
disable) rm -f $unit.enabled ;;
start|restart) cp $unit.then $unit.show; echo "$verb $unit" >> said ;;
stop) rm $unit.show ;;
daemon-reload) rm -rf loaded; cp -r {units} loaded; echo $verb >> said ;;
*) echo $verb >> said ;;
esac
"""
_STAND_INS = {
    "systemctl": _SYSTEMCTL,
    "journalctl": "#!/bin/sh\ncat {folder}/journal\n",
    "systemd-sysusers": "#!/bin/sh\ntouch {folder}/user\n",
    "getent": "#!/bin/sh\ntest -e {folder}/user\n",
}


@dataclass
class Systemd:
    """The stand-in: what units there are, and what it was told to do."""

    folder: Path

    def will_be(self, unit: str, *, now: bool = False, ago: float = -1.0, **properties: object) -> None:
        """Say how a unit is after its next start, or is now; it began as long ago as that."""
        since = int((time.monotonic() - ago) * 1e6)
        shown = {"ActiveState": "active", "SubState": "running", "ExecMainStartTimestampMonotonic": since, **properties}
        (self.folder / f"{unit}.{'show' if now else 'then'}").write_text("".join(f"{name}={value}\n" for name, value in shown.items()))

    def log(self, *lines: str) -> None:
        (self.folder / "journal").write_text("".join(f"{line}\n" for line in lines))

    def said(self) -> list[str]:
        file = self.folder / "said"
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return lines


@pytest.fixture
def systemd(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Systemd:
    folder = tmp_path / "systemd"
    folder.mkdir()
    for name, text in _STAND_INS.items():
        (folder / name).write_text(text.format(folder=folder, units=machine.path("/etc/systemd/system")))
        (folder / name).chmod(0o755)
    (folder / "journal").touch()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr("sys.prefix", str(tmp_path / "venv"))
    monkeypatch.setattr("vxloom.prepare.steps.unit._HIDDEN", set())  # tests' folders are in /tmp
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "vxloom").touch()
    machine.path("/run/systemd/system").mkdir(parents=True)
    return Systemd(folder)


def apply(machine: Machine) -> dict[str, run.Part]:
    return {part.step: part for part in run.apply(machine, SETTINGS, run.chosen(STEPS))}


def planned(machine: Machine) -> list[str]:
    return [change.what for part in run.plan(machine, SETTINGS, run.chosen(STEPS)) for change in part.changes]


def test_where_no_systemd_runs_neither_step_applies(machine: Machine) -> None:
    machine.write(services.AGENT_FILE, 'server = "192.0.2.1:8250"\n')
    assert {registry()[name].not_applicable(machine, SETTINGS) for name in STEPS} == {"no systemd runs here"}


def test_the_systemd_of_another_network_namespace_is_left_alone(machine: Machine, systemd: Systemd) -> None:
    for pid, namespace in (("1", "net:[1]"), ("self", "net:[2]")):
        machine.path(f"/proc/{pid}/ns").mkdir(parents=True)
        machine.path(f"/proc/{pid}/ns/net").symlink_to(namespace)
    assert "another network namespace" in registry()["service"].not_applicable(machine, SETTINGS)


def test_nothing_configured_nothing_wanted(machine: Machine, systemd: Systemd) -> None:
    machine.write(services.AGENT_FILE, '# the package\'s\n[labels]\ncloudbr1 = "eth0"\n')
    machine.write(services.SERVER_FILE, '#listen = "0.0.0.0:8080"\n')
    assert "nothing is configured" in registry()["unit"].not_applicable(machine, SETTINGS)
    assert "nothing is configured" in registry()["service"].not_applicable(machine, SETTINGS)


def test_what_is_configured_is_written_started_and_taken_back(machine: Machine, systemd: Systemd, tmp_path: Path) -> None:
    machine.write(services.AGENT_FILE, 'server = "192.0.2.1:8250"\n')
    machine.write(services.SERVER_FILE, 'listen = "127.0.0.1:8080"\n')
    systemd.will_be(services.AGENT, StatusText="healthy")
    systemd.will_be(services.SERVER, StatusText="healthy")
    parts = apply(machine)
    assert [part.problem for part in parts.values()] == ["", ""]
    text = machine.read("/etc/systemd/system/vxloom-agent.service") or ""
    assert f"\nExecStart={tmp_path}/venv/bin/vxloom agent\n" in text
    assert "\nUser=vxloom\n" in (machine.read("/etc/systemd/system/vxloom-server.service") or "")
    assert "u vxloom " in (machine.read("/etc/sysusers.d/vxloom.conf") or "")
    assert systemd.said() == ["daemon-reload", f"start {services.AGENT}", f"start {services.SERVER}"]
    assert planned(machine) == []
    assert run.undo(machine) == []
    assert machine.names("/etc/systemd/system") == machine.names("/etc/sysusers.d") == []
    assert not [path.name for path in systemd.folder.iterdir() if path.suffix in {".show", ".enabled"}], "stopped and disabled"


def seen(machine: Machine) -> dict[str, str]:
    """Every file but the journal's own."""
    files = (path for path in machine.root.rglob("*") if path.is_file() and "var" not in path.relative_to(machine.root).parts)
    return {str(path): path.read_text() for path in files}


def stand(systemd: Systemd) -> set[str]:
    """What runs, and what is enabled."""
    return {path.name for path in systemd.folder.iterdir() if path.suffix in {".show", ".enabled"}}


def must(machine: Machine) -> None:
    assert [part.problem for part in apply(machine).values()] == ["", ""]


def test_wherever_it_is_killed_the_next_run_completes_it_and_undo_stops_and_removes_everything(machine: Machine, systemd: Systemd) -> None:
    """The server's: it needs all that the agent's does, and a user."""
    machine.write(services.SERVER_FILE, 'listen = "127.0.0.1:8080"\n')
    systemd.will_be(services.SERVER, ago=-3600, StatusText="healthy")
    for folder in ("/etc/systemd/system", "/etc/sysusers.d"):
        machine.path(folder).mkdir(parents=True)
    before = seen(machine)
    must(machine)
    after, standing = seen(machine), stand(systemd)
    assert len(standing) == 2

    def undone(point: int) -> None:
        assert run.undo(machine) == [], point
        assert (seen(machine), stand(systemd)) == (before, set()), point

    for point in points(lambda: run.undo(machine), 8):
        undone(point)
        must(machine)
    (systemd.folder / "user").unlink()
    for point in points(lambda: apply(machine), 12):
        must(machine)
        assert (seen(machine), stand(systemd)) == (after, standing), point
        assert (systemd.folder / "user").exists(), point
        undone(point)
        (systemd.folder / "user").unlink()
    undone(-1)
    for point in points(lambda: apply(machine), 12):
        undone(point)


@pytest.mark.parametrize(
    ("state", "left"), [("activating", set()), ("failed", {f"{services.AGENT}.show"}), ("inactive", {f"{services.AGENT}.show"})]
)
def test_undo_stops_what_systemd_goes_on_starting_and_passes_over_what_stopped(
    machine: Machine, systemd: Systemd, state: str, left: set[str]
) -> None:
    machine.write(services.AGENT_FILE, 'server = "192.0.2.1:8250"\n')
    systemd.will_be(services.AGENT, StatusText="healthy")
    must(machine)
    systemd.will_be(services.AGENT, now=True, ActiveState=state, SubState="auto-restart")
    assert run.undo(machine) == []
    assert stand(systemd) == left, "the stand-in's file goes when it is told to stop"


def test_wherever_it_is_killed_systemd_reads_the_new_unit_and_the_agent_is_started_again(machine: Machine, systemd: Systemd) -> None:
    """An earlier version wrote the unit, and the agent has run ever since."""
    machine.write(services.AGENT_FILE, 'server = "192.0.2.1:8250"\n')
    systemd.will_be(services.AGENT, ago=-3600, StatusText="healthy")
    must(machine)
    unit = f"/etc/systemd/system/{services.AGENT}"
    new = machine.read(unit) or ""
    machine.path("/var/lib/vxloom/host/journal").unlink()

    def earlier() -> dict[str, str]:
        machine.write(unit, old := new.replace("/venv/", "/old/"))
        (systemd.folder / "loaded" / services.AGENT).write_text(old)
        systemd.will_be(services.AGENT, now=True, ago=60, StatusText="healthy")
        return seen(machine)

    before = earlier()
    for point in points(lambda: apply(machine), 6):
        must(machine)
        assert machine.read(unit) == new, point
        assert (systemd.folder / "loaded" / services.AGENT).read_text() == new, point
        is_now, then = ((systemd.folder / f"{services.AGENT}.{name}").read_text() for name in ("show", "then"))
        assert is_now == then, f"{point}: it is not started again"
        assert planned(machine) == [], point
        assert run.undo(machine) == [], point
        assert earlier() == before, point


def test_the_packages_units_are_taken_and_what_would_hide_them_goes(machine: Machine, systemd: Systemd) -> None:
    machine.write(services.AGENT_FILE, 'server = "192.0.2.1:8250"\n')
    systemd.will_be(services.AGENT, StatusText="healthy")
    apply(machine)
    machine.write("/usr/lib/systemd/system/vxloom-agent.service", "[Service]\n")
    apply(machine)
    assert machine.names("/etc/systemd/system") == []
    assert registry()["unit"].not_applicable(machine, SETTINGS) == "the package brought them"
    machine.write("/etc/systemd/system/vxloom-agent.service", "# a person's own\n")
    assert registry()["unit"].not_applicable(machine, SETTINGS) == "the package brought them"


def test_a_server_in_a_home_is_refused(machine: Machine, systemd: Systemd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("vxloom.prepare.steps.unit._HIDDEN", {tmp_path.parts[1]})
    machine.write(services.SERVER_FILE, 'listen = "127.0.0.1:8080"\n')
    [part] = run.apply(machine, SETTINGS, run.chosen(["unit"]))
    assert "does not see" in part.problem
    assert machine.names("/etc/systemd/system") == []


def test_a_file_that_is_no_toml_is_named(machine: Machine, systemd: Systemd) -> None:
    machine.write(services.AGENT_FILE, "server = \n")
    assert [services.AGENT_FILE in part.problem for part in apply(machine).values()] == [True, True]


def test_an_agent_that_began_before_its_file_was_changed_is_started_again_once(machine: Machine, systemd: Systemd) -> None:
    systemd.will_be(services.AGENT, now=True, ago=60, StatusText="healthy")
    (systemd.folder / f"{services.AGENT}.enabled").touch()
    machine.write("/usr/lib/systemd/system/vxloom-agent.service", "[Service]\n")
    machine.write(services.AGENT_FILE, 'server = "192.0.2.1:8250"\n')
    systemd.will_be(services.AGENT, StatusText="healthy")
    assert apply(machine)["service"].problem == ""
    assert systemd.said() == [f"restart {services.AGENT}"]
    assert planned(machine) == []


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ({"ActiveState": "failed"}, "vxloom-agent.service does not run (failed); its log says: vxloom: it cannot be"),
        ({"StatusText": "no server: h:8250 does not answer"}, "runs, but: no server: h:8250 does not answer"),
    ],
)
def test_a_service_that_does_not_become_healthy_is_told_of_with_its_words(
    machine: Machine, systemd: Systemd, monkeypatch: pytest.MonkeyPatch, properties: dict[str, str], told: str
) -> None:
    monkeypatch.setattr("vxloom.prepare.steps.service._PATIENCE", 0.2)
    machine.write(services.AGENT_FILE, 'server = "h:8250"\n')
    systemd.will_be(services.AGENT, **properties)
    systemd.log("level=info event=begins", "vxloom: it cannot be", "and that is all")
    part = apply(machine)["service"]
    assert told in part.problem
    assert "journalctl -u vxloom-agent.service" in part.problem
    assert len(part.changes) == 2, "nothing else is taken back"


@pytest.fixture
def cloudstack(machine: Machine, systemd: Systemd) -> Callable[..., None]:
    """CloudStack's agent, which began a minute ago; what it is after its next start, and logs then."""

    def then(*lines: str, **properties: object) -> None:
        file = machine.path(services.CLOUDSTACK_LOG)
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() + 2))
        file.write_text(file.read_text() + "".join(f"{moment},000 {line}\n" for line in lines))
        systemd.will_be(services.CLOUDSTACK, **properties)

    machine.write(services.CLOUDSTACK_LOG, "2020-01-01 00:00:00,000 INFO Startup Response Received: agent [id: 1]\n")
    machine.write(services.CLOUDSTACK_FILE, "guid=1\n")
    systemd.will_be(services.CLOUDSTACK, now=True, ago=60)
    return then


def changed_by_us(machine: Machine) -> None:
    change = WriteFile(path=services.CLOUDSTACK_FILE, text="guid=1\nguest.network.device=cloudbr1\n", reason="r")
    Journal(machine).add(Entry(step="agent-properties", change=change, before=change.before(machine)))
    change.do(machine)


def test_cloudstacks_agent_is_left_alone_when_a_person_changed_its_file(machine: Machine, cloudstack: Callable[..., None]) -> None:
    machine.write(services.CLOUDSTACK_FILE, "guid=2\n")
    assert planned(machine) == []


def test_cloudstacks_agent_is_started_again_when_we_changed_its_file(
    machine: Machine, systemd: Systemd, cloudstack: Callable[..., None]
) -> None:
    changed_by_us(machine)
    cloudstack("INFO Startup Response Received: agent [id: 1]")
    assert apply(machine)["service"].problem == ""
    assert systemd.said() == [f"restart {services.CLOUDSTACK}"]
    assert planned(machine) == []


def test_a_plan_tells_of_the_restart_that_its_own_changes_will_make_needed(machine: Machine, cloudstack: Callable[..., None]) -> None:
    parts = run.plan(machine, HostSettings(bridge_type="native"), run.chosen(["agent-properties", "service"]))
    assert [change.what for part in parts for change in part.changes] == [
        f"write {services.CLOUDSTACK_FILE}",
        f"run systemctl restart --no-block {services.CLOUDSTACK}",
    ]


def test_a_cloudstack_agent_that_does_not_connect_is_told_of_with_its_last_trouble(
    machine: Machine, cloudstack: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vxloom.prepare.steps.service._PATIENCE", 0.2)
    changed_by_us(machine)
    cloudstack("INFO Agent begins", "ERROR Unable to connect to 192.0.2.1:8250", "INFO waits")
    problem = apply(machine)["service"].problem
    assert "has not reached its server" in problem
    assert "ERROR Unable to connect to 192.0.2.1:8250" in problem


def test_a_systemctl_that_does_not_answer_is_a_problem_not_a_crash(machine: Machine, systemd: Systemd) -> None:
    machine.write(services.AGENT_FILE, 'server = "h:8250"\n')
    (systemd.folder / "systemctl").write_text("#!/bin/sh\necho 'Failed to connect to bus' >&2; exit 1\n")
    with pytest.raises(PrepareError, match="Failed to connect to bus"):
        services.standing(machine, services.AGENT)
    assert "Failed to connect to bus" in apply(machine)["service"].problem
