"""Destroyed machines that nobody recovered: gone for good ``expunge.delay`` seconds later."""

from __future__ import annotations

import structlog

from vxloom.server.lifecycle import machines
from vxloom.store import Store, Transaction, records

ACTOR = "expunge"
EVENT = "VM.EXPUNGE"
_AT_ONCE = 100
"""Machines in one transaction: others want to write, too."""
_log = structlog.get_logger(__name__)


def expunge_overdue(store: Store, now: float) -> int:
    """Remove the machines destroyed long enough ago, and return how many; their addresses drain (law 7). ``now``: Unix time, seconds."""
    gone = 0
    while True:
        with store.read() as rx:
            before = now - rx.setting_int("expunge.delay")
            destroyed = rx.all(records.Vm, order="destroyed", state=records.VmState.DESTROYED)
            undated = [vm.id for vm in destroyed if vm.destroyed is None]
            overdue = [vm.id for vm in destroyed if vm.destroyed is not None and vm.destroyed <= before][:_AT_ONCE]
            ready = [vm for vm in overdue if not rx.count(records.Job, status=records.JobStatus.PENDING, instance=vm)]
        if not undated and not ready:
            return gone
        with store.write(ACTOR) as tx:
            for vm in undated:  # destroyed by a version that did not say when
                tx.update(records.Vm, vm, destroyed=now)
            gone += sum(_expunge(tx, vm, before) for vm in ready)


def _expunge(tx: Transaction, identity: str, before: float) -> bool:
    vm = tx.get(records.Vm, identity)
    if vm is None or vm.state is not records.VmState.DESTROYED or (vm.destroyed or before) > before:
        return False  # recovered, or expunged by hand, meanwhile
    machines.remove(tx, vm)
    text = f"Expunged instance {vm.name}: it was destroyed expunge.delay seconds ago"
    tx.event(EVENT, text, account=vm.account, resource_type=machines.INSTANCE, resource=vm.id)
    _log.info("instance expunged", instance=vm.id)
    return True
