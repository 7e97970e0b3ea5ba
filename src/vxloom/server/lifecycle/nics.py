"""NICs of machines that are there already: added, changed, removed.

On a machine that is down all of this is intent. On one that is up its host must do it, and a job waits for that. What was added and did
not come about is taken back. What was changed or removed stays so: the host is told as soon as it answers.
"""

from __future__ import annotations

from collections.abc import Iterable

from vxloom.errors import RequestError
from vxloom.model.addresses import parse_ip
from vxloom.model.intent import BindingState
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.lifecycle import deployment, machines, narrow
from vxloom.server.lifecycle.networks import implement
from vxloom.server.parameters import unknown_id
from vxloom.server.waiting import Step, wait_for_peers, wait_for_ports
from vxloom.store import ReadTransaction, Transaction, records

MOST_SECONDARIES = "vm.network.nic.max.secondary.ipaddresses"
_STEADY = (records.VmState.RUNNING, records.VmState.STOPPED)


def of_machine(call: Call, rx: ReadTransaction) -> tuple[records.Nic, records.Vm]:
    """Return the NIC ``nicid`` of the machine ``virtualmachineid``; raises :class:`RequestError` 431 unless it is one of it."""
    wanted = call.arguments.need("virtualmachineid")
    vm = owners.fetch_owned(call, rx, records.Vm, wanted, "virtualmachineid")
    nic = rx.get(records.Nic, call.arguments.need("nicid"))
    if nic is None or nic.vm != vm.id:
        raise unknown_id("nicid", call.arguments.need("nicid"))
    return nic, vm


def reached(call: Call, rx: ReadTransaction, given: str) -> tuple[records.Nic, records.Vm]:
    """Return a NIC the caller reaches, with its machine; raises 431 for none, and for another's."""
    nic = owners.fetch_nic(call, rx, given)
    return nic, owners.fetch(rx, records.Vm, nic.vm)


def of_address(call: Call, rx: ReadTransaction, given: str) -> tuple[records.NicIp, records.Nic, records.Vm]:
    """Return an address of a NIC the caller reaches; raises 431 for none, and for another's: the text names what was asked for only."""
    row = rx.get(records.NicIp, given)
    nic = rx.get(records.Nic, row.nic) if row else None
    vm = rx.get(records.Vm, nic.vm) if nic else None
    if row is None or nic is None or vm is None or not owners.reaches(rx, call.caller, vm.account):
        raise unknown_id("id", given)
    return row, nic, vm


def require_steady(vm: records.Vm, to: str) -> None:
    """Raise 431 for a machine that is on its way somewhere, or gone."""
    machines.require(vm, *_STEADY, to=to)


def add(call: Call, tx: Transaction, vm: records.Vm, network: records.Network, wish: deployment.Wish) -> records.Job:
    """Give a machine a NIC on one more network, and return the job that waits for it to be there."""
    nics = machines.nics_of(tx, vm.id)
    if any(nic.network == network.id for nic in nics):
        raise RequestError(f"A NIC already exists for instance {vm.name} in network {network.name}", remedy="see listNics")
    deployment.refuse_taken(tx, vm.name, [network], but=vm.id)
    taken = {nic.position for nic in nics}
    position = next(number for number in range(len(taken) + 1) if number not in taken)
    host = tx.host_of(vm.id)
    if host is not None:
        network = implement(call, tx, network)
        narrow.refuse_network(tx, vm, host.id, network.id, root=call.caller.root)
    nic = deployment.add_nic(tx, vm, wish, network, position)
    if host is None:
        return begin(call, tx, vm, [network.id], nic=nic.id)
    tx.bind(nic.id, host.id, BindingState.ACTIVE)
    return begin(call, tx, vm, [network.id], nic=nic.id, **{narrow.WORD: narrow.tell(tx, vm, host.id)})


def remove(call: Call, tx: Transaction, vm: records.Vm, nic: records.Nic) -> records.Job:
    """Withdraw a NIC, and return the job that waits until nothing of it is left."""
    take_away(tx, nic)
    return begin(call, tx, vm, [nic.network])


def take_away(tx: Transaction, nic: records.Nic) -> None:
    """Withdraw a NIC from wherever it is, by tombstone (law 6); its addresses drain (law 7)."""
    for binding in tx.all(records.Binding, nic=nic.id):
        tx.unbind(nic.id, binding.host)
    tx.release_nic(nic.id)


def give(tx: Transaction, nic: records.Nic, text: str | None, *, secondary: bool) -> records.NicIp:
    """Give a NIC an address, the next free IPv4 one or the stated one; raises :class:`RequestError` 431 or 533."""
    network = owners.fetch(tx, records.Network, nic.network)
    if network.guest_type == "L2":
        raise RequestError(f"Network {network.name} is L2: the cloud gives no addresses there", remedy="guests choose them there")
    stated = parse_ip(text) if text else None
    family = stated.version if stated else 4
    return deployment.give_address(tx, nic, network, str(stated) if stated else None, family=family, secondary=secondary)


def exchange(tx: Transaction, nic: records.Nic, text: str | None) -> str:
    """Give a NIC another address of its own instead of the one of that family, and return it; the one it has already stays."""
    own = [row for row in tx.all(records.NicIp, nic=nic.id) if not row.secondary]
    if text and (same := str(parse_ip(text))) in {row.address for row in own}:
        return same
    new = give(tx, nic, text, secondary=False)
    for row in own:
        if row.family == new.family:
            tx.release_ip(nic.network, row.address)
    return new.address


def begin(call: Call, tx: Transaction, vm: records.Vm, networks: Iterable[str], **context: str) -> records.Job:
    """Return a job that waits for a machine's host, if it has one, to have its NICs in these networks as they are now."""
    host = tx.host_of(vm.id)
    job = machines.begin_job(call, tx, vm, phase=machines.NIC, host=host.id if host else "", **context)
    if host is not None:
        known = list(networks)
        wait_for_ports(tx, job, host.id, known)
        wait_for_peers(tx, job, known, but=[host.id])
    return job


def refused(step: Step, vm: records.Vm) -> bool:
    """Tell whether a machine's host said nothing in time. One that it has left meanwhile does not count: the move waited for its NICs."""
    host = step.tx.host_of(vm.id)
    return bool(step.outcome.silent) and host is not None and host.id == step.text("host")


def end_change(step: Step, event: str, verb: str, done: str) -> None:
    """End the job of a change: well with the machine as its result, or failed because its host said nothing. The change stays."""
    vm = machines.machine_of(step)
    if vm is None:
        machines.gone(step)
    elif refused(step, vm):
        machines.silent(step, vm, event, verb)
    else:
        machines.audit(step, event, f"{done} instance {vm.name}", vm)
        machines.finish(step)
