"""deleteHost."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import hypervisors
from vxloom.server.lifecycle import machines as lifecycle
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, success
from vxloom.store import Transaction, records


class DeleteHost(Command):
    """Removes a host: its certificate stops working and its stream is cut.

    Refused while machines are on it; with ``forced=true`` they are marked Stopped, and every peer forgets them.
    """

    name = "deleteHost"
    parameters = (
        Parameter("id", Kind.UUID, "the host", required=True, related="listHosts"),
        Parameter("forced", Kind.BOOLEAN, "remove it although machines are on it"),
        Parameter("forcedestroylocalstorage", Kind.BOOLEAN, "taken and ignored"),
    )
    example = "deleteHost id=ID"

    def run(self, call: Call) -> Fields:
        """Return success; raises 536 while machines are on it."""
        given = call.arguments
        with call.write() as tx:
            host = owners.fetch(tx, records.Host, given.need("id"))
            machines = _machines(tx, host)
            if machines and not given.flag("forced"):
                names = ", ".join(vm.name for vm in machines[:5])
                raise RequestError(
                    f"Host {host.name} cannot be removed: {len(machines)} instances are on it, such as {names}",
                    code=536,
                    cs_code=4375,
                    remedy="move or stop them, or give forced=true",
                )
            tx.remove_host(host.id)
            for vm in machines:
                lifecycle.leave(tx, vm)
            lifecycle.release_waits(tx, host.id)
            hypervisors.note_mixture(tx, host.zone)
            call.event(tx, "HOST.DELETE", f"Removed host {host.name}", "Host", host.id)
        # After the commit: from here on the store refuses the certificate, so a stream that is cut cannot come back.
        call.fleet.cut(host.id)
        return success()


def _machines(tx: Transaction, host: records.Host) -> list[records.Vm]:
    nics = {binding.nic for binding in tx.all(records.Binding, host=host.id)}
    machines = {nic.vm for nic in tx.all(records.Nic, id=nics)} if nics else set()
    return tx.all(records.Vm, id=machines) if machines else []
