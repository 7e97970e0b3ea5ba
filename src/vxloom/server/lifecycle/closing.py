"""Accounts that end or rest: what they own is removed with them, or its machines are stopped.

Removing is one transaction: nobody ever sees an account without its things, or things without their account. The addresses and VNIs
drain (law 7), and the job waits until the hosts concerned have nothing of it left.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from vxloom.errors import RequestError
from vxloom.server.call import Call
from vxloom.server.lifecycle import machines, networks
from vxloom.server.responses import Fields
from vxloom.server.waiting import Step, end, fail, wait_for_peers, wait_until_forgotten
from vxloom.store import Transaction, records

_UP = (records.VmState.STARTING, records.VmState.RUNNING, records.VmState.MIGRATING)
_STOPPING = "stopping"


def begin(call: Call, tx: Transaction, kind: str, instance: str, **context: object) -> records.Job:
    """Return the job of an account's, a project's or a domain's end or rest."""
    return tx.start_job(
        command=call.command,
        account=call.caller.account.id,
        user=call.caller.user.id,
        instance_type=kind,
        instance=instance,
        phase="withdraw",
        context={"root": call.caller.root, **context},
    )


def remove_account(call: Call, tx: Transaction, job: records.Job, account: records.Account) -> None:
    """Remove an account with all it owns; raises 431 while a project would be left without an admin, 536 while others use its things."""
    _refuse_last_admin(tx, account)
    _remove_possessions(call, tx, job, account.id)
    tx.delete_where(records.User, account=account.id)
    tx.delete(records.Account, account.id)


def remove_project(call: Call, tx: Transaction, job: records.Job, project: records.Project) -> None:
    """Remove a project with all it owns."""
    _remove_possessions(call, tx, job, project.account)
    tx.delete_where(records.Tag, resource=project.id)
    tx.delete(records.Project, project.id)
    tx.delete(records.Account, project.account)


def finish_removal(step: Step) -> None:
    """Done; whoever is silent is named, and told when it comes back."""
    end(step, {"success": True, "pendinghosts": step.outcome.pendinghosts if step.job.context.get("root") else None})


def begin_stop(call: Call, tx: Transaction, accounts: Iterable[str], kind: str, instance: str) -> records.Job:
    """Stop all machines of accounts, and return the job that waits until their hosts said so."""
    rows = tx.all(records.Vm, account=set(accounts), state=_UP)
    places = {vm.id: _hosts_of(tx, vm) for vm in rows}
    names = {host.id: host.name for host in tx.all(records.Host, id={host for hosts in places.values() for host in hosts})}
    stopping = {vm: [names[host] for host in hosts] for vm, hosts in places.items()}
    job = begin(call, tx, kind, instance, **{_STOPPING: stopping})
    for vm in rows:
        machines.supersede(tx, vm, records.VmState.STOPPING)
        tx.update(records.Vm, vm.id, state=records.VmState.STOPPING)
        machines.unbind_all(tx, vm)
    hosts = {host for found in places.values() for host in found}
    for host in hosts:
        tx.wait_host(job.id, host, records.WaitRole.MUST)
    used = {nic.network for nic in tx.all(records.Nic, vm=list(places))} if places else set()
    wait_for_peers(tx, job, used, but=hosts)
    return job


def finish_stop(step: Step, result: Fields, done: str) -> None:
    """Stopped; then the job ends with ``result``. Where a host never said so its machines are in Error, and the job has failed.

    ``done``: what holds all the same, for whoever reads why it failed.
    """
    left: list[str] = []
    for vm_id, hosts in cast("dict[str, list[str]]", step.job.context[_STOPPING]).items():
        vm = step.tx.get(records.Vm, vm_id)
        if vm is None or vm.state is not records.VmState.STOPPING:
            continue  # another job has it in hand
        if set(hosts) & set(step.outcome.silent):
            left.append(vm.name)
            step.tx.update(records.Vm, vm.id, state=records.VmState.ERROR)
            step.tx.alert(
                "vm.error", vm.id, f"instance {vm.name}: its host did not say that it stopped; see to the host, then stop it again"
            )
            machines.audit(step, "VM.STOP", f"Failed to stop instance {vm.name}: no word from its host", vm, level="ERROR")
        else:
            step.tx.update(records.Vm, vm.id, state=records.VmState.STOPPED)
            machines.audit(step, "VM.STOP", f"Stopped instance {vm.name}", vm)
    if left:
        listed = ", ".join(step.outcome.silent) if machines.for_root(step) else "of their own"
        shown = ", ".join(sorted(left)[:5]) + (f" and {len(left) - 5} more" if len(left) > 5 else "")
        fail(step.tx, step.job, f"{done}, but instances did not stop: {shown}: no acknowledgement from host {listed} in time")
        return
    silent = sorted({*step.outcome.silent, *step.outcome.pending})
    end(step, {**result, "pendinghosts": silent or None if step.job.context.get("root") else None})


def _remove_possessions(call: Call, tx: Transaction, job: records.Job, account: str) -> None:
    hosts: set[str] = set()
    for vm in tx.all(records.Vm, account=account):
        hosts.update(_hosts_of(tx, vm))
        machines.supersede(tx, vm, records.VmState.EXPUNGING)
        tx.resolve_alert("vm.error", vm.id)
        machines.remove(tx, vm)
    for host in sorted(hosts):
        tx.wait_host(job.id, host, records.WaitRole.PEER)
    for network in tx.all(records.Network, account=account):
        networks.delete(call, tx, network)
        wait_until_forgotten(tx, job, network.zone, network.vni)
    tx.delete_where(records.Template, account=account)
    tx.delete_where(records.Tag, account=account)
    tx.delete_where(records.Configuration, account=account)


def _hosts_of(tx: Transaction, vm: records.Vm) -> list[str]:
    nics = [nic.id for nic in machines.nics_of(tx, vm.id)]
    return sorted({binding.host for binding in tx.all(records.Binding, nic=nics)}) if nics else []


def _refuse_last_admin(tx: Transaction, account: records.Account) -> None:
    for own in tx.all(records.ProjectMember, account=account.id, role=records.ProjectRole.ADMIN):
        if tx.count(records.ProjectMember, project=own.project, role=records.ProjectRole.ADMIN) == 1:
            project = tx.get(records.Project, own.project)
            name = project.name if project else own.project
            raise RequestError(
                f"The account {account.name} is the only admin of project {name}",
                code=536,
                cs_code=4375,
                remedy="delete the project, or give it another admin: updateProject account=…",
            )
