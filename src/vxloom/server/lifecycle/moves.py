"""A machine changes its host: prepared there first, then the word goes to everybody at once. Make before break.

Phases: ``prepare`` (incoming bindings at the destination) → ``flip`` (active there, withdrawn at the source) → done. For namespace guests
this is a stop here and a start there; nobody calls it live.
"""

from __future__ import annotations

from vxloom.model.intent import BindingState
from vxloom.server.call import Call
from vxloom.server.lifecycle import machines, narrow
from vxloom.server.placement import obstacle
from vxloom.server.waiting import Step, fail, wait_for_peers, wait_for_ports
from vxloom.store import ReadTransaction, Transaction, records

EVENT = "VM.MIGRATE"


def begin(call: Call, tx: Transaction, vm: records.Vm, source: records.Host, destination: records.Host) -> records.Job:
    """Prepare a running machine's NICs at the destination, and return the job."""
    caller = call.caller
    return begin_of(machines.Author(call.command, caller.account.id, caller.user.id, caller.root), tx, vm, source, destination)


def begin_of(author: machines.Author, tx: Transaction, vm: records.Vm, source: records.Host, destination: records.Host) -> records.Job:
    """The same for a move that no call of its own asked for; ``author``'s command must be one whose jobs :func:`advance` carries on."""
    nics = machines.nics_of(tx, vm.id)
    tx.update(records.Vm, vm.id, state=records.VmState.MIGRATING)
    for nic in nics:
        tx.bind(nic.id, destination.id, BindingState.INCOMING)
    places = {"source": source.id, "destination": destination.id, narrow.WORD: narrow.tell(tx, vm, destination.id)}
    job = machines.begin_job_of(author, tx, vm, phase="prepare", **places)
    wait_for_ports(tx, job, destination.id, [nic.network for nic in nics])
    return job


def destinations(rx: ReadTransaction, vm: records.Vm, source: records.Host | None, live: frozenset[str]) -> dict[str, str]:
    """Return host id → why a machine cannot move there, "" if it can, for every other host of its zone, by number."""
    others = [host for host in rx.all(records.Host, order="number", zone=vm.zone) if source is None or host.id != source.id]
    offering = rx.get(records.ServiceOffering, vm.service_offering)
    tags, kind = offering.host_tags if offering else None, source.hypervisor if source else None
    return {
        candidate.host.id: obstacle(candidate, tags=tags, avoid=frozenset(), kind=kind)
        for candidate in machines.candidates_of(rx, vm, others, live, {})
    }


def advance(step: Step) -> None:
    """Carry a move on."""
    vm = machines.machine_of(step, records.VmState.MIGRATING)
    if vm is None:
        machines.gone(step)
    elif step.job.phase == "prepare":
        _flip(step, vm)
    else:
        _end(step, vm)


def _flip(step: Step, vm: records.Vm) -> None:
    source, destination = step.text("source"), step.text("destination")
    nics = machines.nics_of(step.tx, vm.id)
    if step.outcome.silent:
        # Nothing has moved yet: take the preparation back, the machine stays where it is and works.
        if step.tx.get(records.Host, destination) is not None:
            for nic in nics:
                step.tx.unbind(nic.id, destination)
        step.tx.update(records.Vm, vm.id, state=records.VmState.RUNNING)
        _refuse(step, vm, f"host {', '.join(step.outcome.silent)} did not prepare for it in time; it stays where it is")
        return
    if step.tx.get(records.Host, destination) is None:
        step.tx.update(records.Vm, vm.id, state=records.VmState.RUNNING)
        _refuse(step, vm, "the destination was removed; it stays where it is")
        return
    stays = step.tx.get(records.Host, source) is not None
    for nic in nics:
        step.tx.bind(nic.id, destination, BindingState.ACTIVE)
        if stays:
            step.tx.unbind(nic.id, source)
    step.tx.update(records.Vm, vm.id, last_host=destination)
    job = step.tx.next_phase(step.job.id, "flip", context=step.job.context)
    networks = [nic.network for nic in nics]
    wait_for_ports(step.tx, job, destination, networks)
    if stays:
        step.tx.wait_host(job.id, source, records.WaitRole.MUST)
    wait_for_peers(step.tx, job, networks, but=[destination, source])


def _end(step: Step, vm: records.Vm) -> None:
    destination = step.tx.get(records.Host, step.text("destination"))
    if destination is None or destination.name in step.outcome.silent:
        machines.end_in_error(step, vm, EVENT, "move")
        return
    step.tx.update(records.Vm, vm.id, state=records.VmState.RUNNING)
    if step.outcome.silent:
        # It runs at its new place; the old one has not said that it let go of it.
        listed = ", ".join(step.outcome.silent)
        _refuse(step, vm, f"it runs on {destination.name}, but host {listed} has not acknowledged that it left")
        return
    but = narrow.noted(step.job)
    text = f"Moved instance {vm.name} to host {destination.name}{f', but {but}' if but else ''}"
    machines.audit(step, EVENT, text, vm, level="WARN" if but else "INFO")
    machines.finish(step)


def _refuse(step: Step, vm: records.Vm, why: str) -> None:
    text = f"Unable to migrate instance {vm.name}: {why}"
    machines.audit(step, EVENT, text, vm, level="ERROR")
    fail(step.tx, step.job, text)
