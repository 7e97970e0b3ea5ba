"""deleteHost."""

from __future__ import annotations

from vxloom.errors import RequestError
from vxloom.server import owners
from vxloom.server.call import Call
from vxloom.server.command import Command
from vxloom.server.lifecycle import hypervisors, maintenance
from vxloom.server.lifecycle import machines as lifecycle
from vxloom.server.parameters import Kind, Parameter
from vxloom.server.responses import Fields, success
from vxloom.store import records


class DeleteHost(Command):
    """Removes a host: its certificate stops working and its stream is cut.

    It must be in maintenance, or not be connected, and no machines may be on it. With ``forced=true`` neither matters: machines are marked
    Stopped, and every peer forgets them.
    """

    name = "deleteHost"
    parameters = (
        Parameter("id", Kind.UUID, "the host", required=True, related="listHosts"),
        Parameter("forced", Kind.BOOLEAN, "remove it although machines are on it"),
    )
    example = "deleteHost id=ID"

    def run(self, call: Call) -> Fields:
        """Return success; raises 530 for a host that works, 536 while machines are on it."""
        given = call.arguments
        with call.write() as tx:
            host = owners.fetch(tx, records.Host, given.need("id"))
            forced = given.flag("forced")
            machines = lifecycle.on_host(tx, host.id)
            if machines and not forced:
                names = ", ".join(vm.name for vm in machines[:5])
                raise RequestError(
                    f"Host {host.name} cannot be removed: {len(machines)} instances are on it, such as {names}",
                    code=536,
                    cs_code=4375,
                    remedy="move or stop them, or give forced=true",
                )
            if not forced and host.state is records.HostState.UP and host.resource_state != "Maintenance":
                raise RequestError(
                    f"Host {host.name} cannot be deleted as it is not in maintenance mode",
                    code=530,
                    cs_code=4250,
                    remedy="prepareHostForMaintenance first, or give forced=true",
                )
            tx.remove_host(host.id)
            for vm in machines:
                lifecycle.leave(tx, vm)
            lifecycle.release_waits(tx, host.id)
            maintenance.abandon(tx, host, f"Host {host.name} was removed")
            hypervisors.note_mixture(tx, host.zone)
            call.event(tx, "HOST.DELETE", f"Removed host {host.name}", "Host", host.id)
            # After the commit: from then on the store refuses the certificate, so a stream that is cut cannot come back.
            call.after_commit(lambda: call.fleet.cut(host.id))
        return success()
