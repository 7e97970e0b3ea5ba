"""Life of a machine: Starting → Running → Stopping → Stopped → Destroyed → gone, and what each asks of the hosts."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from vxloom.errors import RequestError
from vxloom.model.intent import BindingState
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import find
from vxloom.server.lifecycle import narrow
from vxloom.server.lifecycle.networks import implement
from vxloom.server.placement import Candidate, place
from vxloom.server.views.derived import root_volume_id
from vxloom.server.views.machines import machine_views
from vxloom.server.waiting import Outcome, Step, end, fail, wait_for_peers, wait_for_ports
from vxloom.store import ReadTransaction, Transaction, records

_log = structlog.get_logger(__name__)
INSTANCE = "VirtualMachine"
NIC = "nic"
"""The phase of jobs about a NIC of a machine that stays where it is."""
_SAMPLE = 64
"""Hosts looked at when there are more: the emptiest of that many random ones is near enough the emptiest of all."""


def require(vm: records.Vm, *states: records.VmState, to: str) -> None:
    """Raise 431 unless a machine is in one of these states."""
    if vm.state not in states:
        wanted = " or ".join(state.value for state in states)
        raise RequestError(f"Unable to {to} instance {vm.name}: it is {vm.state.value}, not {wanted}", cs_code=4250)


def nics_of(rx: ReadTransaction, vm: str) -> list[records.Nic]:
    """Return a machine's NICs by position."""
    return rx.all(records.Nic, order="position", vm=vm)


def on_host(rx: ReadTransaction, host: str) -> list[records.Vm]:
    """Return the machines that are bound to a host: there, or on their way to or from it."""
    nics = {binding.nic for binding in rx.all(records.Binding, host=host)}
    found = {nic.vm for nic in rx.all(records.Nic, id=nics)} if nics else set()
    return rx.all(records.Vm, id=found) if found else []


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody wants a machine; None: wherever."""

    host: str | None = None
    pod: str | None = None
    cluster: str | None = None

    @classmethod
    def asked(cls, call: Call, rx: ReadTransaction) -> Place:
        """Return the place of ``hostid``, ``podid`` and ``clusterid``; raises 531 for all but root admins, 431 for an unknown one."""
        wanted = [call.arguments.filled(name) for name in ("hostid", "podid", "clusterid")]
        if any(wanted) and not call.caller.root:
            raise RequestError("Only root admins may choose a host", code=531, cs_code=4365)
        for name, kind in (("hostid", records.Host), ("podid", records.Pod), ("clusterid", records.Cluster)):
            if identity := call.arguments.filled(name):
                owners.fetch(rx, kind, identity, name)
        return cls(*wanted)

    def holds(self, host: records.Host) -> bool:
        """Tell whether a host is in the pod and the cluster."""
        return self.pod in {None, host.pod} and self.cluster in {None, host.cluster}


ANYWHERE = Place()


def choose_host(
    rx: ReadTransaction,
    vm: records.Vm,
    live: frozenset[str],
    strained: Mapping[str, str],
    *,
    where: Place = ANYWHERE,
    avoid: frozenset[str] = frozenset(),
) -> records.Host:
    """Return where a machine goes; raises :class:`RequestError` 533 when no host fits."""
    wanted = where.host
    if wanted is not None:
        hosts = [host for host in rx.all(records.Host, id=wanted, zone=vm.zone) if where.holds(host)]
    else:
        hosts = [host for host in rx.all(records.Host, zone=vm.zone) if where.holds(host) and (host.id in live or len(live) == 0)]
        if len(hosts) > _SAMPLE:
            random.shuffle(hosts)
            hosts = sorted(hosts, key=lambda host: host.id in strained)[:_SAMPLE]
            last = rx.get(records.Host, vm.last_host) if vm.last_host else None
            hosts += [last] if last and last not in hosts and where.holds(last) else []
    offering = rx.get(records.ServiceOffering, vm.service_offering)
    tags = offering.host_tags if offering else None
    kind = _kind_of(rx, vm, free=wanted is not None)
    return place(candidates_of(rx, vm, hosts, live, strained), tags=tags, wanted=wanted, avoid=avoid, last=vm.last_host, kind=kind)


def candidates_of(
    rx: ReadTransaction, vm: records.Vm, hosts: Sequence[records.Host], live: frozenset[str], strained: Mapping[str, str]
) -> list[Candidate]:
    """Return hosts as a machine's placement sees them."""
    beside = narrow.hosts_beside(rx, vm)
    refused = beside if beside and narrow.check_of(rx, vm.zone) == narrow.REFUSE else {}
    if 2 * sum(host.id in beside for host in hosts) > len(hosts):
        beside = {}  # all over the place: else a network's machines would pile up on the one host that they are on already
    pods = {pod.id for pod in rx.all(records.Pod, allocation_state="Disabled")}
    clusters = {cluster.id for cluster in rx.all(records.Cluster, allocation_state="Disabled")}
    bound = rx.tally(records.Binding, "host", (host.id for host in hosts))
    return [
        Candidate(
            host,
            host.id in live,
            bound.get(host.id, 0),
            "is in a disabled cluster" if host.cluster in clusters else "is in a disabled pod" if host.pod in pods else "",
            strained.get(host.id, "") or beside.get(host.id, ""),
            refused.get(host.id, ""),
        )
        for host in hosts
    ]


def _kind_of(rx: ReadTransaction, vm: records.Vm, *, free: bool) -> str | None:
    """Return the hypervisor a machine is for: that of the host it was on last.

    A new one is for real hosts wherever a zone has any, whatever its template says: nothing real lands on a simulated host by chance.
    Only a zone of simulated hosts, a template for them, or somebody who names the host (``free``) brings it there.
    """
    last = rx.get(records.Host, vm.last_host) if vm.last_host else None
    if last is not None:
        return last.hypervisor
    if free:
        return None
    template = rx.get(records.Template, vm.template)
    real = rx.count(records.Host, zone=vm.zone, hypervisor=records.Hypervisor.KVM) > 0
    simulated = template is not None and template.hypervisor == records.Hypervisor.SIMULATOR
    return records.Hypervisor.KVM if real and not simulated else records.Hypervisor.SIMULATOR


def begin_start(call: Call, tx: Transaction, vm: records.Vm, *, where: Place = ANYWHERE) -> records.Job:
    """Place a machine, bind its NICs there, and return the job that waits for it to be so."""
    nics = nics_of(tx, vm.id)
    networks = [nic.network for nic in nics]
    for network in tx.all(records.Network, id=set(networks)):
        implement(call, tx, network)
    host = _host_for(call, tx, vm, where)
    tx.update(records.Vm, vm.id, state=records.VmState.STARTING, last_host=host.id)
    for nic in nics:
        tx.bind(nic.id, host.id, BindingState.ACTIVE)
    job = begin_job(call, tx, vm, phase="start", host=host.id, **{narrow.WORD: narrow.tell(tx, vm, host.id)})
    wait_for_ports(tx, job, host.id, networks)
    wait_for_peers(tx, job, networks, but=[host.id])
    return job


def _host_for(call: Call, tx: Transaction, vm: records.Vm, where: Place) -> records.Host:
    """Choose a host; why each does not fit is for root admins to read, and in the log."""
    try:
        return choose_host(tx, vm, call.fleet.live(), call.fleet.strained(), where=where)
    except RequestError as error:
        if call.caller.root:
            raise
        _log.warning("no host fits", instance=vm.id, reason=error.message)
        text = "Unable to create a deployment for the instance: no host fits"
        raise RequestError(text, code=error.code, cs_code=error.cs_code, remedy="ask the cloud's administrator, or try later") from None


def end_start(step: Step, *, event: str) -> None:
    """Running, once its host said so; Error when it never did."""
    vm = machine_of(step, records.VmState.STARTING)
    if vm is None:
        return gone(step)
    if step.outcome.silent:
        return end_in_error(step, vm, event, "start")
    step.tx.update(records.Vm, vm.id, state=records.VmState.RUNNING)
    step.tx.resolve_alert("vm.error", vm.id)
    place = f" on host {host_name(step, vm)}" if for_root(step) else ""
    but = narrow.noted(step.job) if for_root(step) else ""
    audit(step, event, f"Started instance {vm.name}{place}{f', but {but}' if but else ''}", vm, level="WARN" if but else "INFO")
    return finish(step)


def begin_withdraw(call: Call, tx: Transaction, vm: records.Vm, state: records.VmState, *, wait: bool = True) -> records.Job:
    """Unbind a machine everywhere, and return the job that waits until nothing of it is left on its hosts.

    ``wait=False`` (forced): its hosts are told, and not waited for.
    """
    nics = nics_of(tx, vm.id)
    bindings = tx.all(records.Binding, nic={nic.id for nic in nics}) if nics else []
    hosts = {binding.host for binding in bindings}
    networks = [nic.network for nic in nics]
    tx.resolve_alert(narrow.ALERT, vm.id)
    tx.update(records.Vm, vm.id, state=state, destroyed=time.time() if state is records.VmState.DESTROYED else None)
    supersede(tx, vm, state)
    for binding in bindings:
        tx.unbind(binding.nic, binding.host)
    job = begin_job(call, tx, vm, phase="withdraw")
    for host in hosts if wait else ():
        tx.wait_host(job.id, host, records.WaitRole.MUST)
    wait_for_peers(tx, job, networks, but=hosts)
    return job


def supersede(tx: Transaction, vm: records.Vm, state: records.VmState) -> None:
    """End what other jobs had in hand with a machine: what they wait for will not come any more.

    One about a NIC ends well: of a machine that is taken down all NICs are intent.
    """
    for job in tx.all(records.Job, status=records.JobStatus.PENDING, instance=vm.id):
        if job.phase == NIC:
            find(job.command).advance(Step(tx, job, Outcome()))
        else:
            fail(tx, job, f"Instance {vm.name} is {state.value} meanwhile")


def end_withdraw(step: Step, state: records.VmState, *, event: str, verb: str, done: str) -> None:
    """In ``state``, once nothing of it is left on its hosts; Error when one of them never said so."""
    vm = machine_of(step, records.VmState.STOPPING)
    if vm is None:
        return gone(step)
    if step.outcome.silent:
        return end_in_error(step, vm, event, verb)
    step.tx.update(records.Vm, vm.id, state=state)
    step.tx.resolve_alert("vm.error", vm.id)
    audit(step, event, f"{done} instance {vm.name}", vm)
    return finish(step)


def end_destroy(step: Step, *, event: str) -> None:
    """Destroyed, or gone for good; hosts that were silent are named: they are told again when they come back."""
    vm = machine_of(step, records.VmState.DESTROYED, records.VmState.EXPUNGING)
    if vm is None:
        return gone(step)
    missing = Outcome(pending=tuple(sorted({*step.outcome.silent, *step.outcome.pending})))
    step.tx.resolve_alert("vm.error", vm.id)
    audit(step, event, f"Destroyed instance {vm.name}", vm)
    finish(replace(step, outcome=missing))
    if vm.state is records.VmState.EXPUNGING:
        remove(step.tx, vm)
    return None


def restart(step: Step, *, event: str) -> None:
    """The second half of a reboot: bound again where it was."""
    vm = machine_of(step, records.VmState.STOPPING)
    if vm is None:
        return gone(step)
    host = step.tx.get(records.Host, vm.last_host or "")
    if step.outcome.silent or host is None:
        return end_in_error(step, vm, event, "reboot")
    nics = nics_of(step.tx, vm.id)
    step.tx.update(records.Vm, vm.id, state=records.VmState.STARTING)
    for nic in nics:
        step.tx.bind(nic.id, host.id, BindingState.ACTIVE)
    job = step.tx.next_phase(step.job.id, "start", context=step.job.context)
    networks = [nic.network for nic in nics]
    wait_for_ports(step.tx, job, host.id, networks)
    return wait_for_peers(step.tx, job, networks, but=[host.id])


def unbind_all(tx: Transaction, vm: records.Vm) -> None:
    """Withdraw a machine from wherever it is still bound: one in Error may be."""
    for nic in nics_of(tx, vm.id):
        for binding in tx.all(records.Binding, nic=nic.id):
            tx.unbind(nic.id, binding.host)


def leave(tx: Transaction, vm: records.Vm) -> None:
    """Note that a host a machine was bound to is no more: it stays where else it is active, or is Stopped."""
    if tx.host_of(vm.id) is None:
        state = vm.state if vm.state in {records.VmState.DESTROYED, records.VmState.EXPUNGING} else records.VmState.STOPPED
        unbind_all(tx, vm)  # it may have been on its way elsewhere
        tx.update(records.Vm, vm.id, state=state, last_host=None)
        supersede(tx, vm, state)
    elif vm.state is records.VmState.MIGRATING:
        tx.update(records.Vm, vm.id, state=records.VmState.RUNNING)
        supersede(tx, vm, records.VmState.RUNNING)


def release_waits(tx: Transaction, host: str) -> None:
    """Count what jobs wait to be taken down on a host as done: the host is no more, and nobody sends it anything."""
    for wait in tx.all(records.JobWait, host=host, acked=False):
        job = tx.get(records.Job, wait.job)
        if job is not None and (job.phase == "withdraw" or (job.phase == "flip" and job.context.get("source") == host)):
            tx.update(records.JobWait, wait.id, acked=True)


@dataclass(frozen=True, slots=True)
class Author:
    """In whose name a job runs, and as which command's."""

    command: str
    account: str
    user: str
    root: bool


def begin_job(call: Call, tx: Transaction, vm: records.Vm, *, phase: str, **context: str) -> records.Job:
    """Return a new job about a machine; its context keeps who may see what in the result."""
    caller = call.caller
    return begin_job_of(Author(call.command, caller.account.id, caller.user.id, caller.root), tx, vm, phase=phase, **context)


def begin_job_of(author: Author, tx: Transaction, vm: records.Vm, *, phase: str, **context: str) -> records.Job:
    """The same for a job that no call of its own asked for."""
    return tx.start_job(
        command=author.command,
        account=author.account,
        user=author.user,
        instance_type=INSTANCE,
        instance=vm.id,
        phase=phase,
        context={"root": author.root, **context},
    )


def remove(tx: Transaction, vm: records.Vm) -> None:
    """Take a machine out of the store: NICs, addresses (they drain, law 7) and the row."""
    unbind_all(tx, vm)
    tx.resolve_alert(narrow.ALERT, vm.id)
    for nic in nics_of(tx, vm.id):
        tx.release_nic(nic.id)
    tx.delete_where(records.Tag, resource=[vm.id, root_volume_id(vm.id)])
    tx.delete(records.Vm, vm.id)


def machine_of(step: Step, *states: records.VmState) -> records.Vm | None:
    """Return the machine a job is about; None when it is gone, or no longer in one of ``states``: another job has it in hand."""
    vm = step.tx.get(records.Vm, step.job.instance or "")
    return vm if vm is not None and (not states or vm.state in states) else None


def gone(step: Step) -> None:
    """Fail a job whose machine is no more, or has been taken in hand by another job."""
    vm = machine_of(step)
    fail(step.tx, step.job, f"The instance is {vm.state.value} meanwhile" if vm else "The instance was removed meanwhile")


def end_in_error(step: Step, vm: records.Vm, event: str, verb: str) -> None:
    """Mark the machine, raise an alert, fail the job: its *must* hosts said nothing. What was intended stays intended."""
    step.tx.update(records.Vm, vm.id, state=records.VmState.ERROR)
    step.tx.alert("vm.error", vm.id, f"instance {vm.name}: no host did what was asked; see to its host, then stop or start the instance")
    silent(step, vm, event, verb)


def silent(step: Step, vm: records.Vm, event: str, verb: str) -> None:
    """Fail a job because of silent *must* hosts, and name them."""
    listed = ", ".join(step.outcome.silent if for_root(step) else ()) or "of its own"
    audit(step, event, f"Failed to {verb} instance {vm.name}: no word from host {listed}", vm, level="ERROR")
    fail(step.tx, step.job, f"Unable to {verb} instance {vm.name}: no acknowledgement from host {listed} in time")


def finish(step: Step) -> None:
    """End a job with its machine as the result."""
    vm = machine_of(step)
    views = machine_views(step.tx, [vm], root=for_root(step)) if vm else [{}]
    said = {"pendinghosts": step.outcome.pendinghosts, "narrowpath": narrow.noted(step.job) or None} if for_root(step) else {}
    end(step, {"virtualmachine": {**views[0], **said}})


def for_root(step: Step) -> bool:
    """Tell whether a root admin asked for the job: others are not told which hosts there are (the alerts name them)."""
    return bool(step.job.context.get("root"))


def host_name(step: Step, vm: records.Vm) -> str:
    """Return the name of the host a machine is on."""
    host = step.tx.host_of(vm.id)
    return host.name if host else "(none)"


def audit(step: Step, event: str, text: str, vm: records.Vm, *, level: str = "INFO") -> None:
    """Leave an entry in the audit trail in the name of whoever asked for the job."""
    job = step.job
    step.tx.event(event, text, level=level, account=job.account, user=job.user, resource_type=INSTANCE, resource=vm.id, job=job.id)
