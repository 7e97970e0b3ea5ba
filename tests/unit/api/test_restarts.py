"""Law 9 through a crash of the server: whatever job it was in the middle of, the next one ends it, and nothing stays half way.

Every asynchronous command of the registry has a case in restarts.py; one that has none fails the first test.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.meta.tree import SOURCE, parsed
from tests.unit.api.desk import DONE, FAILED, PENDING, Desk
from tests.unit.api.restarts import CASES, HOSTS, ROUNDS, Case, Restarted, World, built
from vxloom.server.command import registry
from vxloom.server.lifecycle import machines
from vxloom.store import records

BETWEEN = {"Starting", "Stopping", "Migrating", "Expunging", "Implementing", "Shutdown", "Destroy", "PrepareForMaintenance"}
"""States that only a job leads out of."""
TAKE_DOWN = {"destroyVirtualMachine", "deleteAccount", "deleteDomain", "deleteProject", "deleteNetwork", "restartNetwork"}
"""What is gone, or told anew, stays so whatever a host says: these end well, and name who has not heard of it."""
WAITING = [case for case in CASES if case.waits]
AT_ONCE = [case for case in CASES if case not in WAITING]


@pytest.fixture(scope="module")
def world(_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with built(_template, tmp_path_factory.mktemp("world")) as world:
        yield world


def test_every_asynchronous_command_is_walked_through() -> None:
    asynchronous = {name for name, command in registry().items() if command.asynchronous}
    assert asynchronous == {case.command for case in CASES}, "say in restarts.py how a job of it is begun"


def test_every_phase_of_a_job_is_walked_through(world: World) -> None:
    seen = set()
    for case in WAITING:
        desk = world.again()
        job = case.begin(desk, world)
        for _ in range(ROUNDS):
            if (row := _row(desk, job)).status is not records.JobStatus.PENDING:
                break
            seen.add((case.command, row.phase))
            desk.settle()
    assert {phase for _, phase in seen} == _phases_of_the_source()
    assert {command for command, _ in seen} == {case.command for case in WAITING}


@pytest.mark.parametrize("case", AT_ONCE, ids=lambda case: case.name)
def test_a_job_that_waits_for_nobody_has_ended_when_its_call_is_answered(world: World, case: Case) -> None:
    desk = world.again()
    job = case.begin(desk, world)
    with Restarted.after(desk, back=frozenset(), silent=frozenset()) as again:
        assert again.desk.job(job)["jobstatus"] == DONE
        _require_rest(again.desk)


@pytest.mark.parametrize("case", WAITING, ids=lambda case: case.name)
def test_a_job_ends_after_a_restart_whatever_hosts_do(world: World, case: Case) -> None:
    every, nobody = frozenset(world.ids[name] for name in HOSTS), frozenset[str]()
    stage, endings = 0, [(every, nobody)]
    while endings:
        back, silent = endings.pop()
        desk = world.again()
        job = case.begin(desk, world)
        for _ in range(stage):
            desk.settle()
        if _row(desk, job).status is not records.JobStatus.PENDING:
            break
        with Restarted.after(desk, back=back, silent=silent) as again:
            waited = again.waited()
            again.to_the_end()
            _judge(case, again, job, every - back | silent, world)
            if silent == every:
                _clear_away(again, world, every, job)
        if (back, silent) == (every, nobody):
            one = [frozenset({host}) for host in sorted(waited)] if len(waited) > 1 else []
            endings = [(nobody, nobody), (every, every), *((every, host) for host in one)]
        elif not endings:
            stage, endings = stage + 1, [(every, nobody)]
    assert stage > 0, "a case in which somebody is waited for is wanted"


@pytest.mark.parametrize("case", WAITING, ids=lambda case: case.name)
def test_a_job_ends_after_a_restart_when_a_host_is_removed(world: World, case: Case) -> None:
    every = frozenset(world.ids[name] for name in HOSTS)
    for host in sorted(every):
        desk = world.again()
        job = case.begin(desk, world)
        with Restarted.after(desk, back=every, silent=frozenset()) as again:
            if host in again.waited():
                again.desk.ask("deleteHost", id=host, forced="true")
                again.to_the_end()
                _require_end(again.desk, job)
                _require_rest(again.desk)


def _judge(case: Case, again: Restarted, job: str, mute: frozenset[str], world: World) -> None:
    ended = _require_end(again.desk, job)
    unheard = again.concerned & mute
    if case.command in TAKE_DOWN and unheard:
        assert ended["jobstatus"] == DONE
        assert "pendinghosts" in str(ended["jobresult"])
    elif case.command == "prepareHostForMaintenance":
        # Where its machines went is other jobs' business: it is about its host alone.
        with again.desk.store.read() as rx:
            empty = not rx.count(records.Belief, host=world.ids["h1"], kind=records.BeliefKind.PORT)
        assert empty if ended["jobstatus"] == DONE else unheard
    else:
        assert ended["jobstatus"] == (FAILED if unheard else DONE), ended
    _require_rest(again.desk)


def _require_end(desk: Desk, job: str) -> dict[str, object]:
    """It ended, with a result or with a reason."""
    ended = desk.job(job)
    assert ended["jobstatus"] != PENDING
    if ended["jobstatus"] == FAILED:
        text = ended["jobresult"]["errortext"]
        assert text
        assert "nternal error" not in text
        assert ended["jobresultcode"] == ended["jobresult"]["errorcode"] == 530
    return ended


def _require_rest(desk: Desk) -> None:
    """Nothing is on its way anywhere."""
    with desk.store.read() as rx:
        states = [str(row.state) for kind in (records.Vm, records.Network) for row in rx.all(kind)]
        states += [host.resource_state for host in rx.all(records.Host)]
        assert not BETWEEN & set(states), states
        assert {binding.state.value for binding in rx.all(records.Binding)} <= {"active"}
        assert rx.count(records.JobWait) == 0
        for vm in rx.all(records.Vm, state=records.VmState.RUNNING):
            assert rx.host_of(vm.id) is not None, vm.name
        for vm in rx.all(records.Vm, state=[records.VmState.STOPPED, records.VmState.DESTROYED]):
            assert rx.host_of(vm.id) is None, vm.name


def _clear_away(again: Restarted, world: World, hosts: frozenset[str], job: str) -> None:
    """When the hosts are back the machines concerned can be removed, and nothing is left of them anywhere."""
    desk, again.silent = again.desk, frozenset()
    desk.hosts.up = set(hosts)
    named = {world.ids["vm"], world.ids["down"], _row(desk, job).instance}
    with desk.store.read() as rx:
        machines = [vm.id for vm in rx.all(records.Vm) if vm.id in named]
        nics = [nic.id for nic in rx.all(records.Nic, vm=machines)]
    jobs = [desk.ask("destroyVirtualMachine", id=vm, expunge="true")["jobid"] for vm in machines]
    again.to_the_end()
    assert {desk.job(job)["jobstatus"] for job in jobs} <= {DONE}
    with desk.store.read() as rx:
        left = {"machines": rx.count(records.Vm, id=machines), "nics": rx.count(records.Nic, id=nics)}
        left |= {"bindings": rx.count(records.Binding, nic=nics)}
        left |= {"beliefs": rx.count(records.Belief, kind=records.BeliefKind.PORT, key=nics)}
    assert set(left.values()) == {0}, left


def _row(desk: Desk, job: str) -> records.Job:
    with desk.store.read() as rx:
        row = rx.get(records.Job, job)
    assert row is not None
    return row


def _phases_of_the_source() -> set[str]:
    """Every text the server's source gives a job as its phase, and the one of jobs that are given none."""
    found = {""}
    for path in (SOURCE / "server").rglob("*.py"):
        tree = parsed(path)
        constants = dict(pair for node in ast.walk(tree) if isinstance(node, ast.Assign) for pair in _constants(node))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                given = [word.value for word in node.keywords if word.arg == "phase"]
                if isinstance(node.func, ast.Attribute) and node.func.attr == "next_phase":
                    given.append(node.args[1])
                found |= {value.value for value in given if isinstance(value, ast.Constant)}
                found |= {constants[value.id] for value in given if isinstance(value, ast.Name) and value.id in constants}
                found |= {getattr(machines, value.attr) for value in given if isinstance(value, ast.Attribute) and value.attr.isupper()}
    return found


def _constants(node: ast.Assign) -> Iterator[tuple[str, str]]:
    """Yield name and text of each constant an assignment makes, of several at once, too."""
    for target in node.targets:
        names = target.elts if isinstance(target, ast.Tuple) else [target]
        values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
        for name, value in zip(names, values, strict=False):
            if isinstance(name, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield name.id, value.value
