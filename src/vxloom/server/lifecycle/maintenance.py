"""A host is emptied before somebody works on it, and kept empty until that is cancelled.

Enabled → PrepareForMaintenance (its machines move, each with a job of its own; then the host says that nothing of them is left) →
Maintenance; ErrorInMaintenance when one stays, or the host does not say so. From any
of the three cancelling leads back to Enabled. The job waits for the moves' jobs, so it goes on after a restart of the server.
"""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server.call import Call
from vxloom.server.lifecycle import machines, moves
from vxloom.server.views.hosts import host_views
from vxloom.server.waiting import CHILDREN, Outcome, Step, end, fail
from vxloom.store import Transaction, records

INSTANCE = "Host"
PREPARE, MOVE = "prepareHostForMaintenance", "migrateVirtualMachine"
ALERT = "host.maintenance"
HOST_ALERT = 7
"""CloudStack's ALERT.TYPE.HOST, AlertService.java."""
_PREPARING, _DONE, _ERROR = "PrepareForMaintenance", "Maintenance", "ErrorInMaintenance"
STATES = frozenset({_PREPARING, _DONE, _ERROR})
_TRIED = "tried"
_EMPTYING, _LEAVING = "empty", "leave"
"""Phases: machines are on their way; none is, but the host has not yet said that nothing of them is left."""


def begin(call: Call, tx: Transaction, host: records.Host) -> records.Job:
    """Close a host for new machines, begin to move those it has, and return the job; raises 431 for one in maintenance already."""
    if host.resource_state in STATES:
        raise RequestError(
            f"Host {host.name} is already in state {host.resource_state}. Cannot recall for maintenance until resolved.",
            remedy="cancelHostMaintenance first",
        )
    caller = call.caller
    tx.update(records.Host, host.id, resource_state=_PREPARING)
    job = tx.start_job(
        command=PREPARE, account=caller.account.id, user=caller.user.id, instance_type=INSTANCE, instance=host.id, phase=_EMPTYING
    )
    tx.resolve_alert(ALERT, host.id)
    call.event(tx, "MAINT.PREPARE", f"Preparing host {host.name} for maintenance", INSTANCE, host.id, state="Started", job=job.id)
    advance(Step(tx, job, Outcome(), call.fleet.live(), call.fleet.strained()))
    return job


def advance(step: Step) -> None:
    """Move what can be moved; when nothing is on its way any more and the host says so, end in Maintenance, else in ErrorInMaintenance."""
    tx, job = step.tx, step.job
    host = tx.get(records.Host, job.instance or "")
    if host is None or host.resource_state != _PREPARING:
        fail(tx, job, "The host was removed meanwhile" if host is None else f"The host is {host.resource_state} meanwhile")
        return
    given = job.context.get(_TRIED)
    tried: list[str] = [str(vm) for vm in given] if isinstance(given, list) else []
    waiting: set[str] = set()
    stuck: list[str] = []
    for vm in machines.on_host(tx, host.id):
        pending = {other.id for other in tx.all(records.Job, status=records.JobStatus.PENDING, instance=vm.id)}
        if not pending and (reason := _move(step, vm, host, tried, waiting)):
            stuck.append(f"{vm.name} {reason}")
        waiting |= pending
    if waiting:
        tx.next_phase(job.id, _EMPTYING, context={CHILDREN: sorted(waiting), _TRIED: tried})
    elif stuck:
        _end_in_error(step, host, stuck)
    elif step.outcome.silent:
        _end_in_error(step, host, ["it does not say that nothing of them is left on it"])
    elif job.phase != _LEAVING and tx.count(records.Belief, host=host.id, kind=records.BeliefKind.PORT):
        # What was moved away is withdrawn here by tombstone. Until the host has said so a guest may still be up on it.
        tx.next_phase(job.id, _LEAVING)
        tx.wait_host(job.id, host.id, records.WaitRole.MUST)
    else:
        host = tx.update(records.Host, host.id, resource_state=_DONE)
        _audit(step, host, f"Host {host.name} is ready for maintenance")
        end(step, {"host": host_views(tx, [host], None)[0]})


def cancel(call: Call, tx: Transaction, host: records.Host) -> records.Host:
    """Open a host again; raises 431 for one that is not in maintenance. Moves on their way end as moves do."""
    if host.resource_state not in STATES:
        raise RequestError(
            f"Cannot perform cancelMaintenance when resource state is {host.resource_state}: host {host.name}",
            remedy="prepareHostForMaintenance is what it cancels",
        )
    abandon(tx, host, f"Maintenance of host {host.name} was cancelled")
    tx.resolve_alert(ALERT, host.id)
    return tx.update(records.Host, host.id, resource_state="Enabled")


def abandon(tx: Transaction, host: records.Host, why: str) -> None:
    """End what jobs have in hand with a host."""
    for job in tx.all(records.Job, status=records.JobStatus.PENDING, instance=host.id):
        fail(tx, job, why)


def _move(step: Step, vm: records.Vm, host: records.Host, tried: list[str], waiting: set[str]) -> str:
    """Begin to move a machine away; return why that cannot be, or "". Each is tried once: a destination that failed it may fail again."""
    if vm.state is not records.VmState.RUNNING:
        return f"is {vm.state.value}"
    if vm.id in tried:
        return "could not be moved, see its events"
    try:
        destination = machines.choose_host(step.tx, vm, step.live, step.strained, avoid=frozenset({host.id}))
    except RequestError as error:
        return f"has nowhere to go: {error.message}"
    author = machines.Author(MOVE, step.job.account, step.job.user, root=True)
    job = moves.begin_of(author, step.tx, vm, host, destination)
    text = f"Moving instance {vm.name} from host {host.name} to {destination.name}"
    machines.audit(Step(step.tx, job, step.outcome), moves.EVENT, text, vm)
    tried.append(vm.id)
    waiting.add(job.id)
    return ""


def _end_in_error(step: Step, host: records.Host, stuck: list[str]) -> None:
    shown = "; ".join(stuck[:5]) + (f"; and {len(stuck) - 5} more" if len(stuck) > 5 else "")
    text = f"Unable to prepare host {host.name} for maintenance: {shown}"
    step.tx.update(records.Host, host.id, resource_state=_ERROR)
    step.tx.alert(ALERT, host.id, f"{text}; cancel it with cancelHostMaintenance, see to these, and try again", type=HOST_ALERT)
    _audit(step, host, text, level="ERROR")
    fail(step.tx, step.job, text)


def _audit(step: Step, host: records.Host, text: str, *, level: str = "INFO") -> None:
    job = step.job
    step.tx.event(
        "MAINT.PREPARE", text, level=level, account=job.account, user=job.user, resource_type=INSTANCE, resource=host.id, job=job.id
    )
